// Gateways that break one promise each, made from the product's source by a patch of its text. Promises: a patch whose place
// is not found exactly once throws, so that the product cannot be rewritten and leave this proof behind without notice.
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CampaignResult, runCampaign } from './campaign.ts';
import type { Rule } from './checks/violation.ts';

interface Patch {
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
}

const CONNECTION = 'src/upstream/mllp-connection.ts';

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'no MSA-2 check',
    patches: [
      {
        file: CONNECTION,
        find: 'this.#pending.length === this.#unwritten || !answers(ack, due.header)) {',
        put: 'this.#pending.length === this.#unwritten) {',
      },
    ],
    profile: 'default',
    kinds: ['wrong', 'double'],
    caughtBy: ['ack-not-outstanding', 'ack-twice', 'ack-out-of-order'],
  },
  {
    name: 'a control id may repeat on a connection',
    patches: [
      { file: CONNECTION, find: '    if (this.#recent.wouldRepeat(header)) return true;\n', put: '' },
    ],
    profile: 'shared-ids',
    kinds: ['double'],
    caughtBy: ['ack-unbacked'],
  },
  {
    name: 'connection reused after an ACK timeout',
    patches: [
      {
        file: CONNECTION,
        find: "    this.#close(new GatewayError('GW_ERR_ACK_TIMEOUT', { node: this.#options.node }));",
        put: `    const late = this.#pending.shift();
    if (this.#pending.length > 0) this.#expect();
    this.#owner.onSettled(this);
    late?.failed(new GatewayError('GW_ERR_ACK_TIMEOUT', { node: this.#options.node }));`,
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
        file: 'src/relay/resend.ts',
        find: "if (onAmbiguous === 'fail' || tried.writes >= attempts",
        put: 'if (tried.writes >= attempts',
      },
      {
        file: 'src/relay/resend.ts',
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
        file: 'src/relay/exchange.ts',
        find: '    if (attempt !== undefined) attempt.writtenAt = performance.now();',
        put: `    if (attempt === undefined) return;
    attempt.writtenAt = performance.now();
    const controlId = this.header.controlId;
    const text = '\\x0bMSH|^~\\\\&|MIRTH|NODE|||||ACK|1|P|2.5\\rMSA|AA|' + controlId + '\\r\\x1c\\r';
    const ack: Ack = { code: 'AA', controlId };
    this.settle({ kind: 'answered', ack, frame: Buffer.from(text, 'latin1'), node: attempt.node });`,
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
        file: 'src/relay/lanes.ts',
        find: '    let lane = key === undefined ? lanes.get(this) : this.#byKey.get(key);',
        put: '    let lane: Lane<Exchange> | undefined;',
      },
    ],
    profile: 'balanced',
    kinds: ['sender-burst', 'slow'],
    caughtBy: ['order'],
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
  return await runCampaign({ seed, ...MUTANT_RUN, profile, kinds, root: made.root, discard: true });
}

/** A copy of the product with the mutant's patches; it goes with its disposal. */
export function makeMutant(mutant: Pick<Mutant, 'name' | 'patches'>): Disposable & { readonly root: string } {
  const root = mkdtempSync(join(tmpdir(), 'campaign-mutant-'));
  const remove = (): void => rmSync(root, { recursive: true });
  try {
    for (const folder of ['src', 'listeners', 'routing', 'certs'])
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
