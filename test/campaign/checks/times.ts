// Holds how long a message waited in the gateway against what it had to wait for. Pure. Promises: counts from the last thing that
// the gateway had to wait for itself: the answer before on that connection, the node's answer, its own stop.
import type { Promises } from '../profiles.ts';
import type { Calm } from './calm.ts';
import type { Delivery, Facts, Send, SenderConnection } from './facts.ts';
import type { Violation } from './violation.ts';

/** No process of a busy machine stands for so long; a timer that was forgotten does. In microseconds. */
const ANSWER_HELD_US = 4_000_000;
/** On its way to a node a message may have to wait for a worker thread that is just being started, or for a TLS handshake. */
const MESSAGE_HELD_US = 8_000_000;
/** A larger message takes its time for its own bytes. */
const SMALL_BYTES = 400_000;

export function checkTimes(facts: Facts, promises: Promises, calm: Calm): Violation[] {
  const firsts = new Map<string, Delivery>();
  for (const delivery of facts.deliveries) if (!firsts.has(delivery.sha)) firsts.set(delivery.sha, delivery);
  const nodes = [...new Set(facts.nodeConnections.map(({ node }) => node)), 'gateway'];
  return [...facts.connections.values()].flatMap((connections) =>
    connections.flatMap((connection) => [
      ...(promises.batch === true ? [] : checkAnswers(connection, facts, calm)),
      ...checkSends(connection, facts, firsts, nodes, calm),
    ]),
  );
}

/** From the node's answer, or the answer before it, to the sender's. */
function checkAnswers(connection: SenderConnection, facts: Facts, calm: Calm): Violation[] {
  let before = 0;
  return connection.steps.flatMap((step) => {
    if (!('ack' in step)) return [];
    const { ack } = step;
    const answer = facts.answersByBytes.get(ack.bytes);
    const from = Math.max(before, answer?.t ?? ack.t);
    before = ack.t;
    if (ack.t - from <= ANSWER_HELD_US || calm.wasDisturbed(['gateway'], from, ack.t)) return [];
    const text = `${connection.sender} connection ${connection.c}: ${ack.id} was answered by node ${answer?.delivery.node} at ${answer?.t}, and told only at ${ack.t}`;
    return [{ rule: 'answer-held' as const, text }];
  });
}

/** From the sending, or the answer before it, to the first node, while every node is well. */
function checkSends(
  connection: SenderConnection,
  facts: Facts,
  firsts: ReadonlyMap<string, Delivery>,
  nodes: readonly string[],
  calm: Calm,
): Violation[] {
  const found: Violation[] = [];
  const outstanding: Send[] = [];
  let before = 0;
  for (const step of connection.steps) {
    if ('send' in step) {
      outstanding.push(step.send);
      continue;
    }
    const t = 'ack' in step ? step.ack.t : step.refused.t;
    const send = outstanding.shift();
    const reached = send && firsts.get(send.sha);
    const from = Math.max(before, send?.t ?? 0);
    before = t;
    if (send === undefined || reached === undefined || send.bytes > SMALL_BYTES) continue;
    // One that was sent before has waited for its sender.
    if (facts.sends.get(send.sha)?.[0] !== send || reached.t - from <= MESSAGE_HELD_US) continue;
    if (calm.wasDisturbed(nodes, from, reached.t)) continue;
    found.push({
      rule: 'message-held',
      text: `${connection.sender} connection ${connection.c}: ${send.id} was sent at ${send.t}, nothing was before it from ${from} on, and node ${reached.node} got it only at ${reached.t}`,
    });
  }
  return found;
}
