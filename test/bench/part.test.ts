import { describe, expect, it } from 'vitest';
import {
  type Entry,
  markdownOf,
  measureGroup,
  medianColumn,
  type Part,
  rangeColumn,
  ratioOf,
  TARGET_COLUMN,
  withRevision,
} from '../../bench/part.ts';
import type { Times } from '../../bench/rounds.ts';

const TIMES: Times = { rounds: 3, warmUpMs: 0, windowMs: 10 };

const PART: Part = {
  name: 'part',
  title: 'A part',
  labels: ['senders'],
  comparisons: [ratioOf('micros')],
  columns: [
    rangeColumn('CPU µs', 'micros', 1),
    rangeColumn('of HAProxy', 'ratio', 2),
    TARGET_COLUMN,
    medianColumn('messages/s', 'perSecond', 0),
  ],
  groups: () => [],
};

/** Costs what the list says, the warm-up first. */
function entry(proxy: string, micros: readonly number[], more: Partial<Entry> = {}): Entry {
  let measured = 0;
  return {
    id: proxy,
    labels: ['8'],
    proxy,
    base: 'HAProxy',
    start: async () => ({ name: proxy, pid: 1, port: 1, stop: async () => {} }),
    measure: async () => ({ micros: micros[measured++] ?? Number.NaN, perSecond: 12_345.6 }),
    ...more,
  };
}

const haproxy = (): Entry => entry('HAProxy', [99, 10, 20, 30]);
const failing = (at: number): Pick<Entry, 'measure'> => {
  let measured = 0;
  return {
    measure: async () => {
      if (measured++ === at) throw new Error('1 wrong answers');
      return { micros: 1, perSecond: 1 };
    },
  };
};

describe('a part of the benchmark', () => {
  it('compares rounds with the same round, and leaves the warm-up out', async () => {
    const targets = [{ of: 'ratio', most: 0.7 }];
    const entries = [haproxy(), entry('gateway', [1, 5, 20, 15], { targets })];
    const rows = await measureGroup(PART, { entries }, TIMES);
    expect(rows[1]?.values).toMatchObject({
      micros: { median: 15, low: 5, high: 20 },
      ratio: { median: 0.5, low: 0.5, high: 1 },
    });
    expect(markdownOf(PART, rows)).toEqual([
      '| senders | proxy | CPU µs | of HAProxy | target | messages/s |',
      '| --- | --- | ---: | ---: | ---: | ---: |',
      '| 8 | HAProxy | 20.0 (10.0 to 30.0) | 1.00 (1.00 to 1.00) |  | 12,346 |',
      '| 8 | gateway | 15.0 (5.0 to 20.0) | 0.50 (0.50 to 1.00) | ≤ 0.7 | 12,346 |',
    ]);
  });

  it('says which target is missed, by the worst round where it is a limit', async () => {
    const targets = [
      { of: 'ratio', most: 0.4 },
      { of: 'micros', most: 15, label: 'CPU' },
      { of: 'micros', most: 15, label: 'most', isOfWorst: true },
    ];
    const entries = [haproxy(), entry('gateway', [1, 5, 20, 15], { targets })];
    const [, row] = await measureGroup(PART, { entries }, TIMES);
    expect(row && TARGET_COLUMN.cell(row)).toBe('≤ 0.4, missed; CPU ≤ 15; most ≤ 15, missed');
  });

  it('has no figures of a proxy with a wrong answer, and those of the others', async () => {
    for (const at of [0, 2]) {
      const entries = [haproxy(), entry('gateway', [], failing(at)), entry('nginx', [1, 1, 1, 1])];
      const [, gateway, nginx] = await measureGroup(PART, { entries }, TIMES);
      expect(gateway).toMatchObject({ values: {}, wrong: '1 wrong answers', isFailure: true });
      expect(nginx?.values.micros?.median).toBe(1);
      expect(gateway && markdownOf(PART, [gateway]).at(-1)).toBe('| 8 | gateway | wrong answers |  |  |  |');
    }
  });

  it('does not fail for a peer that is known to be wrong', async () => {
    const [row] = await measureGroup(
      PART,
      { entries: [entry('relay', [], { ...failing(1), mayBeWrong: true })] },
      TIMES,
    );
    expect(row).toMatchObject({ wrong: '1 wrong answers', isFailure: false });
  });

  it('ends every proxy that was started, also where one does not start', async () => {
    const ended: string[] = [];
    const start = async () => ({
      name: 'first',
      pid: 1,
      port: 1,
      stop: async () => void ended.push('first'),
    });
    const broken = async () => Promise.reject(new Error('it does not listen'));
    const entries = [entry('first', [], { start }), entry('second', [], { start: broken })];
    await expect(measureGroup(PART, { entries }, TIMES)).rejects.toThrow('it does not listen');
    expect(ended).toEqual(['first']);
  });

  it('measures another revision of the gateway, each beside its own base', async () => {
    const mains: unknown[] = [];
    const start: Entry['start'] = async ({ main }) => {
      mains.push(main);
      return { name: 'gateway', pid: 1, port: 1, stop: async () => {} };
    };
    const entries = withRevision(
      [
        haproxy(),
        entry('off', [], { isGateway: true, start }),
        entry('on', [], { isGateway: true, base: 'off', start }),
      ],
      { revision: 'abc', main: '/there/main.ts' },
    );
    expect(entries.map(({ proxy, base }) => [proxy, base])).toEqual([
      ['HAProxy', 'HAProxy'],
      ['off', 'HAProxy'],
      ['off, abc', 'HAProxy'],
      ['on', 'off'],
      ['on, abc', 'off at abc'],
    ]);
    for (const one of entries) await one.start({});
    expect(mains).toEqual([undefined, '/there/main.ts', undefined, '/there/main.ts']);
  });
});
