// What a condition may look at besides a field: the words on its left side, which are parts of a sticky key as well.
// A new one is an entry here, and a line in routing/message-view.ts that reads it.

/** Who may be asked: every message; whoever connected by TLS or not; requests, and messages that are posted. */
type Origin = 'message' | 'sender' | 'request';

interface SubjectInfo {
  readonly of: Origin;
  /** A name follows behind a dot. */
  readonly named?: true;
  /** Is a part of a sticky key only. */
  readonly keyOnly?: true;
  /** A message, or a request, always has one. */
  readonly always?: true;
  /** For people, in Markdown. */
  readonly doc: string;
}

export const SUBJECTS = {
  listener: { of: 'message', always: true, doc: 'the name of the listener that the message came by' },
  source: {
    of: 'sender',
    always: true,
    doc: "the sender's address, or the client's that a [trusted proxy](#http) names",
  },
  'tls.subject': {
    of: 'sender',
    doc: "the subject of the sender's certificate, as `CN=lab-1, O=Hospital`, in the certificate's order",
  },
  'tls.san': {
    of: 'sender',
    doc: 'its subject alternative names, without their types (`lab.example`, `10.0.0.1`): one that passes is enough',
  },
  'tls.fingerprint': { of: 'sender', doc: 'its SHA-256 fingerprint' },
  method: { of: 'request', always: true, doc: 'the HTTP method, in capitals' },
  host: {
    of: 'request',
    doc: 'the host that was asked for, without its port and without a dot at its end. Letter case does not matter; in a regex it is in lower case',
  },
  path: { of: 'request', always: true, doc: 'the normalised path, without the query' },
  header: {
    of: 'request',
    named: true,
    doc: 'a request header; several of one name are joined by `, `. Letter case of the name does not matter',
  },
  cookie: { of: 'request', named: true, keyOnly: true, doc: 'a cookie' },
} as const satisfies Readonly<Record<string, SubjectInfo>>;

export type SubjectWord = keyof typeof SUBJECTS;

/** Those behind which a name follows. */
export type NamedSubject = {
  [Word in SubjectWord]: (typeof SUBJECTS)[Word] extends { readonly named: true } ? Word : never;
}[SubjectWord];
export type PlainSubject = Exclude<SubjectWord, NamedSubject>;

const ALL = Object.entries(SUBJECTS) as [SubjectWord, SubjectInfo][];

function written([word, { named }]: (typeof ALL)[number]): string {
  return named === true ? `${word}.NAME` : word;
}

/** What may stand in a sticky key. */
export const KEY_WORDS: readonly string[] = ALL.map(written);
/** What may stand on the left of a condition. */
export const CONDITION_WORDS = ALL.filter(([, { keyOnly }]) => keyOnly !== true).map(written);
/** What says who the sender is. */
export const SENDER_WORDS = ALL.filter(([, { of }]) => of === 'sender').map(written);

/** What is known of a connection that is passed on as it is. */
export const CONNECTION_WORDS = ALL.filter(([word, { of }]) => of === 'sender' || word === 'listener').map(
  written,
);

export function isOfConnection({ kind }: { readonly kind: string }): boolean {
  return CONNECTION_WORDS.includes(kind);
}

/** For the documentation. */
export function conditionSubjects(): { readonly word: string; readonly doc: string }[] {
  return ALL.filter(([, { keyOnly }]) => keyOnly !== true).map((one) => ({
    word: written(one),
    doc: one[1].doc,
  }));
}

export function subjectInfo(word: SubjectWord): SubjectInfo {
  return SUBJECTS[word];
}

export function isPlainSubject(word: string): word is PlainSubject {
  return Object.hasOwn(SUBJECTS, word) && subjectInfo(word as SubjectWord).named !== true;
}
