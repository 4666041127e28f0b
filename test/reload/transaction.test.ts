// All parts take up a config, or none: the order of their steps, and what happens where one of them fails.
import { describe, expect, test } from 'vitest';
import { GatewayError } from '../../src/errors.ts';
import { committing, type Prepared, type Reconfigurable } from '../../src/reload/reconfigurable.ts';
import { type ReloadParts, reloadAll } from '../../src/reload/transaction.ts';

type Step = 'prepare' | 'commit' | 'rollback' | 'settle';

const NAMES = ['a', 'b', 'c'] as const;

/** Three parts that write down what is done to them; `fails`: which step of which part throws, `a commit`. */
class Recorder {
  readonly done: string[] = [];
  readonly defects: string[] = [];
  readonly parts: ReloadParts<string>;
  readonly #fails: readonly string[];
  readonly #isAsync: boolean;

  constructor({ fails = [], isAsync = false }: { fails?: readonly string[]; isAsync?: boolean } = {}) {
    this.#fails = fails;
    this.#isAsync = isAsync;
    this.parts = NAMES.map((name) => [name, this.#part(name)] as const);
  }

  run(onCommitted?: (failed: readonly string[]) => void): Promise<readonly string[]> {
    return reloadAll(this.parts, 'config', {
      ...(onCommitted && { onCommitted }),
      onDefect: (part, step, thrown) =>
        void this.defects.push(`${part} ${step}: ${thrown instanceof Error ? thrown.message : thrown}`),
    });
  }

  note(what: string): void {
    this.done.push(what);
    if (this.#fails.includes(what)) throw new Error(`no ${what}`);
  }

  #part(name: string): Reconfigurable<string> {
    const step = (what: Step): void | Promise<void> => {
      if (!this.#isAsync) return this.note(`${name} ${what}`);
      return Promise.resolve().then(() => this.note(`${name} ${what}`));
    };
    const prepared: Prepared = {
      commit: () => this.note(`${name} commit`),
      rollback: () => step('rollback'),
      settle: () => step('settle'),
    };
    return {
      prepare: (config) => {
        expect(config).toBe('config');
        const done = step('prepare');
        return done === undefined ? prepared : done.then(() => prepared);
      },
    };
  }
}

const all = (step: Step): string[] => NAMES.map((name) => `${name} ${step}`);

describe.each([{ isAsync: false }, { isAsync: true }])('steps that are async: $isAsync', ({ isAsync }) => {
  test('all are prepared, then all commit, then all settle, in the order of the list', async () => {
    const recorder = new Recorder({ isAsync });
    expect(await recorder.run()).toEqual([]);
    await Promise.resolve();
    expect(recorder.done).toEqual([...all('prepare'), ...all('commit'), ...all('settle')]);
    expect(recorder.defects).toEqual([]);
  });

  test.each([
    ['a', []],
    ['b', ['a rollback']],
    ['c', ['b rollback', 'a rollback']],
  ])(
    '%s cannot be prepared: those before it are rolled back, the last one first',
    async (name, rolledBack) => {
      const recorder = new Recorder({ isAsync, fails: [`${name} prepare`] });
      await expect(recorder.run()).rejects.toThrow(`no ${name} prepare`);
      const tried = all('prepare').slice(0, NAMES.indexOf(name as 'a') + 1);
      expect(recorder.done).toEqual([...tried, ...rolledBack]);
      expect(recorder.defects).toEqual([]);
    },
  );

  test('a rollback that fails keeps none of the others from being rolled back', async () => {
    const recorder = new Recorder({ isAsync, fails: ['c prepare', 'b rollback'] });
    await expect(recorder.run()).rejects.toThrow('no c prepare');
    expect(recorder.done.slice(3)).toEqual(['b rollback', 'a rollback']);
    expect(recorder.defects).toEqual(['b rollback: no b rollback']);
  });

  test('what settles may fail: it is named, and the others settle', async () => {
    const recorder = new Recorder({ isAsync, fails: ['a settle'] });
    expect(await recorder.run()).toEqual([]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(recorder.done.slice(6)).toEqual(all('settle'));
    expect(recorder.defects).toEqual(['a settle: no a settle']);
  });
});

test.each(NAMES)('%s throws where it commits: it is named, and no other part stays behind', async (name) => {
  const recorder = new Recorder({ fails: [`${name} commit`] });
  const told: (readonly string[])[] = [];
  expect(await recorder.run((failed) => void told.push(failed))).toEqual([name]);
  expect(recorder.done).toEqual([...all('prepare'), ...all('commit'), ...all('settle')]);
  expect(recorder.defects).toEqual([`${name} commit: no ${name} commit`]);
  expect(told).toEqual([[name]]);
});

test('whoever is told of the commits may fail: all settle', async () => {
  const recorder = new Recorder();
  const told = (): void => {
    throw new Error('not told');
  };
  expect(await recorder.run(told)).toEqual([]);
  expect(recorder.done.slice(6)).toEqual(all('settle'));
  expect(recorder.defects).toEqual(['observers commit: not told']);
});

test('commits, what is told of them, and what settles are one turn of the event loop', async () => {
  const recorder = new Recorder();
  // Whatever else is due comes before all of it or after all of it.
  const beat = (left: number): void => {
    recorder.done.push('another turn');
    if (left > 0) setImmediate(() => beat(left - 1));
  };
  setImmediate(() => beat(20));
  const slow: Reconfigurable<string> = {
    prepare: async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return { commit: () => {}, rollback: () => {} };
    },
  };
  await reloadAll([...recorder.parts, ['slow', slow]], 'config', {
    onCommitted: () => void recorder.done.push('committed'),
    onDefect: () => {},
  });
  const from = recorder.done.indexOf('a commit');
  expect(recorder.done.slice(0, from)).toContain('another turn');
  expect(recorder.done.slice(from, from + 7)).toEqual([...all('commit'), 'committed', ...all('settle')]);
});

describe('a part that has become stale', () => {
  /** Its first `stale` preparations are stale once `others` are prepared. */
  function stale(done: string[], count: number, fails = Number.POSITIVE_INFINITY): Reconfigurable<string> {
    let made = 0;
    return {
      prepare: () => {
        const number = ++made;
        if (number === fails) throw new Error(`no ${number}`);
        done.push(`prepared ${number}`);
        return {
          get isStale() {
            return number <= count;
          },
          commit: () => void done.push(`committed ${number}`),
          rollback: () => void done.push(`rolled back ${number}`),
        };
      },
    };
  }

  const hooks = { onDefect: (): void => expect.unreachable() };

  test('is prepared again before anything commits; the stale one is rolled back when that is there', async () => {
    const done: string[] = [];
    await reloadAll([['nodes', stale(done, 2)]], 'config', hooks);
    expect(done).toEqual([
      ...['prepared 1', 'prepared 2', 'rolled back 1', 'prepared 3', 'rolled back 2'],
      'committed 3',
    ]);
  });

  test('and cannot be prepared again: all are rolled back', async () => {
    const recorder = new Recorder();
    const run = reloadAll([...recorder.parts, ['nodes', stale(recorder.done, 1, 2)]], 'config', hooks);
    await expect(run).rejects.toThrow('no 2');
    expect(recorder.done.slice(3)).toEqual([
      ...['prepared 1', 'rolled back 1'],
      ...['c rollback', 'b rollback', 'a rollback'],
    ]);
  });

  test('each time ends the reload: it does not go on for ever', async () => {
    const done: string[] = [];
    const run = reloadAll([['nodes', stale(done, Number.POSITIVE_INFINITY)]], 'config', hooks);
    await expect(run).rejects.toThrow(GatewayError);
    const count = (what: string): number => done.filter((one) => one.startsWith(what)).length;
    expect(count('committed')).toBe(0);
    expect(count('rolled back')).toBe(count('prepared'));
  });
});

test('a part that only has to be told commits and settles with the config', async () => {
  const done: string[] = [];
  const part = committing<string>(
    (config) => done.push(`${config} commit`),
    (config) => void done.push(`${config} settle`),
  );
  await reloadAll([['told', part]], 'config', { onDefect: () => {} });
  expect(done).toEqual(['config commit', 'config settle']);
  await (await part.prepare('other')).rollback();
  expect(done).toHaveLength(2);
});
