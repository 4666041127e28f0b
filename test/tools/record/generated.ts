// A thousand different messages about invented people with names and numbers that nothing else has, so that a search for
// them finds no other thing. By a seed: the same ones each time.
export interface Generated {
  readonly bytes: Buffer;
  readonly controlId: string;
  /** What must not be in a recording. */
  readonly planted: readonly string[];
}

const TYPES = [
  'ADT^A01^ADT_A01',
  'ADT^A08^ADT_A01',
  'ORU^R01^ORU_R01',
  'ORM^O01',
  'SIU^S12^SIU_S12',
  'DFT^P03',
  'VXU^V04^VXU_V04',
];
const SENDERS = ['ADMIT|NORTH', 'LABSYS|EAST', 'RIS|WEST', 'CLINIC|SOUTH'];
const CODES = ['AA', 'AA', 'AA', 'AE', 'AR'];

function pseudoRandom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    // Numerical Recipes' linear congruential generator.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

export function generate(count: number, seed = 1): Generated[] {
  const pick = pseudoRandom(seed);
  const word = (): string => Array.from({ length: 7 }, () => 'QWXYHJCV'.charAt(pick(8))).join('');
  return Array.from({ length: count }, (_, i) => {
    const person = {
      family: word(),
      given: word(),
      mother: word(),
      street: word(),
      doctor: word(),
      note: word(),
    };
    const id = `7${String(i).padStart(4, '0')}${1000 + pick(9000)}`;
    const phone = `555${1_000_000 + pick(8_999_999)}`;
    const birth = `${1930 + pick(90)}0${1 + pick(9)}1${pick(9)}`;
    const type = TYPES[pick(TYPES.length)] as string;
    const sender = SENDERS[pick(SENDERS.length)] as string;
    const controlId = `G${String(i).padStart(5, '0')}${CODES[pick(CODES.length)]}`;
    const charset = pick(4) === 0 ? '8859/1' : pick(3) === 0 ? 'UNICODE UTF-8' : '';
    const accented = charset === '' ? '' : 'Ä';
    const lines = [
      `MSH|^~\\&|${sender}|EHR|HQ|20261103081512||${type}|${controlId}|${pick(5) === 0 ? 'T' : 'P'}|2.5||||||${charset}`,
      `EVN||2026110308${10 + pick(50)}10|||U104^${person.doctor}^ANNA`,
      `PID|1||${id}^^^${pick(2) === 0 ? 'MAIN' : 'TEST'}^MR~${id}9^^^PAYER^MB||${person.family}${accented}^${person.given}^^^^^L|${person.mother}|${birth}|${pick(2) === 0 ? 'F' : 'M'}|||${pick(99)} ${person.street} Rd&${person.street}^^Testville^^10001||^PRN^PH^^1^555^${phone.slice(3)}~${phone}`,
      `NK1|1|${person.family}^${person.mother}|SPO^Spouse^HL70063||${phone}`,
      `PV1|1|${pick(2) === 0 ? 'I' : 'O'}|4W^${pick(500)}^A^NORTH||||7001^${person.doctor}^CORA^^^DR||||||||||||V${id}`,
      `OBX|1|TX|CMT^Comment^L||${person.note}: \\T\\ ${person.family} was seen~again ${person.given.toLowerCase()}||||||F`,
      `OBX|2|NM|2345-7^Glucose^LN||${pick(200)}|mg/dL|70-105|N|||F`,
      `NTE|1|L|\\X${Buffer.from(person.family, 'latin1').toString('hex')}\\ ${person.note}`,
      `ZPI|1|${person.family}|${id}`,
    ];
    const separator = ['\r', '\r', '\n', '\r\n'][pick(4)] as string;
    const text = lines.join(separator) + separator;
    const bytes = Buffer.from(text, charset === '8859/1' ? 'latin1' : 'utf8');
    return { bytes, controlId, planted: [...Object.values(person), id, phone, phone.slice(3), birth] };
  });
}
