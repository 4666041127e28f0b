// The catalogue of log lines, docs/logging.md and the calls in the source say the same; and what a gateway logs has only fields
// of the catalogue.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { LOG_FIELDS, LOG_LIMITS, LOG_LINES } from '../../../src/observe/log/log-lines.ts';
import { answers, startFaultyNode } from '../../helpers/faulty-node.ts';
import { startGateway } from '../../helpers/gateway.ts';
import { message } from '../../helpers/mllp.ts';
import { connectSender } from '../../helpers/sender.ts';
import { until } from '../../helpers/until.ts';
import { logCalls } from './log-calls.ts';

const page = readFileSync(new URL('../../../docs/logging.md', import.meta.url), 'utf8');

/** Messages that are made of an error's or a problem's text. */
const TEXTS = ['(the text of an error)', '(a warning of check)'];

test('each call of the log is in the catalogue, and the catalogue has no other', () => {
  const calls = logCalls();
  expect(calls.length).toBeGreaterThan(50);
  const said = new Set(calls.flatMap(({ messages }) => messages));
  expect([...said, ...TEXTS].toSorted()).toEqual(Object.keys(LOG_LINES).toSorted());
  const unknown = calls.flatMap(({ file, fields }) =>
    fields.filter((field) => !(field in LOG_FIELDS)).map((field) => `${file}: ${field}`),
  );
  expect(unknown).toEqual([]);
});

test('docs/logging.md has each line and each field, in the words of the catalogue, and no other', () => {
  const rows = [...page.matchAll(/^\| `(.+?)` \| (.+) \|$/gm)].map(([, name, text]) => [name, text]);
  expect(rows).toEqual([...Object.entries(LOG_LINES), ...Object.entries(LOG_FIELDS)]);
});

test('each warning and each error has a limit, in docs/logging.md as well', () => {
  const limited = LOG_LIMITS.flatMap(({ lines }) => lines);
  expect(new Set(limited).size).toBe(limited.length);
  const loud = logCalls()
    .filter(({ level }) => !['trace', 'debug', 'info'].includes(level))
    .flatMap(({ messages }) => messages);
  expect(loud.length).toBeGreaterThan(30);
  const missing = [...loud, ...TEXTS].filter((line) => !(limited as readonly string[]).includes(line));
  expect(missing).toEqual([]);
  const rows = [...page.matchAll(/^\| ([^`|]+) \| (`.+`) \|$/gm)].map(([, limit, lines = '']) => ({
    limit,
    lines: lines.slice(1, -1).split('`, `'),
  }));
  expect(rows).toEqual(LOG_LIMITS);
});

test('F107 a failed message’s line has the last attempt’s code, cause and node, and the sender’s port', async () => {
  await using node = await startFaultyNode(answers.none());
  const { url } = node;
  await node[Symbol.asyncDispose]();
  await using gw = await startGateway({
    nodes: [url],
    pool: { queue: { timeout: '200ms' }, retry: { budget: '300ms' } },
  });
  await using sender = await connectSender(gw.port());
  const { localPort } = sender;
  await sender.send(message());
  await until(() => gw.log.some(({ msg }) => msg === 'message'));
  const line = gw.log.find(({ msg }) => msg === 'message');
  expect(line).toMatchObject({
    level: 'warn',
    outcome: 'failed',
    node: 'a',
    cause: 'ECONNREFUSED',
    source: '127.0.0.1',
    'client.port': localPort,
  });
  expect([line?.code, line?.lastCode]).toContain('GW_ERR_NODE_CONNECT');
  expect(line?.attempts).toBeGreaterThan(0);
});

test('what a gateway logs of messages, faults and its life has only fields of the catalogue', async () => {
  await using node = await startFaultyNode();
  const gw = await startGateway({ nodes: [node.url] });
  await using sender = await connectSender(gw.port());
  await sender.exchange(message());
  await using other = await connectSender(gw.port());
  await other.write('no frame at all '.repeat(1_000));
  await other.closed;
  await gw[Symbol.asyncDispose]();
  const fields = new Set(gw.log.flatMap((line) => Object.keys(line)));
  expect([...fields].filter((field) => !(field in LOG_FIELDS))).toEqual([]);
  expect(fields.size).toBeGreaterThan(15);
});
