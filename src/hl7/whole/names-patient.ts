// Names of segments and their fields after HL7 v2.9 (withdrawn ones by their last name): control, queries, patients, visits, accounts.
// Plain data: a paragraph for a segment; its name and title, then its fields in order between bars.

export const PATIENT_SEGMENTS = `
ACC Accident
Accident Date/Time | Accident Code | Accident Location | Auto Accident State | Accident Job Related Indicator |
Accident Death Indicator | Entered By | Accident Description | Brought In By | Police Notified Indicator |
Accident Address | Degree of Patient Liability | Accident Identifier

AL1 Patient Allergy Information
Set ID - AL1 | Allergen Type Code | Allergen Code/Mnemonic/Description | Allergy Severity Code |
Allergy Reaction Code | Identification Date

BHS Batch Header
Batch Field Separator | Batch Encoding Characters | Batch Sending Application | Batch Sending Facility |
Batch Receiving Application | Batch Receiving Facility | Batch Creation Date/Time | Batch Security |
Batch Name/ID/Type | Batch Comment | Batch Control ID | Reference Batch Control ID |
Batch Sending Network Address | Batch Receiving Network Address

BTS Batch Trailer
Batch Message Count | Batch Comment | Batch Totals

CTD Contact Data
Contact Role | Contact Name | Contact Address | Contact Location | Contact Communication Information |
Preferred Method of Contact | Contact Identifiers

DG1 Diagnosis
Set ID - DG1 | Diagnosis Coding Method | Diagnosis Code - DG1 | Diagnosis Description | Diagnosis Date/Time |
Diagnosis Type | Major Diagnostic Category | Diagnostic Related Group | DRG Approval Indicator |
DRG Grouper Review Code | Outlier Type | Outlier Days | Outlier Cost | Grouper Version And Type |
Diagnosis Priority | Diagnosing Clinician | Diagnosis Classification | Confidential Indicator |
Attestation Date/Time | Diagnosis Identifier | Diagnosis Action Code | Parent Diagnosis | DRG CCL Value Code |
DRG Grouping Usage | DRG Diagnosis Determination Status | Present On Admission (POA) Indicator

DSC Continuation Pointer
Continuation Pointer | Continuation Style

ERR Error
Error Code and Location | Error Location | HL7 Error Code | Severity | Application Error Code |
Application Error Parameter | Diagnostic Information | User Message | Inform Person Indicator | Override Type |
Override Reason Code | Help Desk Contact Point

EVN Event Type
Event Type Code | Recorded Date/Time | Date/Time Planned Event | Event Reason Code | Operator ID |
Event Occurred | Event Facility

FHS File Header
File Field Separator | File Encoding Characters | File Sending Application | File Sending Facility |
File Receiving Application | File Receiving Facility | File Creation Date/Time | File Security | File Name/ID |
File Header Comment | File Control ID | Reference File Control ID | File Sending Network Address |
File Receiving Network Address

FT1 Financial Transaction
Set ID - FT1 | Transaction ID | Transaction Batch ID | Transaction Date | Transaction Posting Date |
Transaction Type | Transaction Code | Transaction Description | Transaction Description - Alt |
Transaction Quantity | Transaction Amount - Extended | Transaction Amount - Unit | Department Code |
Health Plan ID | Insurance Amount | Assigned Patient Location | Fee Schedule | Patient Type |
Diagnosis Code - FT1 | Performed By Code | Ordered By Code | Unit Cost | Filler Order Number | Entered By Code |
Procedure Code | Procedure Code Modifier | Advanced Beneficiary Notice Code |
Medically Necessary Duplicate Procedure Reason | NDC Code | Payment Reference ID | Transaction Reference Key

FTS File Trailer
File Batch Count | File Trailer Comment

GT1 Guarantor
Set ID - GT1 | Guarantor Number | Guarantor Name | Guarantor Spouse Name | Guarantor Address |
Guarantor Phone Number - Home | Guarantor Phone Number - Business | Guarantor Date/Time of Birth |
Guarantor Administrative Sex | Guarantor Type | Guarantor Relationship | Guarantor SSN | Guarantor Date - Begin |
Guarantor Date - End | Guarantor Priority | Guarantor Employer Name | Guarantor Employer Address |
Guarantor Employer Phone Number | Guarantor Employee ID Number | Guarantor Employment Status |
Guarantor Organization Name

IN1 Insurance
Set ID - IN1 | Health Plan ID | Insurance Company ID | Insurance Company Name | Insurance Company Address |
Insurance Co Contact Person | Insurance Co Phone Number | Group Number | Group Name | Insured's Group Emp ID |
Insured's Group Emp Name | Plan Effective Date | Plan Expiration Date | Authorization Information | Plan Type |
Name Of Insured | Insured's Relationship To Patient | Insured's Date Of Birth | Insured's Address |
Assignment Of Benefits | Coordination Of Benefits | Coord Of Ben. Priority | Notice Of Admission Flag |
Notice Of Admission Date | Report Of Eligibility Flag | Report Of Eligibility Date | Release Information Code |
Pre-Admit Cert (PAC) | Verification Date/Time | Verification By | Type Of Agreement Code | Billing Status |
Lifetime Reserve Days | Delay Before L.R. Day | Company Plan Code | Policy Number | Policy Deductible |
Policy Limit - Amount | Policy Limit - Days | Room Rate - Semi-Private | Room Rate - Private |
Insured's Employment Status | Insured's Administrative Sex | Insured's Employer's Address | Verification Status |
Prior Insurance Plan ID | Coverage Type | Handicap | Insured's ID Number | Signature Code | Signature Code Date |
Insured's Birth Place | VIP Indicator

MFE Master File Entry
Record-Level Event Code | MFN Control ID | Effective Date/Time | Primary Key Value - MFE |
Primary Key Value Type | Entered Date/Time | Entered By

MFI Master File Identification
Master File Identifier | Master File Application Identifier | File-Level Event Code | Entered Date/Time |
Effective Date/Time | Response Level Code

MRG Merge Patient Information
Prior Patient Identifier List | Prior Alternate Patient ID | Prior Patient Account Number | Prior Patient ID |
Prior Visit Number | Prior Alternate Visit ID | Prior Patient Name

MSA Message Acknowledgment
Acknowledgment Code | Message Control ID | Text Message | Expected Sequence Number | Delayed Acknowledgment Type |
Error Condition | Message Waiting Number | Message Waiting Priority

MSH Message Header
Field Separator | Encoding Characters | Sending Application | Sending Facility | Receiving Application |
Receiving Facility | Date/Time of Message | Security | Message Type | Message Control ID | Processing ID |
Version ID | Sequence Number | Continuation Pointer | Accept Acknowledgment Type |
Application Acknowledgment Type | Country Code | Character Set | Principal Language of Message |
Alternate Character Set Handling Scheme | Message Profile Identifier | Sending Responsible Organization |
Receiving Responsible Organization | Sending Network Address | Receiving Network Address |
Security Classification Tag | Security Handling Instructions | Special Access Restriction Instructions

NK1 Next of Kin / Associated Parties
Set ID - NK1 | Name | Relationship | Address | Phone Number | Business Phone Number | Contact Role | Start Date |
End Date | Next of Kin / Associated Parties Job Title | Next of Kin / Associated Parties Job Code/Class |
Next of Kin / Associated Parties Employee Number | Organization Name - NK1 | Marital Status | Administrative Sex |
Date/Time of Birth | Living Dependency | Ambulatory Status | Citizenship | Primary Language | Living Arrangement |
Publicity Code | Protection Indicator | Student Indicator | Religion | Mother's Maiden Name | Nationality |
Ethnic Group | Contact Reason | Contact Person's Name | Contact Person's Telephone Number |
Contact Person's Address | Next of Kin/Associated Party's Identifiers | Job Status | Race | Handicap |
Contact Person Social Security Number | Next of Kin Birth Place | VIP Indicator

PD1 Patient Additional Demographic
Living Dependency | Living Arrangement | Patient Primary Facility | Patient Primary Care Provider Name & ID No. |
Student Indicator | Handicap | Living Will Code | Organ Donor Code | Separate Bill | Duplicate Patient |
Publicity Code | Protection Indicator | Protection Indicator Effective Date | Place of Worship |
Advance Directive Code | Immunization Registry Status | Immunization Registry Status Effective Date |
Publicity Code Effective Date | Military Branch | Military Rank/Grade | Military Status |
Advance Directive Last Verified Date

PID Patient Identification
Set ID - PID | Patient ID | Patient Identifier List | Alternate Patient ID - PID | Patient Name |
Mother's Maiden Name | Date/Time of Birth | Administrative Sex | Patient Alias | Race | Patient Address |
County Code | Phone Number - Home | Phone Number - Business | Primary Language | Marital Status | Religion |
Patient Account Number | SSN Number - Patient | Driver's License Number - Patient | Mother's Identifier |
Ethnic Group | Birth Place | Multiple Birth Indicator | Birth Order | Citizenship | Veterans Military Status |
Nationality | Patient Death Date and Time | Patient Death Indicator | Identity Unknown Indicator |
Identity Reliability Code | Last Update Date/Time | Last Update Facility | Taxonomic Classification Code |
Breed Code | Strain | Production Class Code | Tribal Citizenship | Patient Telecommunication Information

PRA Practitioner Detail
Primary Key Value - PRA | Practitioner Group | Practitioner Category | Provider Billing | Specialty |
Practitioner ID Numbers | Privileges | Date Entered Practice | Institution | Date Left Practice |
Government Reimbursement Billing Eligibility | Set ID - PRA

PV1 Patient Visit
Set ID - PV1 | Patient Class | Assigned Patient Location | Admission Type | Preadmit Number |
Prior Patient Location | Attending Doctor | Referring Doctor | Consulting Doctor | Hospital Service |
Temporary Location | Preadmit Test Indicator | Re-admission Indicator | Admit Source | Ambulatory Status |
VIP Indicator | Admitting Doctor | Patient Type | Visit Number | Financial Class | Charge Price Indicator |
Courtesy Code | Credit Rating | Contract Code | Contract Effective Date | Contract Amount | Contract Period |
Interest Code | Transfer to Bad Debt Code | Transfer to Bad Debt Date | Bad Debt Agency Code |
Bad Debt Transfer Amount | Bad Debt Recovery Amount | Delete Account Indicator | Delete Account Date |
Discharge Disposition | Discharged to Location | Diet Type | Servicing Facility | Bed Status | Account Status |
Pending Location | Prior Temporary Location | Admit Date/Time | Discharge Date/Time | Current Patient Balance |
Total Charges | Total Adjustments | Total Payments | Alternate Visit ID | Visit Indicator |
Other Healthcare Provider | Service Episode Description | Service Episode Identifier

PV2 Patient Visit - Additional Information
Prior Pending Location | Accommodation Code | Admit Reason | Transfer Reason | Patient Valuables |
Patient Valuables Location | Visit User Code | Expected Admit Date/Time | Expected Discharge Date/Time |
Estimated Length of Inpatient Stay | Actual Length of Inpatient Stay | Visit Description | Referral Source Code |
Previous Service Date | Employment Illness Related Indicator | Purge Status Code | Purge Status Date |
Special Program Code | Retention Indicator | Expected Number of Insurance Plans | Visit Publicity Code |
Visit Protection Indicator | Clinic Organization Name | Patient Status Code | Visit Priority Code |
Previous Treatment Date | Expected Discharge Disposition | Signature on File Date | First Similar Illness Date |
Patient Charge Adjustment Code | Recurring Service Code | Billing Media Code | Expected Surgery Date and Time |
Military Partnership Code | Military Non-Availability Code | Newborn Baby Indicator | Baby Detained Indicator |
Mode of Arrival Code | Recreational Drug Use Code | Admission Level of Care Code | Precaution Code |
Patient Condition Code | Living Will Code | Organ Donor Code | Advance Directive Code |
Patient Status Effective Date | Expected LOA Return Date/Time | Expected Pre-admission Testing Date/Time |
Notify Clergy Code | Advance Directive Last Verified Date

QAK Query Acknowledgment
Query Tag | Query Response Status | Message Query Name | Hit Count | This Payload | Hits Remaining

QPD Query Parameter Definition
Message Query Name | Query Tag | User Parameters (in successive fields)

QRD Original-Style Query Definition
Query Date/Time | Query Format Code | Query Priority | Query ID | Deferred Response Type |
Deferred Response Date/Time | Quantity Limited Request | Who Subject Filter | What Subject Filter |
What Department Data Code | What Data Code Value Qual. | Query Results Level

QRF Original-Style Query Filter
Where Subject Filter | When Data Start Date/Time | When Data End Date/Time | What User Qualifier |
Other QRY Subject Filter | Which Date/Time Qualifier | Which Date/Time Status Qualifier |
Date/Time Selection Qualifier | When Quantity/Timing Qualifier | Search Confidence Threshold

RCP Response Control Parameter
Query Priority | Quantity Limited Request | Response Modality | Execution and Delivery Time | Modify Indicator |
Sort-by Field | Segment Group Inclusion

SFT Software
Software Vendor Organization | Software Certified Version or Release Number | Software Product Name |
Software Binary ID | Software Product Information | Software Install Date

STF Staff Identification
Primary Key Value - STF | Staff Identifier List | Staff Name | Staff Type | Administrative Sex |
Date/Time of Birth | Active/Inactive Flag | Department | Hospital Service - STF | Phone |
Office/Home Address/Birthplace | Institution Activation Date | Institution Inactivation Date | Backup Person ID |
E-Mail Address | Preferred Method of Contact | Marital Status | Job Title | Job Code/Class |
Employment Status Code | Additional Insured on Auto | Driver's License Number - Staff | Copy Auto Ins |
Auto Ins Expires | Date Last DMV Review | Date Next DMV Review
`;
