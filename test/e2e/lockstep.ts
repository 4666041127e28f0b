// Senders that send one message after the other, each with a control id of its own, and note what came of each.

import { message, msaOf } from '../helpers/mllp.ts';
import { connectSender, type Sender } from '../helpers/sender.ts';

export interface Record {
  readonly acked: string[];
  /** The connection was ended without an answer. */
  readonly unanswered: string[];
  /** Answers that were not AA for the message that was sent. */
  readonly wrong: string[];
  /** How broken connections ended, other than by FIN. */
  readonly resets: string[];
}

/** Sends until `done`, over a new connection whenever one is ended; stops when there is none to be had. */
export async function sendInLockstep(
  port: number,
  name: string,
  record: Record,
  done: () => boolean,
): Promise<void> {
  let count = 0;
  while (!done()) {
    const sender = await connectSender(port).catch(() => undefined);
    if (sender === undefined) return;
    while (!done() && !sender.ended) {
      const controlId = `${name}-${count++}`;
      const ack = await exchange(sender, controlId);
      if (ack === undefined) record.unanswered.push(controlId);
      else if (ack === `AA ${controlId}`) record.acked.push(controlId);
      else record.wrong.push(`${controlId}: ${ack}`);
    }
    if (!sender.ended) await sender.end();
    const { code } = await sender.closed;
    if (code !== undefined) record.resets.push(code);
  }
}

async function exchange(sender: Sender, controlId: string): Promise<string | undefined> {
  const ack = await sender.exchange(message({ controlId }), 15_000).catch((error: unknown) => {
    if (sender.ended) return undefined;
    throw error;
  });
  const msa = ack && msaOf(ack);
  return msa && `${msa.code} ${msa.controlId}`;
}
