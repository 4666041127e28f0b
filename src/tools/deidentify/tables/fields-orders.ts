// What each field holds, by segment: orders and medication (HL7 v2.9.1 chapters 4, 4A), results and specimens (7),
// documents (9), appointments (10). A field that is not listed is blanked.

/** As in fields-patient.ts. `OBX-5` is what OBX-2 says. */
export const ORDER_FIELDS = `
ORC 1 code, 2-4 EI, 5-6 code, 7 TQ, 8 EIP, 9 date, 10-12 XCN, 13 PL, 14 XTN, 15 date, 16-18 code, 19 XCN, 20 code, 21 XON, 22 XAD, 23 XTN, 24 XAD, 25-26 code, 27 date, 28-32 code, 33 CX, 34 EI
OBR 1 value, 2-3 EI, 4-5 code, 6-8 date, 9 CQ, 10 XCN, 11-12 code, 14 date, 15 SPS, 16 XCN, 17 XTN, 18-21 id, 22 date, 23 CP, 24-25 code, 26 PRL, 27 TQ, 28 XCN, 29 EIP, 30-31 code, 32-35 NDL, 36 date, 37 value, 38 code, 40-42 code, 44-50 code
OBX 1 value, 2-3 code, 4 value, 5 any, 6 code, 7 value, 8 code, 9 value, 10-11 code, 12 date, 13 code, 14 date, 15 codeOnly, 16 XCN, 17 code, 18 EI, 19 date, 20 code, 21 EI, 22 code, 23 XON, 24 XAD, 25 XCN, 26 code
SPM 1 value, 2-3 EIP, 4-11 code, 12 CQ, 13 value, 15-16 code, 17 range, 18-19 date, 20-24 code, 25 CQ, 26 value, 27-29 code, 30-31 CX
SAC 1-5 EI, 6 SPS, 7 date, 8-9 code, 10 EI, 11 value
TQ1 1 value, 2 CQ, 3 value, 4 value, 5-6 CQ, 7-8 date, 9 code, 12 code, 13 CQ, 14 value
TQ2 1 value, 2 code, 3-5 EI, 6-7 code, 8 CQ, 9 value, 10 code
BLG 1 codeAndDate, 2 code, 3 CX, 4 code
ODS 1 code, 3 code
ODT 1-2 code
CTI 1 EI, 2-3 code

RXO 1 code, 2-3 value, 4-5 code, 8 PL, 9-10 code, 11 value, 12 code, 13 value, 14-15 XCN, 16 code, 17-18 value, 19-20 code, 21 value, 22 code, 23 value, 24 code, 25 value, 26-27 code, 28 value
RXE 1 TQ, 2 code, 3-4 value, 5-6 code, 8 PL, 9 code, 10 value, 11 code, 12 value, 13-14 XCN, 15 id, 16-17 value, 18 date, 19 CQ, 20 code, 22-23 value, 24 code, 25 value, 26-27 code, 28 value, 29-31 code, 32 date, 33 value, 34-37 code, 38 codeOnly, 39 value, 40 codeOnly, 41 XAD, 42 PL, 43 XAD, 44 code
RXD 1 value, 2 code, 3 date, 4 value, 5-6 code, 7 id, 8 value, 10 XCN, 11 code, 12 CQ, 13 PL, 14 code, 16 value, 17-18 code, 19 date, 20-21 code
RXG 1-2 value, 3 TQ, 4 code, 5-6 value, 7-8 code, 10 code, 11 PL, 12 code, 14-15 value, 16 code, 17 value, 18-19 code, 20 date, 21-22 code
RXA 1-2 value, 3-4 date, 5 code, 6 value, 7-8 code, 9 codeOnly, 10 XCN, 11 PL, 12-13 value, 14-15 code, 16 date, 17-21 code, 22 date, 23 value, 24-26 code
RXC 1-2 code, 3 value, 4 code, 5 value, 6-7 code, 8 value, 9 code
RXR 1-6 code

TXA 1 value, 2-3 code, 4 date, 5 XCN, 6-8 date, 9-11 XCN, 12-15 EI, 16 id, 17-20 code, 22 PPN, 23 XCN

SCH 1-2 EI, 3 value, 4 EI, 5-8 code, 9 value, 10 code, 11 TQ, 12 XCN, 13 XTN, 14 XAD, 15 PL, 16 XCN, 17 XTN, 18 XAD, 19 PL, 20 XCN, 21 XTN, 22 PL, 23-24 EI, 25 code, 26-28 EI
ARQ 1-2 EI, 3 value, 4 EI, 5-8 code, 9 value, 10 code, 11 range, 12-14 value, 15 XCN, 16 XTN, 17 XAD, 18 PL, 19 XCN, 20 XTN, 21 PL, 22-25 EI
RGS 1 value, 2 code, 3 codeOnly
AIS 1 value, 2-3 code, 4 date, 5 value, 6 code, 7 value, 8-12 code
AIG 1 value, 2 code, 3 codeOnly, 4 code, 5 codeOnly, 6 value, 7 code, 8 date, 9 value, 10 code, 11 value, 12-14 code
AIL 1 value, 2 code, 3 PL, 4-5 code, 6 date, 7 value, 8 code, 9 value, 10-12 code
AIP 1 value, 2 code, 3 XCN, 4 code, 5 codeOnly, 6 date, 7 value, 8 code, 9 value, 10-12 code
RF1 1-5 code, 6 EI, 7-9 date, 10 code, 11 EI
`;
