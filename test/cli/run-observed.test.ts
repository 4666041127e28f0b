// `run` as a child process: its metrics can be scraped, its audit trail has its start, its reloads and its end, and goes on in
// a new file after a rotation.
import { once } from 'node:events';
import { existsSync, readFileSync, renameSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { folderWith } from '../config/config-folder.ts';
import { startFaultyNode } from '../helpers/faulty-node.ts';
import { portOf } from '../helpers/openssl.ts';
import { auditRecord } from '../helpers/syslog-receiver.ts';
import { until } from '../helpers/until.ts';
import { Scrape } from '../observe/metrics/gateway/scrape.ts';
import { start } from './command-line.ts';

test('metrics, audit trail and SIGHUP', async () => {
  await using node = await startFaultyNode();
  const text = `listeners: { in: { bind: "127.0.0.1:0" } }
pools: { p: { nodes: { a: { url: "${node.url}" } } } }
routes: [{ name: all, to: p }]
admin: { bind: "127.0.0.1:0", token: a-token-of-this-test }
audit: { file: audit.log }
`;
  const folder = folderWith({ 'gateway.yaml': text });
  const file = join(folder, 'audit.log');
  const types = (path: string): string[] =>
    existsSync(path)
      ? readFileSync(path, 'utf8')
          .split('\n')
          .slice(0, -1)
          .map((line) => auditRecord(line).type)
      : [];
  const gateway = start('run', '-c', join(folder, 'gateway.yaml'));
  const [line] = await gateway.line(/^\{.*"msg":"admin API listening"\}$/);
  const { address } = JSON.parse(line) as { address: string };
  const scrape = async () => new Scrape(await (await fetch(`http://${address}/metrics`)).text());
  const reloads = async () => (await scrape()).value('hl7_gateway_config_reloads_total', { result: 'ok' });
  expect((await scrape()).value('hl7_gateway_node_up', { pool: 'p', node: 'a' })).toBe(1);
  expect(await reloads()).toBe(0);
  const headers = { authorization: 'Bearer wrong-token-of-this-test' };
  expect((await fetch(`http://${address}/status`, { headers })).status).toBe(401);
  await until(() => types(file).length === 2);
  renameSync(file, `${file}.1`);
  gateway.child.kill('SIGHUP');
  await until(async () => (await reloads()) === 1 && types(file).length > 0);
  expect(await gateway.stop()).toMatchObject({ code: 0, err: [] });
  expect(types(`${file}.1`)).toEqual(['110120', '110126']);
  expect(types(file)).toEqual(['110131', '110121']);
});

test('a collector and a repository that take connections and say nothing do not hold up its end', async () => {
  let connections = 0;
  const silent = net.createServer(() => {
    connections++;
  });
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  onTestFinished(() => void silent.close());
  const port = portOf(silent);
  const text = `listeners: { in: { bind: "127.0.0.1:0" } }
pools: { p: { nodes: { a: { url: "mllp://127.0.0.1:1" } } } }
routes: [{ name: all, to: p }]
telemetry: { metrics: { otlp: { endpoint: "http://127.0.0.1:${port}", interval: 50ms } } }
audit: { syslog: { address: "127.0.0.1:${port}" } }
`;
  const gateway = start('run', '-c', join(folderWith({ 'gateway.yaml': text }), 'gateway.yaml'));
  await gateway.line(/"msg":"listening"/);
  // One for each of the two.
  await until(() => connections >= 2, { deadlineMs: 15_000 });
  const { code, out } = await gateway.stop();
  expect(code).toBe(0);
  expect(out.filter((one) => one.includes('"msg":"audit: events were dropped"'))).toHaveLength(1);
});
