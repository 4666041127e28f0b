// What a simulated world is judged by beside the campaign's checks: time is exact there, and what was done to whom is known to the
// microsecond. Pure. Promises: whatever a disturbance can be the reason of counts as excused, for as long as its last bytes may be on
// their way.
import { Calm } from '../../campaign/checks/calm.ts';
import { factsOf } from '../../campaign/checks/facts.ts';
import type { Violation } from '../../campaign/checks/violation.ts';
import type { Promises } from '../../campaign/profiles.ts';
import { ARRIVES_MS, isOfNotReading, type Lived } from './lived.ts';
import { checkMessages } from './messages.ts';
import { checkNodes } from './nodes.ts';
import { checkSenders } from './senders.ts';

/** Who does not read what is written to it is ended whatever it has said since, which makes a reset. */
export function isOfWriteTimeout({ rule, text }: Violation, { lines }: Pick<Lived, 'lines'>): boolean {
  if (rule !== 'sender-reset') return false;
  const [sender = ''] = text.split(' ');
  return lines.some((line) => isOfNotReading(line, sender));
}

/** What an operator wants of a node does nothing to the node itself, and a sender that says or ends something reads its answers all the same. */
const EXCUSES_NOTHING = [
  ...['drain', 'maintenance'],
  ...['sender-burst', 'sender-mid-frame', 'sender-half-close', 'sender-impatient', 'sender-reset'],
  ...['sender-stall', 'sender-silence', 'sender-stray-bytes', 'sender-start-again', 'sender-overlong'],
];

export function judge(lived: Lived, promises: Promises): Violation[] {
  const facts = factsOf(lived.logs);
  const done = lived.disturbances.filter(({ kind = '' }) => !EXCUSES_NOTHING.includes(kind));
  const calm = new Calm(done, ARRIVES_MS);
  const settled = new Calm(done, (promises.settleMs ?? 0) + ARRIVES_MS);
  return [
    ...checkMessages(facts, lived, promises, calm),
    ...checkSenders(lived, calm),
    ...checkNodes(facts, lived, promises, { calm, settled }),
    ...lived.left.map((text) => ({ rule: 'left-over' as const, text })),
    ...lived.notRecovered.map((text) => ({ rule: 'not-recovered' as const, text })),
    ...lived.beyond.map((text) => ({ rule: 'beyond-bound' as const, text })),
  ];
}
