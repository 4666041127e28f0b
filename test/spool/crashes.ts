// A process that stores as fast as it can is killed at moments by chance, again and again. Promises that what it said was acknowledged
// before is known, and that a message that is lost, or is another, fails.
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, onTestFinished } from 'vitest';
import { payloadOf } from './load.ts';
import { openStore, storeFolder } from './stored.ts';

const CHILD = new URL('processes/load-store.ts', import.meta.url).pathname;

/** After its first acknowledgement it lives at most so long. */
const MOST_MS = 60;

export const KEY = Buffer.alloc(32, 9);

/** To be preloaded; undefined: no compiler here. */
export function preloaded(name: 'power-cut' | 'io-error'): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'hl7-gateway-preloaded-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const library = join(folder, `${name}.so`);
  const source = new URL(`processes/${name}.c`, import.meta.url).pathname;
  try {
    execFileSync('gcc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl', '-lpthread'], {
      stdio: 'ignore',
    });
    return library;
  } catch {
    return undefined;
  }
}

interface Acknowledged {
  /** By id: which message it is. */
  readonly messages: Map<number, number>;
  readonly delivered: Set<number>;
  readonly gone: Set<number>;
}

/** `library`: the power is cut as well. Returns how many acknowledgements there were. */
export async function crashAgainAndAgain(rounds: number, library?: string): Promise<number> {
  const path = storeFolder();
  const shadow = join(dirname(path), 'shadow');
  const known: Acknowledged = { messages: new Map(), delivered: new Set(), gone: new Set() };
  let first = 0;
  for (let round = 0; round < rounds; round++) {
    if (library !== undefined) {
      rmSync(shadow, { recursive: true, force: true });
      mkdirSync(path, { recursive: true });
      cpSync(path, shadow, { recursive: true });
    }
    const cut =
      library === undefined ? {} : { LD_PRELOAD: library, POWER_CUT_FROM: path, POWER_CUT_TO: shadow };
    first = await untilKilled(path, first, known, cut);
    if (library !== undefined) {
      rmSync(path, { recursive: true });
      renameSync(shadow, path);
    }
    await holdAgainst(path, known);
  }
  return known.messages.size + known.delivered.size + known.gone.size;
}

async function untilKilled(
  path: string,
  first: number,
  known: Acknowledged,
  cut: NodeJS.ProcessEnv,
): Promise<number> {
  const child = spawn(process.execPath, [CHILD, path, String(first), KEY.toString('hex')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...cut },
  });
  let next = first;
  let killing: Promise<void> | undefined;
  const kill = async (): Promise<void> => {
    await pause(Math.random() * MOST_MS);
    child.kill('SIGKILL');
  };
  for await (const line of createInterface(child.stdout)) {
    const [what, a, b] = line.split(' ');
    if (what === 'put') {
      known.messages.set(Number(b), Number(a));
      next = Math.max(next, Number(a) + 1);
    } else if (what === 'delivered') known.delivered.add(Number(a));
    else if (what === 'gone') known.gone.add(Number(a));
    if (what !== 'open') killing ??= kill();
  }
  await killing;
  // Those that were on their way have numbers too.
  return next + 100;
}

async function holdAgainst(path: string, known: Acknowledged): Promise<void> {
  const store = await openStore(path, { keys: [KEY], maxBytes: 256 * 1024 * 1024 });
  const there = new Map((await store.list({}, 0, 1_000_000)).map((message) => [message.id, message]));
  const lost = [...known.messages.keys()].filter((id) => !there.has(id) && !known.gone.has(id));
  // One that was discarded, and not acknowledged as such, may be gone all the same.
  const discarded = ([, n]: [number, number]): boolean => n % 3 !== 0 && n % 7 === 0;
  const perhapsGone = new Set([...known.messages].filter(discarded).map(([id]) => id));
  expect(lost.filter((id) => !perhapsGone.has(id))).toEqual([]);
  expect([...known.gone].filter((id) => there.has(id))).toEqual([]);
  expect([...known.delivered].filter((id) => there.get(id)?.state !== 'delivered')).toEqual([]);
  const contents = await Promise.all(
    [...there.keys()].map(async (id) => [id, (await store.content(id))?.payload] as const),
  );
  const others = contents.filter(([id, payload]) => {
    const n = known.messages.get(id);
    return n !== undefined && payload?.equals(payloadOf(n)) !== true;
  });
  expect(others.map(([id]) => id)).toEqual([]);
  const heads = await store.heads('results', 0, 100);
  const oldest = new Map<string, number>();
  for (const { id, orderingKey, state } of there.values())
    if (state === 'waiting' && !oldest.has(orderingKey)) oldest.set(orderingKey, id);
  expect(heads.map(({ id }) => id)).toEqual([...oldest.values()].sort((a, b) => a - b));
  const states = [...there.values()].map(({ state }) => state);
  const count = (state: string): number => states.filter((one) => one === state).length;
  expect(store.usage.pools.get('results')).toMatchObject({
    waiting: count('waiting'),
    dead: 0,
    delivered: count('delivered'),
  });
  await store.close();
}
