// F81: fragments of one sender go to one node, also where the pool keeps no senders together; so do numbered messages.
import { describe, expect, test } from 'vitest';
import { isFragment } from '../../src/hl7/fragments.ts';
import { readHeader } from '../../src/hl7/header.ts';
import { expectNothingHeld } from '../helpers/expect-relay.ts';
import { type FaultyNode, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway } from '../helpers/gateway.ts';
import { message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';

interface Parts {
  readonly sequence?: string;
  readonly pointer?: string;
  readonly dsc?: string;
  readonly app?: string;
}

function part(controlId: string, { sequence = '', pointer = '', dsc, app = 'LAB' }: Parts): Buffer {
  const [msh = '', ...rest] = message({ controlId }).toString('latin1').split('\r');
  const fields = msh.split('|').slice(0, 12);
  fields[2] = app;
  fields.push(sequence, pointer);
  const text = [fields.join('|'), ...rest].join('\r');
  return Buffer.from(dsc === undefined ? text : `${text}DSC|${dsc}|F\r`, 'latin1');
}

const POOLS = [
  ['no persistence', { balance: 'round-robin' }],
  [
    'persistence by something that the fragments differ in',
    { balance: 'round-robin', persistence: { by: 'MSH-10' } },
  ],
] as const;

async function counts(pool: object, messages: readonly Buffer[]): Promise<number[]> {
  const nodes: FaultyNode[] = [];
  for (let i = 0; i < 3; i++) nodes.push(await startFaultyNode());
  try {
    await using gw = await startGateway({ nodes: nodes.map(({ url }) => url), pool: { ...pool } });
    for (const one of messages) {
      // Each on a connection of its own.
      await using sender = await connectSender(gw.port());
      await sender.exchange(one);
    }
    await expectNothingHeld(gw);
    return nodes.map((node) => node.messages.length).sort();
  } finally {
    for (const node of nodes) await node.close();
  }
}

describe.each(POOLS)('%s', (_, pool) => {
  test('F81 the fragments of one sender: one node', async () => {
    const fragments = Array.from({ length: 9 }, (_, i) =>
      part(`X${i}`, { ...(i > 0 && { pointer: `P${i}` }), ...(i < 8 && { dsc: `P${i + 1}` }) }),
    );
    expect(await counts(pool, fragments)).toEqual([0, 0, 9]);
  });
});

test('F81 messages under the sequence number protocol: one node', async () => {
  const numbered = Array.from({ length: 9 }, (_, i) => part(`X${i}`, { sequence: String(i + 1) }));
  expect(await counts({ balance: 'round-robin' }, numbered)).toEqual([0, 0, 9]);
});

test('F81 of other messages nothing is kept together', async () => {
  const plain = Array.from({ length: 9 }, (_, i) => part(`X${i}`, {}));
  expect(await counts({ balance: 'round-robin' }, plain)).toEqual([3, 3, 3]);
});

test.each([
  ['MSH-14', part('X', { pointer: 'P' }), true],
  ['DSC at the end', part('X', { dsc: 'P' }), true],
  [
    'DSC at the end, LF',
    Buffer.from(part('X', { dsc: 'P' }).toString('latin1').replaceAll('\r', '\n')),
    true,
  ],
  ['neither', part('X', {}), false],
  ['DSC in a field', Buffer.from(`${part('X', {}).toString('latin1')}NTE|1||DSC|P\r`), false],
  ['DSC in the middle', Buffer.from(`${part('X', { dsc: 'P' }).toString('latin1')}NTE|1\r`), false],
])('F81 %s: a fragment? ', (_, bytes, expected) => {
  expect(isFragment(readHeader(bytes))).toBe(expected);
});
