// Holds what each sender got on each connection against what it had sent there and what the nodes say they answered. Pure.
// Promises: an answer is credited to the oldest message that waits for one, as every sender does, and judged as that.
import type { Promises } from '../profiles.ts';
import type { Disturbance } from './calm.ts';
import { type Ending, type Handover, isHandover } from './ends.ts';
import type { Ack, Facts, Send, SenderConnection } from './facts.ts';
import type { Violation } from './violation.ts';

type AckPromises = Pick<Promises, 'refusals' | 'httpSenders'>;

export function checkAcks(
  facts: Facts,
  promises: AckPromises,
  { handovers, disturbances }: Pick<Ending, 'handovers' | 'disturbances'>,
): Violation[] {
  const credited = new Set<string>();
  const crowds = disturbances.filter(({ kind }) => kind === 'crowd');
  return [...facts.connections.values()].flatMap((connections) =>
    connections.flatMap((connection) =>
      checkConnection(connection, facts, promises, credited, { handovers, crowds }),
    ),
  );
}

function checkConnection(
  connection: SenderConnection,
  facts: Facts,
  { refusals, httpSenders }: AckPromises,
  credited: Set<string>,
  { handovers, crowds }: { readonly handovers: readonly Handover[]; readonly crowds: readonly Disturbance[] },
): Violation[] {
  const found: Violation[] = [];
  const where = `${connection.sender} connection ${connection.c}`;
  const outstanding: Send[] = [];
  const sent = new Set<string>();
  const answered = new Set<string>();
  for (const step of connection.steps) {
    if ('send' in step) {
      outstanding.push(step.send);
      sent.add(step.send.id);
      continue;
    }
    if ('refused' in step) {
      const wrong = refusedWrong(step.refused, outstanding.shift(), facts);
      if (wrong !== undefined) found.push({ ...wrong, text: `${where}: ${wrong.text}` });
      continue;
    }
    const { ack } = step;
    const due = outstanding.shift();
    if (due === undefined || due.id !== ack.id) {
      found.push({
        rule: answered.has(ack.id)
          ? 'ack-twice'
          : sent.has(ack.id)
            ? 'ack-out-of-order'
            : 'ack-not-outstanding',
        text: `${where}: ${ack.code} ${ack.id} at ${ack.t}, due was ${due?.id ?? 'nothing'}`,
      });
      answered.add(ack.id);
      continue;
    }
    answered.add(ack.id);
    const wrong = isPositive(ack) ? unbacked(ack, due, facts, credited) : foreign(ack, due, facts, refusals);
    if (wrong !== undefined)
      found.push({
        rule: isPositive(ack) ? 'ack-unbacked' : 'ack-foreign',
        text: `${where}: ${ack.code} ${ack.id} at ${ack.t}: ${wrong}`,
      });
  }
  for (const ack of connection.applications) {
    const wrong = applicationWrong(ack, connection.sender, facts, credited);
    if (wrong !== undefined)
      found.push({
        rule: 'application-foreign',
        text: `${where}: ${ack.code} ${ack.id} at ${ack.t}: ${wrong}`,
      });
  }
  if (connection.noiseBytes > 0)
    found.push({ rule: 'answer-noise', text: `${where}: ${connection.noiseBytes} bytes` });
  const { close } = connection;
  if (close?.how === 'patience')
    found.push({ rule: 'answer-overdue', text: `${where}: ${outstanding[0]?.id} until ${close.t}` });
  // One that the kernel had queued for the old process is reset when that leaves its port: nobody has read a byte of it.
  // And a request may be on its way over a connection that has been idle, when the old process ends that.
  const mayBe = answered.size === 0 || httpSenders?.includes(connection.sender) === true;
  const queued = mayBe && close !== undefined && isHandover(close.t, handovers);
  // Without a descriptor for it, it can only be closed, whatever it has said.
  const noRoom = answered.size === 0 && close !== undefined && isHandover(close.t, crowds);
  if (close?.by === 'gateway' && close.how !== 'fin' && !queued && !noRoom)
    found.push({
      rule: 'sender-reset',
      text: `${where}: ${close.how} at ${close.t}, ${outstanding.length} owed`,
    });
  return found;
}

function isPositive({ code }: Ack): boolean {
  return code === 'AA' || code === 'CA';
}

/** Each answer of a node is one of a kind, so equal bytes are that answer, unchanged. */
function unbacked(ack: Ack, due: Send, facts: Facts, credited: Set<string>): string | undefined {
  const answer = facts.answersByBytes.get(ack.bytes);
  if (answer === undefined) return 'no node wrote these bytes';
  if (answer.kind === 'application') return 'it was written behind the commit acknowledgement';
  const { node, id, sha } = answer.delivery;
  if (sha !== due.sha) return `node ${node} wrote it for another message, ${id}`;
  if (answer.t > ack.t) return `node ${node} wrote it only at ${answer.t}`;
  if (credited.has(ack.bytes)) return `node ${node} wrote it once, and it has been passed on before`;
  credited.add(ack.bytes);
  return undefined;
}

function foreign(ack: Ack, due: Send, facts: Facts, refusals: readonly string[]): string | undefined {
  const answer = facts.answersByBytes.get(ack.bytes);
  if (answer !== undefined)
    return answer.delivery.sha === due.sha
      ? undefined
      : `node ${answer.delivery.node} wrote it for another message`;
  return refusals.includes(ack.code) ? undefined : 'no node wrote it, and the config does not ask for it';
}

/** The statuses for nodes that do not answer, see docs/http.md; 400 and 408 for a request that was broken off. */
const STATUSES = [502, 503, 504];

/** 503 says that no node has it. Only the first sending counts: of an earlier one a node may read late. */
function refusedWrong(
  { status, t }: { readonly status: number; readonly t: number },
  due: Send | undefined,
  facts: Facts,
): Violation | undefined {
  if (due === undefined) return undefined;
  if (!STATUSES.includes(status)) return { rule: 'refused-status', text: `${status} to ${due.id} at ${t}` };
  if (status !== 503 || facts.sends.get(due.sha)?.[0] !== due) return undefined;
  const had = facts.deliveries.find(({ sha, t: at }) => sha === due.sha && at < t);
  if (had === undefined) return undefined;
  return {
    rule: 'unavailable-delivered',
    text: `503 to ${due.id} at ${t}, which node ${had.node} had at ${had.t}`,
  };
}

function applicationWrong(ack: Ack, sender: string, facts: Facts, credited: Set<string>): string | undefined {
  const answer = facts.answersByBytes.get(ack.bytes);
  if (answer?.kind !== 'application') return 'no node wrote it as one';
  const { node, sha, id } = answer.delivery;
  if (facts.sends.get(sha)?.some((one) => one.sender === sender) !== true)
    return `node ${node} wrote it for ${id} of another sender`;
  if (answer.t > ack.t) return `node ${node} wrote it only at ${answer.t}`;
  if (credited.has(ack.bytes)) return 'it has been passed on before';
  credited.add(ack.bytes);
  return undefined;
}
