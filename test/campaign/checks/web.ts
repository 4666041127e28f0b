// Holds what clients got for their requests and in their tunnels against what they asked for. Pure. Promises: a client that
// left has no claim; a response that broke off counts as broken off, not as wrong.
import type { WebClientEntry } from '../wire/log.ts';
import { type Handover, isHandover } from './ends.ts';
import type { Violation } from './violation.ts';

/** That no node answered, or not as it should: everything else must be the node's own. */
const GATEWAY_STATUS: readonly number[] = [502, 503, 504];

export function checkWeb(
  clients: Readonly<Record<string, readonly WebClientEntry[]>>,
  handovers: readonly Handover[],
): Violation[] {
  return Object.entries(clients).flatMap(([client, entries]) => {
    const asked = new Map<number, Extract<WebClientEntry, { e: 'request' }>>();
    const found: Violation[] = entries.flatMap((entry): Violation[] => {
      if (entry.e === 'done') return [];
      const where = `${client} request ${entry.q} at ${entry.t}`;
      if (entry.e === 'request') asked.set(entry.q, entry);
      if (entry.e === 'response') {
        const wrong = responseWrong(entry, asked.get(entry.q));
        return wrong === undefined ? [] : [{ rule: 'web-response', text: `${where}: ${wrong}` }];
      }
      if (entry.e === 'tunnel' && !entry.same)
        return [{ rule: 'web-response', text: `${where}: other bytes came out of the tunnel than went in` }];
      if (entry.e === 'lost' && entry.how !== 'cut' && !isHandover(entry.t, handovers))
        return [{ rule: 'web-unanswered', text: `${where}: ${entry.how}` }];
      return [];
    });
    const isDone = entries.some(({ e }) => e === 'done');
    return isDone ? found : [...found, { rule: 'never-answered', text: client }];
  });
}

function responseWrong(
  { status, id, sha }: Extract<WebClientEntry, { e: 'response' }>,
  asked: Extract<WebClientEntry, { e: 'request' }> | undefined,
): string | undefined {
  if (GATEWAY_STATUS.includes(status)) return undefined;
  if (status !== 200 && status !== 101) return `status ${status}`;
  if (id !== asked?.id) return `it is the response to ${id}, asked was ${asked?.id}`;
  return status === 200 && sha !== asked.sha ? 'another body than was sent' : undefined;
}
