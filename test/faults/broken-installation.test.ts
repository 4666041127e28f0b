// F126: an installation from which a file is missing. A parse pool whose threads do not start is told at the start and by
// /readyz, not message by message; `demo` without its fixtures ends with exit code 1.
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { Child, startGatewayProcess } from '../e2e/child.ts';
import { startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway } from '../helpers/gateway.ts';
import { message, msaOf } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { until } from '../helpers/until.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Without `missing` and without fixtures; returns the path of main.ts. */
function installation(missing?: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'hl7-gateway-installed-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const part of ['src', 'listeners', 'routing', 'certs', 'package.json'])
    cpSync(join(ROOT, part), join(folder, part), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  if (missing !== undefined) rmSync(join(folder, missing));
  return join(folder, 'src/main.ts');
}

test('F126 threads that do not start are told at the start, and by /readyz and status', {
  timeout: 90_000,
}, async () => {
  await using node = await startFaultyNode();
  await using gateway = await startGatewayProcess(
    {
      listeners: { in: { bind: '127.0.0.1:0' } },
      pools: { p: { nodes: { a: { url: node.url } }, health: { type: 'none' } } },
      routes: [{ name: 'deep', when: { 'PID-3.4': { not: 'NONE' } }, to: 'p' }],
      parsing: { inlineLimit: '4KiB', timeout: '30s' },
      admin: { bind: '127.0.0.1:0', token: 'a-token-of-this-test' },
    },
    [],
    installation('src/hl7/parse-worker.ts'),
  );
  const told = (line: Readonly<Record<string, unknown>>): boolean =>
    line.level === 'error' && String(line.msg).startsWith('parsing: threads do not start');
  await gateway.line(told, 'that threads do not start');
  const { address } = await gateway.line(({ msg }) => msg === 'admin API listening', 'its admin API');
  const ready = await fetch(`http://${address}/readyz`);
  expect([ready.status, await ready.text()]).toEqual([503, expect.stringContaining('do not start')]);
  const headers = { authorization: 'Bearer a-token-of-this-test' };
  const status = (await (await fetch(`http://${address}/status`, { headers })).json()) as {
    problems: string[];
  };
  expect(status.problems).toContainEqual(expect.stringContaining('do not start'));

  // What the event loop reads goes on. What it does not is refused, long before parsing.timeout.
  await using sender = await connectSender(gateway.port);
  expect(msaOf(await sender.exchange(message(), 15_000))?.code).toBe('AA');
  for (let i = 0; i < 3; i++) {
    await using large = await connectSender(gateway.port);
    await large.send(message({ size: 8_192 }));
    await large.closed;
  }
  gateway.kill('SIGTERM');
  expect(await gateway.exited).toEqual({ code: 0, signal: null });
  expect(gateway.lines.filter(({ code }) => code === 'GW_ERR_PARSE_WORKER')).toHaveLength(3);
  expect(gateway.lines.filter(told)).toHaveLength(1);
});

test('F126 threads that start again end it', { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hl7-gateway-worker-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const worker = join(folder, 'worker.mjs');
  await using node = await startFaultyNode();
  await using gw = await startGateway(
    { nodes: [node.url], parsing: { offload: 'always', timeout: '20s' } },
    { parseWorker: new URL(`file://${worker}`) },
  );
  await until(() => gw.gateway.parsing.failure !== undefined, { deadlineMs: 20_000 });
  const real = new URL('../../src/hl7/parse-worker.ts', import.meta.url);
  writeFileSync(worker, `export { default } from ${JSON.stringify(real.href)};`);
  await until(
    async () => {
      await using sender = await connectSender(gw.port());
      void sender.send(message());
      await Promise.race([sender.closed, sender.nextAck(20_000).catch(() => {})]);
      return gw.gateway.parsing.failure === undefined;
    },
    { deadlineMs: 40_000 },
  );
  const said = gw.log.filter(({ msg }) => String(msg).startsWith('parsing: ')).map(({ level }) => level);
  expect(said).toEqual(['error', 'info']);
});

test('F126 demo without fixtures ends with exit code 1, and says why', { timeout: 60_000 }, async () => {
  await using demo = new Child(['demo', '--once', '--port', '0'], installation());
  expect(await demo.exited).toEqual({ code: 1, signal: null });
  expect(demo.stderr).toMatch(/^the fixtures .* are missing/);
});
