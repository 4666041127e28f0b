// Holds what became of each message, and when, against what it had to wait for. Pure. Promises: a sender, a node or the way between
// that was disturbed excuses what it can be the reason of.
import type { Calm } from '../../campaign/checks/calm.ts';
import type { Facts, SenderConnection } from '../../campaign/checks/facts.ts';
import type { Violation } from '../../campaign/checks/violation.ts';
import type { Promises } from '../../campaign/profiles.ts';
import { ARRIVES_MS, connectionsOf, isOfNotReading, type Lived, MS } from './lived.ts';

/** From a node to the gateway and from there to the sender: two ways of 0.3 ms, in several pieces. */
const ANSWER_HELD = 20 * MS;
/** Timers are late by 20 ms now and then. */
const SLACK_MS = 300;

export function checkMessages(facts: Facts, lived: Lived, promises: Promises, calm: Calm): Violation[] {
  if (promises.batch === true) return [];
  return [
    ...checkHeld(facts, calm),
    ...checkOverdue(facts, lived, promises, calm),
    ...checkLost(facts, lived, calm),
    ...checkApplications(facts, calm),
  ];
}

/** From the node's answer, or the answer before it, to the sender's. */
function checkHeld(facts: Facts, calm: Calm): Violation[] {
  return connectionsOf(facts).flatMap(({ sender, c, steps }) => {
    let before = 0;
    return steps.flatMap((step): Violation[] => {
      if (!('ack' in step)) return [];
      const { ack } = step;
      const answer = facts.answersByBytes.get(ack.bytes);
      const from = Math.max(before, answer?.t ?? ack.t);
      before = ack.t;
      if (answer === undefined || ack.t - from <= ANSWER_HELD) return [];
      const { node } = answer.delivery;
      if (calm.wasDisturbed([sender, node], from, ack.t)) return [];
      const text = `${sender} connection ${c}: ${ack.id} was answered by node ${node} at ${answer.t}, the answer before it told at ${from}, and this one only at ${ack.t}`;
      return [{ rule: 'answer-held', text }];
    });
  });
}

/**
 * From the sending, or the answer before it, to the answer or the end of the connection: a message may wait in the queue, be dialled
 * for, and be with a node, and where the policy has it all of that once more.
 */
function checkOverdue(
  facts: Facts,
  { limits }: Lived,
  { attempts, ordering }: Promises,
  calm: Calm,
): Violation[] {
  const { ackMs, connectMs, queueMs, retryMs, applicationMs, parseMs } = limits;
  const once = queueMs + connectMs + ackMs;
  const boundMs = attempts * once + (attempts > 1 ? retryMs : 0) + applicationMs + parseMs + SLACK_MS;
  // Those of its key on connections that were given up come before it.
  const bound = boundMs * MS * (ordering === 'key' ? 2 : 1);
  return connectionsOf(facts).flatMap(({ sender, c, steps, close }) => {
    const outstanding: { readonly id: string; readonly t: number }[] = [];
    const found: Violation[] = [];
    let before = 0;
    const isOver = (t: number): void => {
      const due = outstanding.shift();
      const from = Math.max(before, due?.t ?? t);
      before = t;
      // What happened to a sender holds it up for as long as it lasted.
      if (due === undefined || t - from - calm.disturbedFor(sender, from, t) <= bound) return;
      const text = `${sender} connection ${c}: ${due.id} was due from ${from} to ${t}`;
      found.push({ rule: 'answer-overdue', text });
    };
    for (const step of steps) {
      if ('send' in step) outstanding.push(step.send);
      else isOver('ack' in step ? step.ack.t : step.refused.t);
    }
    if (close !== undefined && close.how !== 'patience') isOver(close.t);
    return found;
  });
}

/** The gateway ended a connection whose oldest message was with a well node then, which answered it in time. */
function checkLost(facts: Facts, { limits: { ackMs }, lines }: Lived, calm: Calm): Violation[] {
  const bySha = Map.groupBy(facts.deliveries, ({ sha }) => sha);
  return connectionsOf(facts).flatMap(({ sender, c, steps, close }): Violation[] => {
    if (close?.by !== 'gateway') return [];
    const outstanding = steps.flatMap((step) => ('send' in step ? [step.send] : []));
    const due = outstanding[steps.filter((step) => !('send' in step)).length];
    if (due === undefined) return [];
    const [delivery, ...more] = (bySha.get(due.sha) ?? []).filter(({ t }) => t > due.t && t < close.t);
    const answer = delivery?.answers.find(({ kind }) => kind === 'right');
    if (delivery === undefined || answer === undefined || more.length > 0) return [];
    // Of one that was sent before, on another connection, a node may read the first sending while the second waits.
    if ((facts.sends.get(due.sha) ?? []).filter(({ t }) => t < delivery.t).length > 1) return [];
    if (answer.t - delivery.t > (ackMs * MS) / 2 || delivery.answers[0] !== answer) return [];
    const until = Math.max(answer.t, close.t);
    // Whatever is wrong with the sender, what was written to it comes before the end.
    if (calm.wasDisturbed([delivery.node], delivery.t, until)) return [];
    // It was ended as it did not read (whether it stood for so long is for `checkSenders`), and what had been written reached it later.
    if (lines.some((line) => line.t > due.t && line.t < close.t && isOfNotReading(line, sender))) return [];
    const text = `${sender} connection ${c}: node ${delivery.node} had ${due.id} at ${delivery.t} and answered at ${answer.t}; the connection ended at ${close.t} without that`;
    return [{ rule: 'answer-lost', text }];
  });
}

/** What a node writes behind its commit comes to the sender, if that is there, and no other has the control id. */
function checkApplications(facts: Facts, calm: Calm): Violation[] {
  const told = new Set(
    connectionsOf(facts).flatMap(({ applications }) => applications.map(({ bytes }) => bytes)),
  );
  const shasById = new Map<string, Set<string>>();
  for (const [sha, sends] of facts.sends)
    for (const { id } of sends) shasById.set(id, (shasById.get(id) ?? new Set()).add(sha));
  const committedOn = new Map<string, SenderConnection>();
  for (const connection of connectionsOf(facts))
    for (const step of connection.steps) if ('ack' in step) committedOn.set(step.ack.bytes, connection);
  return facts.deliveries.flatMap(({ node, id, answers, connection }): Violation[] => {
    const commit = answers.find(({ kind }) => kind === 'right');
    const application = answers.find(({ kind }) => kind === 'application');
    if (commit === undefined || application === undefined || told.has(application.bytes)) return [];
    if ((shasById.get(id)?.size ?? 0) > 1) return [];
    const on = committedOn.get(commit.bytes);
    if (on === undefined || (on.close !== undefined && on.close.t < application.t + ARRIVES_MS * MS))
      return [];
    if (calm.wasDisturbed([node, on.sender], commit.t, application.t + ANSWER_HELD)) return [];
    const text = `node ${node} connection ${connection.c} wrote one for ${id} at ${application.t}, and ${on.sender} connection ${on.c} was there`;
    return [{ rule: 'application-lost', text }];
  });
}
