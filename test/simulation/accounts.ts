// Holds the gateway's own accounts of a day, its log and its metrics, against what its senders got. Pure. Promises: judges counts, and
// nothing of time.

import type { Violation } from '../campaign/checks/violation.ts';
import type { SenderEntry } from '../campaign/wire/log.ts';

interface LoggedMessage {
  readonly source: string;
  readonly controlId: string;
  /** A batch: how many are in it. */
  readonly messages?: number;
  readonly reply?: string;
}

export interface Accounts {
  readonly senders: Readonly<Record<string, readonly SenderEntry[]>>;
  readonly lines: readonly { readonly text: string }[];
  /** Of `hl7_gateway_messages_total`, all gateways together; undefined: a reload has taken series away. */
  readonly counted: number | undefined;
}

export function checkAccounts({ senders, lines, counted }: Accounts): Violation[] {
  const logged = lines
    .filter(({ text }) => text.includes('"msg":"message"'))
    .map(({ text }) => JSON.parse(text) as LoggedMessage);
  const found: Violation[] = [];
  const told = new Map<string, number>();
  for (const { source, controlId, reply } of logged) {
    if (reply !== 'AA' && reply !== 'CA') continue;
    const key = `${source} ${controlId}`;
    told.set(key, (told.get(key) ?? 0) + 1);
  }
  for (const [sender, entries] of Object.entries(senders)) {
    const got = new Map<string, number>();
    for (const entry of entries) {
      if (entry.e !== 'ack' || (entry.code !== 'AA' && entry.code !== 'CA')) continue;
      got.set(entry.id, (got.get(entry.id) ?? 0) + 1);
    }
    for (const [id, count] of got) {
      const said = told.get(`${sender} ${id}`) ?? 0;
      if (said < count)
        found.push({
          rule: 'accounts',
          text: `${sender} got ${count} positive answers to ${id}, and the log has ${said}`,
        });
    }
  }
  // Of a batch, the messages in it are counted.
  const messages = logged.filter(({ messages: ofBatch }) => ofBatch === undefined).length;
  if (counted !== undefined && counted !== messages)
    found.push({
      rule: 'accounts',
      text: `the metrics count ${counted} messages, and the log has ${messages}`,
    });
  return found;
}
