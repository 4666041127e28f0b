// The same messages through two live targets, one after the other and to both at once: where their answers differ.
// Promises that the second message of a sender goes when both have answered the first.
import { GatewayError } from '../../../errors.ts';
import { readHeader } from '../../../hl7/header.ts';
import { differences, type FieldDifference } from '../../../hl7/whole/difference.ts';
import { readWholeMessage } from '../../../hl7/whole/whole-message.ts';
import type { LiveMessage } from './messages.ts';
import { type OpenLine, SendLane, type SendResult } from './send-lane.ts';

export interface ComparedAnswers {
  readonly message: LiveMessage;
  /** An acknowledgement's code, or an error's. */
  readonly left: string;
  readonly right: string;
  /** `answer`: one has answered and the other has not, or with something that cannot be compared field by field. */
  readonly differences: readonly FieldDifference[];
}

export interface DifferenceOptions {
  readonly targets: readonly [OpenLine, OpenLine];
  /** Paths of fields of the answers that may differ. */
  readonly ignore: readonly string[];
  readonly until: AbortSignal;
  readonly onCompared: (compared: ComparedAnswers) => void;
}

/** @throws GatewayError GW_ERR_NODE_… where a target cannot be connected to at the start */
export async function compareLive(
  messages: readonly LiveMessage[],
  options: DifferenceOptions,
): Promise<void> {
  const [a, b] = options.targets;
  const opened = await Promise.allSettled([a(), b()]);
  const [left, right] = opened.map((one, i) => {
    const open = i === 0 ? a : b;
    return one.status === 'fulfilled' ? new SendLane(open, one.value) : new SendLane(open);
  }) as [SendLane, SendLane];
  try {
    const refused = opened.find((one) => one.status === 'rejected');
    if (refused !== undefined) throw refused.reason;
    for (const message of messages) {
      if (options.until.aborted) return;
      const answers = await Promise.all([through(left, message), through(right, message)]);
      options.onCompared(compared(message, answers[0], answers[1], options.ignore));
    }
  } finally {
    left.close();
    right.close();
  }
}

function through(lane: SendLane, message: LiveMessage): Promise<SendResult> {
  return new Promise((resolve) => {
    lane.take({ dueAt: 0, prepare: () => message, sent: () => {}, done: resolve });
  });
}

function compared(
  message: LiveMessage,
  a: SendResult,
  b: SendResult,
  ignore: readonly string[],
): ComparedAnswers {
  const [left, right] = [nameOf(a), nameOf(b)];
  if (a instanceof GatewayError || b instanceof GatewayError || !a.ack || !b.ack)
    return { message, left, right, differences: left === right ? [] : [{ path: 'answer', left, right }] };
  return { message, left, right, differences: inAnswers(a.payload, b.payload, ignore) };
}

function nameOf(result: SendResult): string {
  return result instanceof GatewayError ? result.code : (result.ack?.code ?? 'none');
}

function inAnswers(a: Buffer, b: Buffer, ignore: readonly string[]): readonly FieldDifference[] {
  if (a.equals(b)) return [];
  try {
    return differences(readWholeMessage(readHeader(a)), readWholeMessage(readHeader(b)), { ignore });
  } catch (thrown) {
    if (!(thrown instanceof GatewayError)) throw thrown;
    return [{ path: 'answer', left: `${a.length} bytes`, right: `${b.length} other bytes` }];
  }
}
