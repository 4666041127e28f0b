// Which connections that another proxy passes on unread carry HL7: by what the parts of its config are called, and by ports.
// Promises a reason with each guess, as it decides what the gateway reads.

/** 2575 is IANA's for HL7, 6661 the first that Mirth Connect proposes. */
const PORTS = [2575, 6661];
const WORDS = /(^|[^a-z0-9])(hl7|mllps?|llp|mirth)([^a-z]|$)|hl7|mllp/i;
/** Mirth's other ports, and those of the web. */
const OTHERS = [80, 443, 8080, 8443];

export interface GuessOptions {
  /** Sections that speak MLLP, whatever they are called. */
  readonly mllp: readonly string[];
  /** Nothing else does. */
  readonly tcp: boolean;
}

/** Why these are thought to speak MLLP; undefined: they are not. */
export function whyMllp(
  names: readonly string[],
  ports: readonly number[],
  { mllp, tcp }: GuessOptions,
): string | undefined {
  if (names.some((name) => mllp.includes(name))) return '--mllp names it';
  if (tcp) return undefined;
  const port = ports.find((each) => PORTS.includes(each));
  if (port !== undefined) return `port ${port} is one of HL7; --tcp passes bytes on unread`;
  const name = names.find((each) => WORDS.test(each));
  const isWeb = ports.length > 0 && ports.every((each) => OTHERS.includes(each));
  return name === undefined || isWeb ? undefined : `its name says so; --tcp passes bytes on unread`;
}
