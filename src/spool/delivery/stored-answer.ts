// What the sender of a stored message is told. Promises a positive acknowledgement only to senders that are to have one: by MSH-15 and
// MSH-16 (HL7 v2.9.1 2.9.2, table 0155), and never one of an acknowledgement.
import type { SpoolConfig } from '../../config/config.ts';
import { isAcknowledgement } from '../../hl7/ack.ts';
import type { Header } from '../../hl7/header.ts';
import { makeAck } from '../../hl7/nak.ts';
import { frame } from '../../mllp/frame.ts';
import type { Outcome } from '../../relay/message.ts';

type Stored = Extract<Outcome, { readonly kind: 'stored' }>;

const NOTHING = Buffer.alloc(0);

export function storedOutcome(header: Header, answer: SpoolConfig['answer'], now: Date): Stored {
  const asked = askedFor(header);
  if (asked === undefined) return { kind: 'stored', code: 'none', frame: NOTHING };
  const code = answer === 'by-header' ? asked : answer;
  return { kind: 'stored', code, frame: frame(makeAck(header, code, now)) };
}

/**
 * A commit where MSH-15 asks for one. Where only MSH-16 asks for something, the sender waits for that, and nobody else will say it: it
 * is told AA, as one in original mode is.
 */
function askedFor(header: Header): 'AA' | 'CA' | undefined {
  if (isAcknowledgement(header)) return undefined;
  if (!header.enhanced) return 'AA';
  if (isOnSuccess(header.text(15))) return 'CA';
  return isOnSuccess(header.text(16)) ? 'AA' : undefined;
}

function isOnSuccess(condition: string): boolean {
  return condition === 'AL' || condition === 'SU';
}
