// Gateways that break one promise each, made from the product's source by a patch of its text. Promises: a patch whose place
// is not found exactly once throws, so that the product cannot be rewritten and leave this proof behind without notice.
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CampaignResult, runCampaign } from './campaign.ts';
import type { Rule } from './checks/violation.ts';

export interface Patch {
  readonly file: string;
  /** Stands in the file once. */
  readonly find: string;
  readonly put: string;
}

export interface Mutant {
  readonly name: string;
  readonly patches: readonly Patch[];
  /** In which the fault is one, and events that bring it about. */
  readonly profile: string;
  readonly kinds: readonly string[];
  /** Any of these shows that the checker has seen this fault, and not something else. */
  readonly caughtBy: readonly Rule[];
  /** Where the usual run brings the fault about too seldom, or ends before it shows. */
  readonly run?: Partial<typeof MUTANT_RUN>;
  /** Not among those of the suite, where its rule has tests of its own. */
  readonly isLong?: true;
}

/** Counts in the mutant's process, so that a fault comes about as often as it says. */
export const every = (times: number): string =>
  `(globalThis.mutant = (globalThis.mutant ?? 0) + 1) % ${times} === 0`;
/** What the gateway holds back for seconds has to be there before the run is over. */
const HOLDS_BACK = { durationMs: 6_000, senders: 8, quietMs: 15_000 };

