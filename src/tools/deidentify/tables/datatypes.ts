// What is done with each component of a datatype (HL7 v2.9.1 chapter 2A; those of older versions by their last definition).
// A component that is not listed is blanked.

/**
 * What is done with a value:
 * `v` stays, whatever it is; `c` stays if it looks like a code; `h` stays if it is short (the name of a system, a ward);
 * `k` stays if it is a number, a range or one word; `n` if it is a number; `L` stays behind a code: its text;
 * `w` a word instead (names of people), `a` likewise (organisations), `A` likewise (where somebody lives); `i` an identifier instead; `t` a number of the same
 * length (telephones), `z` likewise (postal codes); `m` an e-mail address instead;
 * `d` moved by the patient's days; `u` stays if it is a title or degree that many have; `s` stays if it is a short code of a
 * state; `@` stays if it names a field, as queries do; `b` filler of base64; `x` blanked.
 */
const KINDS = [
  'v',
  'c',
  'h',
  'k',
  'n',
  'L',
  'w',
  'a',
  'A',
  'i',
  't',
  'z',
  'm',
  'd',
  'u',
  's',
  '@',
  'b',
  'x',
] as const;
export type DataKind = (typeof KINDS)[number];

/** By component; one kind for all its subcomponents, or one for each (the last for those beyond). */
export type Datatype = readonly (readonly DataKind[])[];

/** Coded values: code, text, system; the alternate; versions; the original text is free text (2A.2.11 CWE). */
const CODED = 'c L c c L c h h x c L c h h c h c h c h c h';
/** Identifier, namespace, universal id, its type (2A.2.26 EI). */
const ENTITY = 'i h h c';

const SOURCES: Readonly<Record<string, string>> = {
  verbatim: 'v*',
  blank: 'x*',
  code: CODED,
  /** Of what may be a person or a place: the code without its text. */
  codeOnly: 'c x c c x c',
  value: 'k*',
  /** Assigning authorities, systems (2A.2.33 HD). */
  place: 'h*',
  number: 'n*',
  id: 'i*',
  word: 'a*',
  /** Where somebody was born. */
  town: 'A*',
  date: 'd c',
  range: 'd d',
  /** 2A.2.92 XPN; PN before v2.3. */
  XPN: 'w w w u u u c c c/L/c x c d d u w',
  /** 2A.2.90 XCN; CN before v2.3. */
  XCN: 'i w w w u u u c h c x c c h c c/L/c x c d d u c/L/c c/L/c',
  /** 2A.2.58 PPN: a person, and when. */
  PPN: 'i w w w u u u c h c x c c h d c c/L/c x c d d',
  /** 2A.2.46 NDL: a person in subcomponents (CNN), when and where. */
  NDL: 'i/w/w/w/u/u/u/c/h/h/h d d h h h h h c h h',
  /** 2A.2.14 CX. */
  CX: 'i x c h c h d d c/L/c c/L/c',
  EI: ENTITY,
  /** 2A.2.27 EIP: that of the placer, that of the filler. */
  EIP: 'i/h/h/c i/h/h/c',
  /** 2A.2.89 XAD; AD before v2.3. */
  XAD: 'A A A s z c c x x x c x d d x x x x x x c c A',
  /** 2A.2.93 XTN; TN before v2.3. */
  XTN: 't c c m k t t t x x x t d d c/L/c c/L/c c k',
  /** 2A.2.91 XON. */
  XON: 'a c i x c h c h c i',
  /** 2A.2.55 PL. */
  PL: 'h h h h c c h h x h h',
  /** 2A.2.79 TQ. */
  TQ: 'k k k d d c x x c k k k k k',
  /** 2A.2.28 FC, 2A.2.17 DLD, 2A.2.9 CCD: a code and its date. */
  codeAndDate: 'c d',
  /** 2A.2.18 DIN: a date and an institution. */
  dateAndCode: 'd c/L/c',
  /** 2A.2.10 CQ. */
  CQ: 'n c/L/c/c/L/c',
  /** 2A.2.62 PRL, PTA: the parent result. */
  PRL: 'c/L/c/c/L/c k x',
  /** Withdrawn SPS: a specimen. */
  SPS: 'c/L/c c/L/c x c/L/c c/L/c c c/L/c',
  /** 2A.2.3 AUI. */
  AUI: 'i d h',
  /** 2A.2.57 PLN and DLN: a licence, its kind or state, and its date. */
  PLN: 'i c c d',
  DLN: 'i c d',
  /** 2A.2.24 ED: base64 or text at its end. */
  ED: 'h c c c b',
  /** 2A.2.67 RP: where the document is may name whose it is. */
  RP: 'x h c c',
  /** 2A.2.70 SN. */
  SN: 'k n k n',
  /** 2A.2.42 MO, 2A.2.13 CP. */
  MO: 'n c',
  CP: 'n/c c n n c c',
  /** 2A.2.63 QIP: which field, and what it must be. */
  QIP: '@ x x x x x x x x x x x x x x x x x x x',
};

const DATATYPES: ReadonlyMap<string, Datatype> = new Map(
  Object.entries(SOURCES).map(([name, source]) => [name, parsed(source)]),
);

/** `v*`: for every component. */
function parsed(source: string): Datatype {
  if (source.endsWith('*')) return Array.from({ length: 64 }, () => [kindOf(source.charAt(0))]);
  return source.split(' ').map((component) => component.split('/').map(kindOf));
}

function kindOf(letter: string): DataKind {
  const kind = KINDS.find((one) => one === letter);
  if (kind === undefined) throw new RangeError(`no kind ${letter}`);
  return kind;
}

export function datatype(name: string): Datatype {
  return DATATYPES.get(name) ?? BLANK;
}

const BLANK: Datatype = [];

/** By OBX-2 (table 0125); what is not here is blanked: ST, TX and FT are free text. */
const VALUE_TYPES: ReadonlyMap<string, string> = new Map([
  ['NM', 'number'],
  ['SN', 'SN'],
  ...['CE', 'CWE', 'CNE', 'CF', 'ID', 'IS'].map((type): [string, string] => [type, 'code']),
  ...['DT', 'TS', 'DTM'].map((type): [string, string] => [type, 'date']),
  ['DR', 'range'],
  ['TM', 'number'],
  ['SI', 'number'],
  ...['XPN', 'XCN', 'CX', 'EI', 'XAD', 'XTN', 'XON', 'PL', 'ED', 'RP', 'MO', 'CP', 'CQ', 'PPN', 'DLN'].map(
    (type): [string, string] => [type, type],
  ),
  ['PN', 'XPN'],
  ['CN', 'XCN'],
  ['AD', 'XAD'],
  ['TN', 'XTN'],
  ['CK', 'CX'],
  ['HD', 'place'],
]);

export function valueType(name: string): Datatype {
  return datatype(VALUE_TYPES.get(name) ?? 'blank');
}
