// Names of segments and their fields after HL7 v2.9 (withdrawn ones by their last name): orders, results, medication, appointments.
// Plain data: a paragraph for a segment; its name and title, then its fields in order between bars.

export const ORDER_SEGMENTS = `
AIG Appointment Information - General Resource
Set ID - AIG | Segment Action Code | Resource ID | Resource Type | Resource Group | Resource Quantity |
Resource Quantity Units | Start Date/Time | Start Date/Time Offset | Start Date/Time Offset Units | Duration |
Duration Units | Allow Substitution Code | Filler Status Code

AIL Appointment Information - Location Resource
Set ID - AIL | Segment Action Code | Location Resource ID | Location Type - AIL | Location Group |
Start Date/Time | Start Date/Time Offset | Start Date/Time Offset Units | Duration | Duration Units |
Allow Substitution Code | Filler Status Code

AIP Appointment Information - Personnel Resource
Set ID - AIP | Segment Action Code | Personnel Resource ID | Resource Type | Resource Group | Start Date/Time |
Start Date/Time Offset | Start Date/Time Offset Units | Duration | Duration Units | Allow Substitution Code |
Filler Status Code

AIS Appointment Information
Set ID - AIS | Segment Action Code | Universal Service Identifier | Start Date/Time | Start Date/Time Offset |
Start Date/Time Offset Units | Duration | Duration Units | Allow Substitution Code | Filler Status Code |
Placer Supplemental Service Information | Filler Supplemental Service Information

APR Appointment Preferences
Time Selection Criteria | Resource Selection Criteria | Location Selection Criteria | Slot Spacing Criteria |
Filler Override Criteria

ARQ Appointment Request
Placer Appointment ID | Filler Appointment ID | Occurrence Number | Placer Group Number | Schedule ID |
Request Event Reason | Appointment Reason | Appointment Type | Appointment Duration | Appointment Duration Units |
Requested Start Date/Time Range | Priority - ARQ | Repeating Interval | Repeating Interval Duration |
Placer Contact Person | Placer Contact Phone Number | Placer Contact Address | Placer Contact Location |
Entered By Person | Entered By Phone Number | Entered By Location | Parent Placer Appointment ID |
Parent Filler Appointment ID | Placer Order Number | Filler Order Number

IAM Patient Adverse Reaction Information
Set ID - IAM | Allergen Type Code | Allergen Code/Mnemonic/Description | Allergy Severity Code |
Allergy Reaction Code | Allergy Action Code | Allergy Unique Identifier | Action Reason |
Sensitivity to Causative Agent Code | Allergen Group Code/Mnemonic/Description | Onset Date | Onset Date Text |
Reported Date/Time | Reported By | Relationship to Patient Code | Alert Device Code |
Allergy Clinical Status Code | Statused by Person | Statused by Organization | Statused at Date/Time

NTE Notes and Comments
Set ID - NTE | Source of Comment | Comment | Comment Type | Entered By | Entered Date/Time |
Effective Start Date | Expiration Date

OBR Observation Request
Set ID - OBR | Placer Order Number | Filler Order Number | Universal Service Identifier | Priority |
Requested Date/Time | Observation Date/Time | Observation End Date/Time | Collection Volume |
Collector Identifier | Specimen Action Code | Danger Code | Relevant Clinical Information |
Specimen Received Date/Time | Specimen Source | Ordering Provider | Order Callback Phone Number | Placer Field 1 |
Placer Field 2 | Filler Field 1 | Filler Field 2 | Results Rpt/Status Chng - Date/Time | Charge to Practice |
Diagnostic Serv Sect ID | Result Status | Parent Result | Quantity/Timing | Result Copies To | Parent |
Transportation Mode | Reason for Study | Principal Result Interpreter | Assistant Result Interpreter |
Technician | Transcriptionist | Scheduled Date/Time | Number of Sample Containers |
Transport Logistics of Collected Sample | Collector's Comment | Transport Arrangement Responsibility |
Transport Arranged | Escort Required | Planned Patient Transport Comment | Procedure Code |
Procedure Code Modifier | Placer Supplemental Service Information | Filler Supplemental Service Information |
Medically Necessary Duplicate Procedure Reason | Result Handling | Parent Universal Service Identifier

OBX Observation/Result
Set ID - OBX | Value Type | Observation Identifier | Observation Sub-ID | Observation Value | Units |
References Range | Interpretation Codes | Probability | Nature of Abnormal Test | Observation Result Status |
Effective Date of Reference Range | User Defined Access Checks | Date/Time of the Observation | Producer's ID |
Responsible Observer | Observation Method | Equipment Instance Identifier | Date/Time of the Analysis |
Observation Site | Observation Instance Identifier | Mood Code | Performing Organization Name |
Performing Organization Address | Performing Organization Medical Director | Patient Results Release Category

ORC Common Order
Order Control | Placer Order Number | Filler Order Number | Placer Group Number | Order Status | Response Flag |
Quantity/Timing | Parent Order | Date/Time of Transaction | Entered By | Verified By | Ordering Provider |
Enterer's Location | Call Back Phone Number | Order Effective Date/Time | Order Control Code Reason |
Entering Organization | Entering Device | Action By | Advanced Beneficiary Notice Code | Ordering Facility Name |
Ordering Facility Address | Ordering Facility Phone Number | Ordering Provider Address | Order Status Modifier |
Advanced Beneficiary Notice Override Reason | Filler's Expected Availability Date/Time | Confidentiality Code |
Order Type | Enterer Authorization Mode | Parent Universal Service Identifier

PR1 Procedures
Set ID - PR1 | Procedure Coding Method | Procedure Code | Procedure Description | Procedure Date/Time |
Procedure Functional Type | Procedure Minutes | Anesthesiologist | Anesthesia Code | Anesthesia Minutes |
Surgeon | Procedure Practitioner | Consent Code | Procedure Priority | Associated Diagnosis Code |
Procedure Code Modifier | Procedure DRG Type | Tissue Type Code | Procedure Identifier | Procedure Action Code

RGS Resource Group
Set ID - RGS | Segment Action Code | Resource Group ID

ROL Role
Role Instance ID | Action Code | Role-ROL | Role Person | Role Begin Date/Time | Role End Date/Time |
Role Duration | Role Action Reason | Provider Type | Organization Unit Type | Office/Home Address/Birthplace |
Phone

RXA Pharmacy/Treatment Administration
Give Sub-ID Counter | Administration Sub-ID Counter | Date/Time Start of Administration |
Date/Time End of Administration | Administered Code | Administered Amount | Administered Units |
Administered Dosage Form | Administration Notes | Administering Provider | Administered-at Location |
Administered Per (Time Unit) | Administered Strength | Administered Strength Units | Substance Lot Number |
Substance Expiration Date | Substance Manufacturer Name | Substance/Treatment Refusal Reason | Indication |
Completion Status | Action Code - RXA | System Entry Date/Time | Administered Drug Strength Volume |
Administered Drug Strength Volume Units | Administered Barcode Identifier | Pharmacy Order Type

RXC Pharmacy/Treatment Component Order
RX Component Type | Component Code | Component Amount | Component Units | Component Strength |
Component Strength Units | Supplementary Code | Component Drug Strength Volume |
Component Drug Strength Volume Units

RXD Pharmacy/Treatment Dispense
Dispense Sub-ID Counter | Dispense/Give Code | Date/Time Dispensed | Actual Dispense Amount |
Actual Dispense Units | Actual Dosage Form | Prescription Number | Number of Refills Remaining | Dispense Notes |
Dispensing Provider | Substitution Status | Total Daily Dose | Dispense-to Location | Needs Human Review |
Special Dispensing Instructions | Actual Strength | Actual Strength Unit | Substance Lot Number |
Substance Expiration Date | Substance Manufacturer Name | Indication

RXE Pharmacy/Treatment Encoded Order
Quantity/Timing | Give Code | Give Amount - Minimum | Give Amount - Maximum | Give Units | Give Dosage Form |
Provider's Administration Instructions | Deliver-to Location | Substitution Status | Dispense Amount |
Dispense Units | Number of Refills | Ordering Provider's DEA Number |
Pharmacist/Treatment Supplier's Verifier ID | Prescription Number | Number of Refills Remaining |
Number of Refills/Doses Dispensed | D/T of Most Recent Refill or Dose Dispensed | Total Daily Dose |
Needs Human Review | Special Dispensing Instructions | Give Per (Time Unit) | Give Rate Amount | Give Rate Units |
Give Strength | Give Strength Units | Give Indication | Dispense Package Size | Dispense Package Size Unit |
Dispense Package Method | Supplementary Code | Original Order Date/Time | Give Drug Strength Volume |
Give Drug Strength Volume Units | Controlled Substance Schedule | Formulary Status |
Pharmaceutical Substance Alternative | Pharmacy of Most Recent Fill | Initial Dispense Amount |
Dispensing Pharmacy | Dispensing Pharmacy Address | Deliver-to Patient Location | Deliver-to Address |
Pharmacy Order Type

RXO Pharmacy/Treatment Order
Requested Give Code | Requested Give Amount - Minimum | Requested Give Amount - Maximum | Requested Give Units |
Requested Dosage Form | Provider's Pharmacy/Treatment Instructions | Provider's Administration Instructions |
Deliver-to Location | Allow Substitutions | Requested Dispense Code | Requested Dispense Amount |
Requested Dispense Units | Number of Refills | Ordering Provider's DEA Number |
Pharmacist/Treatment Supplier's Verifier ID | Needs Human Review | Requested Give Per (Time Unit) |
Requested Give Strength | Requested Give Strength Units | Indication | Requested Give Rate Amount |
Requested Give Rate Units | Total Daily Dose | Supplementary Code | Requested Drug Strength Volume |
Requested Drug Strength Volume Units | Pharmacy Order Type | Dispensing Interval

RXR Pharmacy/Treatment Route
Route | Administration Site | Administration Device | Administration Method | Routing Instruction |
Administration Site Modifier

SAC Specimen Container Detail
External Accession Identifier | Accession Identifier | Container Identifier |
Primary (Parent) Container Identifier | Equipment Container Identifier | Specimen Source |
Registration Date/Time | Container Status | Carrier Type | Carrier Identifier | Position in Carrier

SCH Scheduling Activity Information
Placer Appointment ID | Filler Appointment ID | Occurrence Number | Placer Group Number | Schedule ID |
Event Reason | Appointment Reason | Appointment Type | Appointment Duration | Appointment Duration Units |
Appointment Timing Quantity | Placer Contact Person | Placer Contact Phone Number | Placer Contact Address |
Placer Contact Location | Filler Contact Person | Filler Contact Phone Number | Filler Contact Address |
Filler Contact Location | Entered By Person | Entered By Phone Number | Entered By Location |
Parent Placer Appointment ID | Parent Filler Appointment ID | Filler Status Code | Placer Order Number |
Filler Order Number | Alternate Placer Order Group Number

SPM Specimen
Set ID - SPM | Specimen ID | Specimen Parent IDs | Specimen Type | Specimen Type Modifier | Specimen Additives |
Specimen Collection Method | Specimen Source Site | Specimen Source Site Modifier | Specimen Collection Site |
Specimen Role | Specimen Collection Amount | Grouped Specimen Count | Specimen Description |
Specimen Handling Code | Specimen Risk Code | Specimen Collection Date/Time | Specimen Received Date/Time |
Specimen Expiration Date/Time | Specimen Availability | Specimen Reject Reason | Specimen Quality |
Specimen Appropriateness | Specimen Condition | Specimen Current Quantity | Number of Specimen Containers |
Container Type | Container Condition | Specimen Child Role

TQ1 Timing/Quantity
Set ID - TQ1 | Quantity | Repeat Pattern | Explicit Time | Relative Time and Units | Service Duration |
Start Date/Time | End Date/Time | Priority | Condition Text | Text Instruction | Conjunction |
Occurrence Duration | Total Occurrences

TQ2 Timing/Quantity Relationship
Set ID - TQ2 | Sequence/Results Flag | Related Placer Number | Related Filler Number |
Related Placer Group Number | Sequence Condition Code | Cyclic Entry/Exit Indicator |
Sequence Condition Time Interval | Cyclic Group Maximum Number of Repeats | Special Service Request Relationship

TXA Transcription Document Header
Set ID - TXA | Document Type | Document Content Presentation | Activity Date/Time |
Primary Activity Provider Code/Name | Origination Date/Time | Transcription Date/Time | Edit Date/Time |
Originator Code/Name | Assigned Document Authenticator | Transcriptionist Code/Name | Unique Document Number |
Parent Document Number | Placer Order Number | Filler Order Number | Unique Document File Name |
Document Completion Status | Document Confidentiality Status | Document Availability Status |
Document Storage Status | Document Change Reason | Authentication Person, Time Stamp | Distributed Copies
`;
