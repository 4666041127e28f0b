// Products that break one promise each, made by patches of their text: what the simulated world is held to see. Promises: each patch fits
// its file in one place (mutants.test.ts).
import type { Rule } from '../campaign/checks/violation.ts';
import { every, MUTANTS, type Patch } from '../campaign/mutants.ts';
import type { PROFILE_NAMES } from './day.ts';

export interface SimulationMutant {
  readonly name: string;
  readonly patches: readonly Patch[];
  /** Where the fault is one with a certain config only. */
  readonly profile?: (typeof PROFILE_NAMES)[number];
  /** Any of these shows that the judge has seen this fault, and not something else. */
  readonly caughtBy: readonly Rule[];
}

const LATER = "import { setTimeout as later } from '../../src/platform/time.ts';\n";
const REPLIES = 'listeners/mllp/session-replies.ts';
const REPLY_QUEUE = 'listeners/mllp/reply-queue.ts';
const POOL_QUEUE = 'src/relay/pool-queue.ts';
const ORDERING = 'src/relay/ordering.ts';
const RETRY = 'src/relay/retry.ts';
const WAIT_QUEUE = 'src/relay/wait-queue.ts';
const PIPELINE = 'src/relay/pipeline.ts';
const ERRORS_FILE = 'src/errors.ts';
const NODE = 'src/upstream/node.ts';
const TRACKER = 'src/upstream/mllp/ack-tracker.ts';
const COMMITTED = 'src/upstream/mllp/committed-messages.ts';
const UPSTREAM = 'src/upstream/mllp/mllp-upstream.ts';
const SESSION = 'listeners/mllp/mllp-session.ts';
const MESSAGE_SPANS = 'src/observe/traces/spans/message-spans.ts';
const ATTEMPT_SPANS = 'src/observe/traces/spans/attempt-spans.ts';
const SELECTOR = 'routing/node-selector.ts';

/** Those of a mutant that the campaign has as well. */
function patchesOf(name: string): readonly Patch[] {
  const found = MUTANTS.find((one) => one.name === name);
  if (found === undefined) throw new Error(`the campaign has no mutant “${name}”`);
  return found.patches;
}

