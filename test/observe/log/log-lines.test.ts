// docs/logging.md and the calls in the source say the same; and what a gateway logs has only fields of that page.
import { expect, test } from 'vitest';
import { answers, startFaultyNode } from '../../helpers/faulty-node.ts';
import { startGateway } from '../../helpers/gateway.ts';
import { message } from '../../helpers/mllp.ts';
import { connectSender } from '../../helpers/sender.ts';
import { until } from '../../helpers/until.ts';
import { LOG_FIELDS, LOG_LIMITS, LOG_LINES } from './documented-lines.ts';
import { logCalls } from './log-calls.ts';

/** Messages that are made of an error's or a problem's text. */
const TEXTS = ['(the text of an error)', '(a warning of check)'];

test('each call of the log is in docs/logging.md, which has no other', () => {
  const calls = logCalls();
  expect(calls.length).toBeGreaterThan(50);
  const said = new Set(calls.flatMap(({ messages }) => messages));
  expect([...said, ...TEXTS].toSorted()).toEqual([...LOG_LINES.keys()].toSorted());
  const unknown = calls.flatMap(({ file, fields }) =>
    fields.filter((field) => !LOG_FIELDS.has(field)).map((field) => `${file}: ${field}`),
  );
  expect(unknown).toEqual([]);
});

test('each warning and each error has a limit in docs/logging.md, and nothing else that is no line', () => {
  const limited = LOG_LIMITS.flatMap(({ lines }) => lines);
  expect(new Set(limited).size).toBe(limited.length);
  const loud = logCalls()
    .filter(({ level }) => !['trace', 'debug', 'info'].includes(level))
    .flatMap(({ messages }) => messages);
  expect(loud.length).toBeGreaterThan(30);
  const missing = [...loud, ...TEXTS].filter((line) => !limited.includes(line));
  expect(missing).toEqual([]);
  expect(limited.filter((line) => !LOG_LINES.has(line))).toEqual([]);
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
  expect([...fields].filter((field) => !LOG_FIELDS.has(field))).toEqual([]);
  expect(fields.size).toBeGreaterThan(15);
});