const ACK_TRACKER = 'src/upstream/mllp/ack-tracker.ts';
const ANSWER_MATCHER = 'src/upstream/mllp/answer-matcher.ts';

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'no MSA-2 check',
    patches: [
      {
        file: ANSWER_MATCHER,
        find: "const match = due === undefined ? 'none' : this.#compare(ack, due.header);",
        put: "const match = this.#outstanding.isFirstWritten ? 'exact' : 'none';",
      },
    ],
    profile: 'default',
    kinds: ['wrong', 'double'],
    caughtBy: ['ack-not-outstanding', 'ack-twice', 'ack-out-of-order'],
  },
  {
    name: 'a control id may repeat on a connection',
    patches: [
      {
        file: ANSWER_MATCHER,
        find: '    if (this.#recent.wouldRepeat(header, this.#quirks.changesIds)) return true;\n',
        put: '',
      },
    ],
    profile: 'shared-ids',
    kinds: ['double'],
    caughtBy: ['ack-unbacked'],
  },
  {
    name: 'connection reused after an ACK timeout',
    patches: [
      {
        file: ACK_TRACKER,
        find: '      this.#connection.onBroken(wrong ?? this.#errors.timeout());\n',
        put: `    {
      this.#outstanding.shift();
      if (this.#outstanding.length > 0) this.#awaitFirst();
      this.#connection.onSettled('none');
      due.failed(this.#errors.timeout());
    }
`,
      },
    ],
    profile: 'default',
    kinds: ['late', 'black-hole', 'stop'],
    caughtBy: ['connection-reused', 'ack-unbacked'],
  },
  {
    name: 'retry after ambiguous regardless of policy',
    patches: [
      {
        file: 'src/relay/retry.ts',
        find: "if (onAmbiguous === 'fail' || tried.writes >= attempts",
        put: 'if (tried.writes >= attempts',
      },
      {
        file: 'src/relay/retry.ts',
        find: '  return onAmbiguous;',
        put: "  return 'other-node';",
      },
    ],
    profile: 'default',
    kinds: ['reset', 'half-close', 'garbled', 'wrong'],
    caughtBy: ['duplicate'],
  },
  {
    name: 'ACK before the node’s',
    patches: [
      {
        file: 'src/relay/message.ts',
        find: '    this.carrier?.onAssigned(this);',
        put: `    this.carrier?.onAssigned(this);
    const controlId = this.header.controlId;
    const text = '\\x0bMSH|^~\\\\&|MIRTH|NODE|||||ACK|1|P|2.5\\rMSA|AA|' + controlId + '\\r\\x1c\\r';
    const ack: Ack = { code: 'AA', controlId };
    this.settle({ kind: 'answered', ack, frame: Buffer.from(text, 'latin1'), node: this.node?.name ?? '' });`,
      },
    ],
    profile: 'default',
    kinds: ['kill', 'slow'],
    caughtBy: ['ack-unbacked'],
  },
  {
    name: 'messages of a connection may overtake each other',
    patches: [
      {
        file: 'src/relay/ordering.ts',
        find: '    let lane = key === undefined ? lanes.get(this) : this.#byKey.get(key);',
        put: '    let lane: MessageLane | undefined;',
      },
    ],
    profile: 'balanced',
    kinds: ['sender-burst', 'slow'],
    caughtBy: ['order'],
  },
  {
    name: 'one message in ten ignores stickiness',
    patches: [
      {
        file: 'routing/node-selector.ts',
        find: "if (key !== undefined && this.#mode === 'hash')",
        put: `if (key !== undefined && this.#mode === 'hash' && !(${every(10)}))`,
      },
    ],
    profile: 'sticky',
    kinds: ['sender-burst', 'sender-reset'],
    caughtBy: ['not-sticky'],
  },
  {
    name: 'one answer in 300 is held back for five seconds',
    patches: [
      {
        file: 'listeners/mllp/session-replies.ts',
        find: `    for (; next != null; next = this.#owed.next()) this.#transport.write(this.#inItsFraming(next));
    this.#owner.onPaid(next === null);
    if (`,
        put: `    for (; next != null; next = this.#owed.next()) {
      const late = next;
      if (${every(300)}) setTimeout(() => this.#transport.write(this.#inItsFraming(late)), 5_000);
      else this.#transport.write(this.#inItsFraming(next));
    }
    this.#owner.onPaid(next === null);
    if (`,
      },
    ],
    profile: 'weighted',
    kinds: ['sender-burst'],
    caughtBy: ['answer-held'],
    run: HOLDS_BACK,
  },
  {
    name: 'an error that nobody catches',
    patches: [
      {
        file: 'listeners/mllp/mllp-session.ts',
        find: '    this.#receiver.resume();\n    this.#endIfDone();',
        put: `    if (${every(200)}) setImmediate(() => { throw new Error('planted'); });
    this.#receiver.resume();
    this.#endIfDone();`,
      },
    ],
    profile: 'default',
    kinds: ['sender-burst'],
    caughtBy: ['uncaught'],
  },
  {
    name: 'one message in twenty takes the first route, whatever it asks for',
    patches: [
      {
        file: 'routing/router.ts',
        find: '    return this.#routes[firstMatch(',
        put: `    if (${every(20)}) return this.#routes[0]?.decision;
    return this.#routes[firstMatch(`,
      },
    ],
    profile: 'mixed',
    kinds: ['sender-burst'],
    caughtBy: ['wrong-route'],
  },
  {
    name: 'one message in three hundred waits for nothing',
    patches: [
      {
        file: 'src/relay/pool-queue.ts',
        find: '    node.send(message, channel);',
        put: `    if (${every(300)}) setTimeout(() => node.send(message, channel), 10_000);
    else node.send(message, channel);`,
      },
    ],
    profile: 'weighted',
    kinds: ['sender-burst'],
    caughtBy: ['message-held'],
    run: HOLDS_BACK,
    isLong: true,
  },
  {
    name: 'weights count for nothing',
    patches: [
      { file: 'routing/balance.ts', find: 'const { weight } = member.node;', put: 'const weight = 1;' },
    ],
    profile: 'weighted',
    kinds: ['sender-burst'],
    caughtBy: ['weights'],
    isLong: true,
  },
  {
    name: 'backups share the load',
    patches: [
      { file: 'routing/node-selector.ts', find: 'if (node.backup !== this.#onBackups || !(', put: 'if (!(' },
    ],
    profile: 'backup',
    kinds: ['sender-burst'],
    caughtBy: ['backup-used'],
    isLong: true,
  },
  {
    name: 'one message in five is not validated',
    patches: [
      {
        file: 'src/relay/pipeline.ts',
        find: 'return route?.validate?.rules;',
        put: `return ${every(5)} ? undefined : route?.validate?.rules;`,
      },
    ],
    profile: 'checked',
    kinds: ['sender-burst'],
    caughtBy: ['invalid-delivered'],
    isLong: true,
  },
  {
    name: 'answers of a batch in another order',
    patches: [
      {
        file: 'src/relay/batch.ts',
        find: 'gatherAnswers(this.#pieces, this.#answers,',
        put: 'gatherAnswers(this.#pieces, this.#answers.toReversed(),',
      },
    ],
    profile: 'split',
    kinds: ['sender-burst'],
    caughtBy: ['ack-out-of-order', 'ack-not-outstanding'],
    isLong: true,
  },
  {
    name: '503 for a message that a node may have',
    patches: [
      {
        file: 'listeners/http/statuses.ts',
        find: 'GW_ERR_ACK_TIMEOUT: 504,',
        put: 'GW_ERR_ACK_TIMEOUT: 503,',
      },
    ],
    profile: 'mixed',
    kinds: ['late', 'black-hole'],
    caughtBy: ['unavailable-delivered'],
    run: { senders: 8, durationMs: 6_000 },
    isLong: true,
  },
  {
    name: 'a response loses a byte',
    patches: [
      {
        file: 'listeners/http/proxy/node-response.ts',
        find: 'if (writeTo(this.#response, chunk)) return;',
        put: `if (writeTo(this.#response, ${every(20)} ? chunk.subarray(1) : chunk)) return;`,
      },
    ],
    profile: 'web',
    kinds: ['sender-burst'],
    caughtBy: ['web-response'],
    isLong: true,
  },
];

