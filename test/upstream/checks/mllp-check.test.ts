// Health checks of type mllp: what is sent, and which answers are good.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Check } from '../../../src/upstream/checks/check.ts';
import { arrivals } from '../../helpers/arrivals.ts';
import { startBlackHole } from '../../helpers/black-hole.ts';
import { answers, type FaultyNode, type Script, startFaultyNode } from '../../helpers/faulty-node.ts';
import { createTlsFolder, type TlsFolder } from '../../helpers/tls-folder.ts';
import { asked, checkOf, type NodeEntry } from './check-parts.ts';

let folder: TlsFolder;
let file: string;
beforeAll(() => {
  folder = createTlsFolder();
  file = join(folder.path, 'probe.hl7');
  writeFileSync(file, 'MSH|^~\\&|GATEWAY|HEALTH|PROBE||{time}||ADT^A04|{id}|T|2.5.1\nPID|1||ü\n\n');
});
afterAll(() => folder[Symbol.dispose]());

function checkFor(node: FaultyNode, more: object = {}): Check {
  return checkOf({ type: 'mllp', message: file, timeout: '5s', ...more }, node.url);
}

test('a message of its own for each check, CR between its segments, on a connection that ends with FIN', async () => {
  await using node = await startFaultyNode();
  const check = checkFor(node);
  for (let i = 0; i < 3; i++) expect(await asked(check)).toBe('passed');
  const [first = ''] = node.messages.map(({ payload }) => payload.toString());
  expect(first).toMatch(
    /^MSH\|\^~\\&\|GATEWAY\|HEALTH\|PROBE\|\|\d{14}\|\|ADT\^A04\|HC\w{5,18}\|T\|2\.5\.1\rPID\|1\|\|ü\r$/,
  );
  expect(new Set(node.controlIds).size).toBe(3);
  expect(node.connections.total).toBe(3);
  for (const connection of node.connections.all) expect(await connection.closed).toEqual({ code: undefined });
});

describe('the answer', () => {
  test.each<[what: string, script: Script, ack: string, expected: string]>([
    ['AA', answers.aa(), 'positive', 'passed'],
    ['CA', answers.ca(), 'positive', 'passed'],
    ['AE', answers.ae(), 'positive', 'answered AE'],
    ['AE', answers.ae(), 'any', 'passed'],
    ['AR', answers.ar(), 'AR', 'passed'],
    ['AA', answers.aa(), 'AR', 'answered AA'],
    ['another control id', answers.wrongControlId(), 'any', 'MSA-2 is of another message'],
    ['no control id', answers.withoutControlId(), 'any', 'MSA-2 is of another message'],
    ['noise', answers.noise(), 'any', 'the answer is no acknowledgement'],
    ['its own message', answers.echo(), 'any', 'the answer is no acknowledgement'],
    ['an empty frame', answers.emptyFrame(), 'any', 'an empty frame'],
    ['FIN', answers.close(), 'any', 'closed without an answer'],
    ['RST', answers.reset(), 'any', 'closed without an answer'],
    ['no end', answers.noise(Buffer.alloc(100_000, 'x')), 'any', 'GW_ERR_FRAME_TOO_LARGE'],
  ])('%s where %s %s is good: %s', async (_, script, ack, expected) => {
    await using node = await startFaultyNode(script);
    expect(await asked(checkFor(node, { ack }))).toBe(expected);
  });

  test.each([answers.none(), answers.withoutEndBlock(), answers.withoutCr()])(
    'not in time (%#)',
    async (script) => {
      await using node = await startFaultyNode(script);
      expect(await asked(checkFor(node, { timeout: '60ms' }))).toBe('no answer in time');
      await node.openConnections(0);
    },
  );

  test('in two pieces, after noise', async () => {
    await using node = await startFaultyNode(answers.endInTwoPackets());
    node.onConnection = arrivals.say(Buffer.from('welcome\r\n'));
    expect(await asked(checkFor(node))).toBe('passed');
  });
});

