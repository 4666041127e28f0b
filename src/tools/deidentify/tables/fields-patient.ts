// What each field holds, by segment: control (HL7 v2.9.1 chapter 2), queries (5), patients and visits (3), accounts (6),
// master files (8) and staff (15). A field that is not listed is blanked.

/** A line for a segment: its name, then numbers or ranges of fields and what they hold. */
export const PATIENT_FIELDS = `
MSH 1-6 verbatim, 7 date, 8-25 verbatim, 26-28 code
FHS 1-6 verbatim, 7 date, 8 verbatim, 11-12 verbatim, 13-14 place
BHS 1-6 verbatim, 7 date, 8 verbatim, 11-12 verbatim, 13-14 place
BTS 1 value, 3 value
FTS 1 value
MSA 1-2 verbatim, 4 value, 5 code, 6 code, 7-8 value
ERR 1 code, 2 value, 3 code, 4 code, 5 code, 9 code, 10-11 code, 12 XTN
DSC 1 id, 2 code
SFT 1 place, 2-4 place, 6 verbatim
OVR 1-2 code, 4-5 XCN
UAC 1 code
NTE 1 value, 2 code, 4 code, 5 XCN, 6-8 date

QAK 1 verbatim, 2-3 code, 4-6 value
QID 1 verbatim, 2 code
QPD 1 code, 2 verbatim, 3-40 QIP
QRD 1 date, 2-3 code, 4 verbatim, 5 code, 6 date, 7 CQ, 8 XCN, 9-10 code, 12 code
QRF 1 codeOnly, 2-3 date, 6-8 code, 9 TQ, 10 value
RCP 1 code, 2 CQ, 3 code, 4 date, 5 code, 6 value, 7 code
RDF 1 value, 2 code
DSP 1-2 value

EVN 1 code, 2-3 date, 4 code, 5 XCN, 6 date, 7 place
PID 1 value, 2-4 CX, 5-6 XPN, 7 date, 8 code, 9 XPN, 10 code, 11 XAD, 13-14 XTN, 15-17 code, 18 CX, 19 id, 20 DLN, 21 CX, 22 code, 23 town, 24 code, 25 value, 26-28 code, 29 date, 30-32 code, 33 date, 34 place, 35-36 code, 38 code, 39 code, 40 XTN
PD1 1-2 code, 3 XON, 4 XCN, 5-9 code, 10 CX, 11-12 code, 13 date, 14 XON, 15-16 code, 17-18 date, 19-21 code, 22 date
NK1 1 value, 2 XPN, 3 code, 4 XAD, 5-6 XTN, 7 code, 8-9 date, 11 codeOnly, 12 CX, 13 XON, 14-15 code, 16 date, 17-25 code, 26 XPN, 27-29 code, 30 XPN, 31 XTN, 32 XAD, 33 CX, 34-36 code, 37 id, 38 word, 39 code, 40-41 XTN
PV1 1 value, 2 code, 3 PL, 4 code, 5 CX, 6 PL, 7-9 XCN, 10 code, 11 PL, 12-16 code, 17 XCN, 18 code, 19 CX, 20 codeAndDate, 21-24 code, 25 date, 26-27 value, 28-29 code, 30 date, 31 code, 32-33 value, 34 code, 35 date, 36 code, 37 codeAndDate, 38-41 code, 42-43 PL, 44-45 date, 46-49 value, 50 CX, 51 code, 52 XCN, 54 CX
PV2 1 PL, 2-4 code, 7 code, 8-9 date, 10-11 value, 13 XCN, 14 date, 15-16 code, 17 date, 18-19 code, 20 value, 21-22 code, 23 XON, 24-25 code, 26 date, 27 code, 28-29 date, 30-32 code, 33 date, 34-45 code, 46-48 date, 49 code, 50 date
ROL 1 EI, 2-3 code, 4 XCN, 5-6 date, 7-10 code, 11 XAD, 12 XTN, 13 PL, 14 XON
PRT 1 EI, 2-4 code, 5 XCN, 6-7 code, 8 XON, 9 PL, 10 EI, 11-12 date, 13 code, 14 XAD, 15 XTN, 16 EI
MRG 1-6 CX, 7 XPN
AL1 1 value, 2-5 code, 6 date
IAM 1 value, 2-6 code, 7 EI, 9-10 code, 11 date, 13 date, 14 XPN, 15-17 code, 18 XCN, 19 XON, 20 date
DB1 1 value, 2 code, 3 CX, 4 code, 5-8 date

ACC 1 date, 2 code, 4-6 code, 7 XCN, 10 code, 11 XAD, 12 value, 13 EI
DG1 1 value, 2-3 code, 5 date, 6-11 code, 12-15 value, 16 XCN, 17-18 code, 19 date, 20 EI, 21 code, 22 EI, 23-26 code
DRG 1 code, 2 date, 3-5 code, 6-7 value, 8 code, 10 code
FT1 1 value, 2-3 id, 4 range, 5 date, 6-7 code, 10 value, 11-12 CP, 13-14 code, 15 CP, 16 PL, 17-19 code, 20-21 XCN, 22 CP, 23 EI, 24 XCN, 25-29 code, 30 CX, 31 id
GT1 1 value, 2 CX, 3-4 XPN, 5 XAD, 6-7 XTN, 8 date, 9-11 code, 12 id, 13-14 date, 15 value, 16 XPN, 17 XAD, 18 XTN, 19 CX, 20 code, 21 XON, 22-23 code, 24 date, 25-26 code, 28 value, 29 CX, 30 code, 31-32 date, 33-41 code, 42 XPN, 43-44 code, 45 XPN, 46 XTN, 47-48 code, 50 codeOnly, 51 XON, 52-53 code, 54 codeAndDate, 55 code, 56 word, 57 code
IN1 1 value, 2 code, 3 code, 4 XON, 5 XAD, 6 XPN, 7 XTN, 8 id, 9 XON, 10 CX, 11 XON, 12-13 date, 14 AUI, 15 code, 16 XPN, 17 code, 18 date, 19 XAD, 20-21 code, 22 value, 23 code, 24 date, 25 code, 26 date, 27 code, 28 id, 29 date, 30 XCN, 31-32 code, 33-34 value, 35 code, 36 id, 37-41 CP, 42-43 code, 44 XAD, 45-48 code, 49 CX, 50 code, 51 date, 52 word, 53 code
IN2 1 CX, 2 id, 3 XCN, 4-5 code, 6 id, 7 XPN, 8 id, 9 XPN, 10 id, 61 CX, 63 XTN
IN3 1 value, 2 CX, 3 XCN
PR1 1 value, 2-3 code, 5 date, 6 code, 7 value, 8 XCN, 9 code, 10 value, 11-12 XCN, 13 code, 14 value, 15-18 code, 19 EI, 20 code

MFI 1 code, 2 place, 3 code, 4-5 date, 6 code
MFE 1 code, 2 verbatim, 3 date, 4 CX, 5 code, 6 date, 7 XCN
MFA 1 code, 2 verbatim, 3 date, 4 code, 5 CX, 6 code
STF 1-2 CX, 3 XPN, 4-5 code, 6 date, 7-9 code, 10 XTN, 11 XAD, 12-13 dateAndCode, 14 CX, 15 word, 16-17 code, 19-21 code, 22 DLN, 23 code, 24-26 date
PRA 1 CX, 2-5 codeOnly, 6 PLN, 7 code, 8 date, 9 codeOnly, 10 date, 11 code, 12 value
CTD 1 code, 2 XPN, 3 XAD, 4 PL, 5 XTN, 6 code, 7 PLN
`;