/** Enough for each of the kinds to come about three times. */
const MUTANT_RUN = { events: 10, durationMs: 4_000, senders: 4, quietMs: 3_000 };

/** Not certificates and keys that were made in the checkout. */
function isSource(path: string): boolean {
  return path.endsWith('.ts') || statSync(path).isDirectory();
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** What the campaign with this mutant finds; the first of `caughtBy` is the least to be expected of it. */
export async function runMutant(mutant: Mutant, seed: number): Promise<CampaignResult> {
  using made = makeMutant(mutant);
  const { profile, kinds } = mutant;
  return await runCampaign({
    seed,
    ...MUTANT_RUN,
    ...mutant.run,
    profile,
    kinds,
    root: made.root,
    discard: true,
  });
}

const PRODUCT = ['src', 'listeners', 'routing', 'certs'];

/** A copy of the product, and of `more` folders, with the mutant's patches; it goes with its disposal. */
export function makeMutant(
  mutant: Pick<Mutant, 'name' | 'patches'>,
  more: readonly string[] = [],
): Disposable & { readonly root: string } {
  const root = mkdtempSync(join(tmpdir(), 'campaign-mutant-'));
  const remove = (): void => rmSync(root, { recursive: true });
  try {
    for (const folder of [...PRODUCT, ...more])
      cpSync(join(ROOT, folder), join(root, folder), { recursive: true, filter: isSource });
    cpSync(join(ROOT, 'package.json'), join(root, 'package.json'));
    symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'));
    for (const patch of mutant.patches) apply(patch, root, mutant.name);
  } catch (error) {
    remove();
    throw error;
  }
  return { root, [Symbol.dispose]: remove };
}

function apply({ file, find, put }: Patch, root: string, name: string): void {
  const [before, after, ...more] = readFileSync(join(root, file), 'utf8').split(find);
  if (before === undefined || after === undefined || more.length > 0)
    throw new Error(
      `the mutant “${name}” does not fit ${file} any more: \`${find.trim()}\` must stand there once`,
    );
  writeFileSync(join(root, file), before + put + after);
}