test('a node that closes at once is full: no answer, and no failure (F32)', async () => {
  await using node = await startFaultyNode(answers.aa(), { maxConnections: 0 });
  expect(await asked(checkFor(node))).toBe('full');
});

test('one that is not there, or does not accept', async (context) => {
  await using node = await startFaultyNode();
  await node.refuse();
  expect(await asked(checkFor(node))).toBe('ECONNREFUSED');
  await using hole = await startBlackHole();
  if (hole === undefined) return context.skip();
  const health = { type: 'mllp', message: file, timeout: '30ms' };
  expect(await asked(checkOf(health, hole.url))).toBe('GW_ERR_NODE_CONNECT_TIMEOUT');
});

test('stopped in the middle, it ends its connection', async () => {
  await using node = await startFaultyNode(answers.none());
  const stop = new AbortController();
  const ended = checkFor(node).ask(stop.signal);
  await node.received(1);
  stop.abort();
  await ended;
  await node.openConnections(0);
});

describe('another port, and TLS', () => {
  test('port: a channel of its own, which proves nothing of the data port', async () => {
    await using probe = await startFaultyNode();
    await using data = await startFaultyNode();
    const check = checkFor(data, { port: probe.port });
    expect(await asked(check)).toBe('passed');
    expect(check.proof).toEqual({ port: false, answer: true });
    expect([probe.messages.length, data.accepted]).toEqual([1, 0]);
    expect(checkFor(data).proof).toEqual({ port: true, answer: true });
  });

  test.each<[what: string, node: () => object, health: () => object, expected: string]>([
    ["the node's", () => ({ tls: { ca: folder.caFile } }), () => ({}), 'passed'],
    ['its own', () => ({}), () => ({ tls: { ca: folder.caFile } }), 'passed'],
    ['neither', () => ({}), () => ({}), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  ])('mllps with %s settings', async (_, node, health, expected) => {
    const { certPem, keyPem } = folder.pems.good;
    await using peer = await startFaultyNode(answers.aa(), { tls: { cert: certPem, key: keyPem } });
    const entry = { url: peer.url, ...node() } as NodeEntry;
    expect(await asked(checkOf({ type: 'mllp', message: file, ...health() }, entry))).toBe(expected);
  });

  test('a probe channel with TLS beside a data port without', async () => {
    const { certPem, keyPem } = folder.pems.good;
    await using probe = await startFaultyNode(answers.aa(), { tls: { cert: certPem, key: keyPem } });
    const health = { type: 'mllp', message: file, port: probe.port, tls: { ca: folder.caFile } };
    expect(await asked(checkOf(health))).toBe('passed');
    expect(await asked(checkOf({ type: 'tls', port: probe.port, tls: { ca: folder.caFile } }))).toBe(
      'passed',
    );
    expect(await asked(checkOf({ type: 'tls', port: probe.port, tls: {} }))).toBe(
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    );
    expect(await asked(checkOf({ type: 'tcp', port: probe.port }))).toBe('passed');
  });

  test.each([
    ['mllp', {}, 'tcp'],
    ['mllps', {}, 'tls'],
    ['https', {}, 'tls'],
    ['mllps', { type: 'tcp' }, 'tcp'],
    ['mllps', { port: 2 }, 'tcp'],
  ])('F47 a node over %s whose health says %j is checked by %s', (scheme, health, type) => {
    expect(checkOf(health, `${scheme}://127.0.0.1:1`).type).toBe(type);
  });

  test.each([
    ['tcp', 'mllp', true],
    ['tcp', 'mllps', false],
    [undefined, 'mllps', true],
    ['tls', 'mllps', true],
    ['mllp', 'mllps', true],
  ])(
    'F47 a check of type %s shows that the port of an %s node takes messages’ connections: %s',
    (type, scheme, port) => {
      const check = checkOf(
        { ...(type && { type }), ...(type === 'mllp' && { message: file }) },
        `${scheme}://127.0.0.1:1`,
      );
      expect(check).toMatchObject({ onDataPort: true, proof: { port } });
    },
  );
});