export const SIMULATION_MUTANTS: readonly SimulationMutant[] = [
  // Answers.
  {
    name: 'answers of one connection swapped',
    patches: [
      {
        file: REPLY_QUEUE,
        find: '    if (owed === undefined) return false;\n    owed.answer = answer;',
        put: `    if (owed === undefined) return false;
    const [first, second] = [this.#owed.at(0), this.#owed.at(1)];
    const isFirst = owed === first && second !== undefined && second.answer === undefined;
    const to = isFirst ? second : owed === second && owed.answer !== undefined ? first : owed;
    (to as Owed).answer = answer;`,
      },
    ],
    caughtBy: ['ack-out-of-order', 'ack-not-outstanding'],
  },
  {
    name: 'an answer made up',
    patches: patchesOf('ACK before the node’s'),
    caughtBy: ['ack-unbacked'],
  },
  {
    name: 'an answer given twice',
    patches: [
      {
        file: REPLIES,
        find: '    for (; next != null; next = this.#owed.next()) this.#transport.write(this.#inItsFraming(next));\n    this.#owner.onPaid(next === null);\n    if (',
        put: `    for (; next != null; next = this.#owed.next()) {
      this.#transport.write(this.#inItsFraming(next));
      if (${every(500)}) this.#transport.write(this.#inItsFraming(next));
    }
    this.#owner.onPaid(next === null);
    if (`,
      },
    ],
    caughtBy: ['ack-twice', 'ack-not-outstanding'],
  },
  {
    name: 'an answer held back for a second',
    patches: [
      {
        file: REPLIES,
        find: "import { LaterAnswers } from './later-answers.ts';\n",
        put: `import { LaterAnswers } from './later-answers.ts';\n${LATER}`,
      },
      {
        file: REPLIES,
        find: '    for (; next != null; next = this.#owed.next()) this.#transport.write(this.#inItsFraming(next));\n    this.#owner.onPaid(next === null);\n    if (',
        put: `    for (; next != null; next = this.#owed.next()) {
      const late = next;
      if (${every(200)}) later(() => this.#transport.write(this.#inItsFraming(late)), 1_000);
      else this.#transport.write(this.#inItsFraming(next));
    }
    this.#owner.onPaid(next === null);
    if (`,
      },
    ],
    caughtBy: ['answer-held', 'answer-lost', 'ack-out-of-order', 'sender-cut'],
  },
  {
    name: 'any answer is that of the message that is due',
    patches: patchesOf('no MSA-2 check'),
    caughtBy: ['ack-not-outstanding', 'ack-twice', 'ack-out-of-order', 'ack-unbacked'],
  },
  {
    name: 'a control id may repeat on a connection',
    patches: patchesOf('a control id may repeat on a connection'),
    profile: 'shared-ids',
    caughtBy: ['ack-unbacked'],
  },
  {
    name: 'connection used on behind an ACK timeout',
    patches: [
      {
        file: TRACKER,
        find: '      this.#connection.onBroken(wrong ?? this.#errors.timeout());\n    // F90',
        put: `    {
      this.#outstanding.shift();
      if (this.#outstanding.length > 0) this.#awaitFirst();
      this.#connection.onSettled('none');
      due.failed(this.#errors.timeout());
    }
    // F90`,
      },
    ],
    caughtBy: ['connection-reused', 'ack-unbacked', 'ack-not-outstanding', 'duplicate'],
  },
  {
    name: 'answers of a batch in another order',
    patches: patchesOf('answers of a batch in another order'),
    profile: 'split',
    caughtBy: ['ack-out-of-order', 'ack-not-outstanding'],
  },
  {
    name: 'an application answer is dropped',
    patches: [
      {
        file: COMMITTED,
        find: 'return committed.target?.tell(frame) === true;',
        put: `return ${every(100)} ? true : committed.target?.tell(frame) === true;`,
      },
    ],
    profile: 'enhanced',
    caughtBy: ['application-lost'],
  },
  // Choice of a node.
  {
    name: 'one message in ten ignores stickiness',
    patches: patchesOf('one message in ten ignores stickiness'),
    profile: 'sticky',
    caughtBy: ['not-sticky'],
  },
  {
    name: 'the table forgets its senders',
    patches: [
      {
        file: 'routing/stick-table.ts',
        find: 'return now - entry.usedAt >= this.#idleMs;',
        put: 'return now - entry.usedAt >= 15;',
      },
    ],
    profile: 'sticky-table',
    caughtBy: ['not-sticky'],
  },
  {
    name: 'weights count for nothing',
    patches: patchesOf('weights count for nothing'),
    profile: 'weighted',
    caughtBy: ['weights'],
  },
  {
    name: 'backups share the load',
    patches: patchesOf('backups share the load'),
    profile: 'backup',
    caughtBy: ['backup-used'],
  },
  {
    name: 'one message in five is not validated',
    patches: patchesOf('one message in five is not validated'),
    profile: 'checked',
    caughtBy: ['invalid-delivered'],
  },
  {
    name: 'one message in twenty takes the first route',
    patches: patchesOf('one message in twenty takes the first route, whatever it asks for'),
    profile: 'mixed',
    caughtBy: ['wrong-route'],
  },
  {
    name: 'maintenance is ignored',
    patches: [
      {
        file: NODE,
        find: "this.#isOpen = this.#adminState !== 'maintenance' && (",
        put: 'this.#isOpen = (',
      },
    ],
    caughtBy: ['taken-out-used'],
  },
  {
    name: 'draining is ignored',
    patches: [{ file: SELECTOR, find: '      if (node.draining === true) continue;\n', put: '' }],
    profile: 'default',
    caughtBy: ['taken-out-used'],
  },
  {
    name: 'a node that is down is used',
    patches: [
      {
        file: NODE,
        find: "(this.#health.state === 'up' || this.#onTrial);\n    this.#record",
        put: 'true;\n    this.#record',
      },
    ],
    caughtBy: ['down-used'],
  },
  {
    name: 'what waits for a connection to a node that goes down is sent to it',
    patches: [
      {
        file: NODE,
        find: '    this.#upstream.giveBack?.();\n    this.#upstream.retire?.();\n  }\n\n  #setAdminState',
        put: '    this.#upstream.retire?.();\n  }\n\n  #setAdminState',
      },
    ],
    caughtBy: ['down-used'],
  },
  // Order.
  {
    name: 'messages of a connection may overtake each other',
    patches: patchesOf('messages of a connection may overtake each other'),
    caughtBy: ['order'],
  },
  {
    name: 'a key has an order on each connection only',
    patches: [
      {
        file: ORDERING,
        find: "const key = ordering === 'key' && storedIn === undefined ? message.stickyKey : undefined;",
        put: 'const key = undefined as string | undefined;',
      },
    ],
    profile: 'keyed',
    caughtBy: ['key-overlap', 'order'],
  },
  {
    name: 'a message that is sent again loses its place',
    patches: [
      {
        file: POOL_QUEUE,
        find: '    setImmediate(() => this.#next(message));\n  }\n\n  abandon(',
        put: `    const { lane } = message;
    lane?.remove(message);
    (message as { sequence: number }).sequence += 100_000;
    lane?.add(message);
    setImmediate(() => this.#next(message));
  }

  abandon(`,
      },
    ],
    caughtBy: ['order'],
  },
  {
    name: 'order is lost on a reload',
    patches: [
      {
        file: ORDERING,
        find: 'return this.isActive && this.#inWayOf(message, byKey) !== undefined;',
        put: 'return false;',
      },
    ],
    caughtBy: ['order'],
  },
  {
    name: 'a message overtakes one that a thread reads',
    patches: [
      {
        file: PIPELINE,
        find: 'const isBehind = this.#reorderBuffer.has(message.origin) || ',
        put: 'const isBehind = ',
      },
    ],
    profile: 'checked',
    caughtBy: ['order'],
  },
  // Attempts.
  {
    name: 'an ACK timeout counts as not sent',
    patches: [
      {
        file: ERRORS_FILE,
        find: "GW_ERR_ACK_TIMEOUT: row('node', 'unsafe',",
        put: "GW_ERR_ACK_TIMEOUT: row('node', 'safe',",
      },
    ],
    caughtBy: ['duplicate', 'other-node'],
  },
  {
    name: 'a connection that the node closed counts as not sent',
    patches: [
      {
        file: ERRORS_FILE,
        find: "    'node',\n    'unsafe',\n    'unavailable',\n    207,\n    'a node closed",
        put: "    'node',\n    'safe',\n    'unavailable',\n    207,\n    'a node closed",
      },
    ],
    caughtBy: ['duplicate'],
  },
  {
    name: 'one attempt too many',
    patches: [{ file: RETRY, find: 'tried.writes >= attempts', put: 'tried.writes > attempts' }],
    profile: 'resend',
    caughtBy: ['duplicate'],
  },
  {
    name: 'a message that only one node may have goes to another',
    patches: [{ file: RETRY, find: '  return onAmbiguous;\n}', put: "  return 'other-node';\n}" }],
    profile: 'same-node',
    caughtBy: ['other-node'],
  },
  // What is held, and given back.
  {
    name: 'a connection that broke keeps its places',
    patches: [{ file: UPSTREAM, find: '    this.#inFlight -= connection.pending;\n', put: '' }],
    caughtBy: ['left-over', 'never-answered', 'answer-overdue'],
  },
  {
    name: 'a message that was given up keeps its place in its lane',
    patches: [
      {
        file: POOL_QUEUE,
        find: '    this.#end(message);\n    const { isAmbiguous: ambiguous, unwanted } = message;',
        put: '    this.#inFlight.delete(message);\n    const { isAmbiguous: ambiguous, unwanted } = message;',
      },
    ],
    caughtBy: ['answer-overdue', 'never-answered', 'message-held'],
  },
  {
    name: 'one message in a hundred keeps its bytes',
    patches: [
      {
        file: REPLIES,
        find: '    this.hold(-(message.payload.length + FRAMING_BYTES));',
        put: `    if (!(${every(100)})) this.hold(-(message.payload.length + FRAMING_BYTES));`,
      },
    ],
    caughtBy: ['left-over'],
  },
  {
    name: 'a message that was abandoned is still counted as one that waits',
    patches: [
      {
        file: WAIT_QUEUE,
        find: '    this.#size--;\n',
        put: `    if (!(${every(50)})) this.#size--;\n`,
      },
    ],
    caughtBy: ['left-over'],
  },
  {
    name: 'a timer of a node’s connections goes on for ever',
    patches: [{ file: UPSTREAM, find: '    clearInterval(this.#reaper);\n', put: '' }],
    caughtBy: ['left-over'],
  },
  {
    name: 'more connections than a node may have',
    patches: [
      {
        file: 'src/upstream/mllp/connection-limits.ts',
        find: 'return this.taken < this.#ownMax;',
        put: 'return this.taken < this.#ownMax + 4;',
      },
    ],
    caughtBy: ['beyond-bound'],
  },
  // Deadlines.
  {
    name: 'only the first message on a connection has a deadline',
    patches: [
      {
        file: TRACKER,
        find: '    if (this.#outstanding.length > 0) this.#awaitFirst(now);\n',
        put: '    if (this.#outstanding.length > 0) this.#deadline.stop();\n',
      },
    ],
    profile: 'pipelined',
    caughtBy: ['answer-overdue'],
  },
  {
    name: 'timeouts.connect is ignored',
    patches: [
      { file: 'src/upstream/dial.ts', find: '  }, options.connectMs);\n\n', put: '  }, 300_000);\n\n' },
    ],
    caughtBy: ['answer-overdue', 'never-answered', 'not-recovered'],
  },
  {
    name: 'an answer that does not come is waited for',
    patches: [
      {
        file: TRACKER,
        find: '    if (due === undefined || this.#isStopped) return;\n    const { wrong }',
        put: '    if (due !== undefined || this.#isStopped) return;\n    const { wrong }',
      },
    ],
    caughtBy: ['answer-overdue', 'never-answered'],
  },
  {
    name: 'queue.timeout is ignored',
    patches: [
      {
        file: POOL_QUEUE,
        find: 'const leftMs = timeoutMs - (turnTime() - message.waitsSince);',
        put: 'const leftMs = 600_000 + timeoutMs - (turnTime() - message.waitsSince);',
      },
    ],
    caughtBy: ['answer-overdue', 'never-answered'],
  },
  // What simulated days have found, as it was.
  {
    name: 'a message waits for ever for a connection of its own',
    patches: [
      {
        file: 'src/upstream/mllp/waiting-messages.ts',
        find: 'this.#limitMs = options.connectMs + options.ackMs;',
        put: 'this.#limitMs = 600_000;',
      },
    ],
    profile: 'any',
    caughtBy: ['answer-overdue', 'never-answered'],
  },
  // What spans say.
  {
    name: 'a trace names the node that was tried first',
    patches: [
      {
        file: MESSAGE_SPANS,
        find: 'out.put(NODE, last.node);',
        put: 'out.put(NODE, (attempts[0] ?? last).node);',
      },
    ],
    profile: 'resend',
    caughtBy: ['spans'],
  },
  {
    name: 'attempts before the last have no span',
    patches: [
      {
        file: ATTEMPT_SPANS,
        find: 'for (const tried of triesOf(attempts)) {',
        put: 'for (const tried of triesOf(attempts.slice(-1))) {',
      },
    ],
    profile: 'resend',
    caughtBy: ['spans'],
  },
  {
    name: 'a span has an answer that never came',
    patches: [
      {
        file: ATTEMPT_SPANS,
        find: "if (error === undefined && endedAt !== undefined) out.event('ack', endedAt);",
        put: "if (endedAt !== undefined) out.event('ack', endedAt);",
      },
    ],
    caughtBy: ['spans'],
  },
  {
    name: 'one message in a hundred has no trace',
    patches: [
      {
        file: 'src/observe/traces/spans/message-tracer.ts',
        find: '    this.#ended.push(record);\n',
        put: `    if (!(${every(100)})) this.#ended.push(record);\n`,
      },
    ],
    caughtBy: ['spans'],
  },
  // Messages that get lost.
  {
    name: 'a message whose thread dies is dropped',
    patches: [
      {
        file: PIPELINE,
        find: '      (thrown) => this.#reorderBuffer.end(slot, () => fail(message, thrown)),',
        put: '      () => this.#reorderBuffer.end(slot, () => {}),',
      },
    ],
    profile: 'checked',
    caughtBy: ['answer-overdue', 'never-answered'],
  },
  {
    name: 'a reload loses messages that wait',
    patches: [
      {
        file: POOL_QUEUE,
        find: '    this.#reloadGuard.handBack(message);\n',
        put: '',
      },
    ],
    caughtBy: ['answer-overdue', 'never-answered'],
  },
  {
    name: 'a byte is lost where a frame comes in pieces',
    patches: [
      {
        file: 'src/mllp/frame-parts.ts',
        find: 'return Buffer.concat(all, size);',
        put: 'return Buffer.concat(all.length > 6 ? all.with(3, (all[3] as Buffer).map((byte) => byte ^ 1)) : all, size);',
      },
    ],
    caughtBy: ['altered', 'not-sent'],
  },
  {
    name: 'a sender that ended its side is not answered',
    patches: [
      {
        file: SESSION,
        find: "    this.#stopReading('cut-off');\n    this.#endIfDone();\n  }\n\n  /** Answers every",
        put: "    this.#stopReading('cut-off');\n    this.#end();\n  }\n\n  /** Answers every",
      },
    ],
    caughtBy: ['answer-lost'],
  },
  {
    name: 'a drain does not wait for what is with nodes',
    patches: [
      {
        file: SESSION,
        find: '    this.#receiver.drain();\n    this.#endIfDone();\n',
        put: "    this.#stopReading('dropped');\n    this.#end();\n",
      },
    ],
    caughtBy: ['answer-lost'],
  },
  {
    name: 'a sender is reset where it should be ended',
    patches: [
      {
        file: 'src/mllp/graceful-close.ts',
        find: '  if (isReset(socket)) {',
        put: '  if (isReset(socket) || socket.readableFlowing !== null) {',
      },
    ],
    caughtBy: ['sender-reset'],
  },
  {
    name: 'an error that nobody catches',
    patches: [
      {
        file: SESSION,
        find: '    this.#receiver.resume();\n    this.#endIfDone();',
        put: `    if (${every(200)}) throw new Error('planted');
    this.#receiver.resume();
    this.#endIfDone();`,
      },
    ],
    caughtBy: ['uncaught'],
  },
  // What senders are held to.
  {
    name: 'a sender that stands within a message is not ended',
    patches: [
      {
        file: 'listeners/mllp/frame-clock.ts',
        find: '    if (this.#timer !== undefined || this.#leftMs === undefined) return;\n    this.#startedAt',
        put: '    if (this.#timer !== undefined || this.#leftMs !== undefined) return;\n    this.#startedAt',
      },
    ],
    caughtBy: ['sender-kept'],
  },
  {
    name: 'the time of a message goes on from one to the next',
    patches: [
      {
        file: 'listeners/mllp/open-frame.ts',
        find: '    if (!unfinished) this.#clock.stop();\n    else if (',
        put: '    if (',
      },
    ],
    caughtBy: ['sender-cut'],
  },
  {
    name: 'a sender that says nothing is not ended',
    patches: [
      {
        file: SESSION,
        find: '    this.#transport.setIdleTimeout(limits.idleTimeoutMs);\n',
        put: '',
      },
    ],
    caughtBy: ['sender-kept'],
  },
  {
    name: 'a sender that waits for its answer counts as idle',
    patches: [
      {
        file: SESSION,
        find: '    if (this.#replies.count > 0) {\n      this.#wasIdle = true;\n      return;\n    }\n',
        put: '',
      },
    ],
    caughtBy: ['sender-cut'],
  },
  {
    name: 'a sender that reads slowly is ended at once',
    patches: [
      {
        file: 'src/mllp/socket-transport.ts',
        find: 'this.#owner?.onWriteTimeout?.(), this.#writeMs);',
        put: 'this.#owner?.onWriteTimeout?.(), 10);',
      },
    ],
    caughtBy: ['sender-cut'],
  },
  {
    name: 'more messages of a sender wait than may',
    patches: [
      {
        file: SESSION,
        find: '      this.#replies.count >= this.#config.limits.maxPending ||\n',
        put: '',
      },
    ],
    caughtBy: ['beyond-bound'],
  },
  // What a node is held for.
  {
    name: 'want of descriptors counts as a failure of the node',
    patches: [
      {
        file: NODE,
        find: "    if (error.code === 'GW_ERR_OPEN_FILES') return;\n    // Another",
        put: '    // Another',
      },
    ],
    caughtBy: ['node-blamed'],
  },
  {
    name: 'what checks say is ignored',
    patches: [
      {
        file: NODE,
        find: "    else if (verdict.kind !== 'unknown') this.passed(verdict.kind === 'full');\n",
        put: '',
      },
    ],
    caughtBy: ['not-recovered', 'never-answered'],
  },
];
