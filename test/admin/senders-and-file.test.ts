// What the admin API tells of each sender by the messages that it brought, and of the config file beside what is in force.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { ConfigFileReport, SenderReport } from '../../src/admin/control.ts';
import { GatewayControl } from '../../src/admin/gateway-control.ts';
import { parseWhole } from '../../src/config/load.ts';
import { Gateway } from '../../src/gateway.ts';
import { createLog } from '../../src/observe/log/log.ts';
import { startFaultyNode } from '../helpers/faulty-node.ts';
import { message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';

const SECRET = 'a-secret-that-nobody-sees';

async function room() {
  const node = await startFaultyNode();
  const folder = mkdtempSync(join(tmpdir(), 'config-file-'));
  const file = join(folder, 'gateway.yaml');
  const text = `listeners: { in: { bind: 127.0.0.1:0 } }
pools: { adt: { nodes: { a: { url: ${node.url} } } } }
routes:
  - { name: none, when: { MSH-9.1: NONE }, reject: { code: AR } }
  - { name: all, to: adt }
admin: { bind: 127.0.0.1:0, token: ${SECRET} }
telemetry: { traces: { endpoint: http://127.0.0.1:9, ui: http://jaeger:16686 } }
`;
  writeFileSync(file, text);
  const whole = parseWhole(text, { file, env: {} });
  const log = createLog({ level: 'silent', format: 'json' });
  const control = new GatewayControl(() => gateway, whole.text, log);
  const gateway: Gateway = new Gateway(whole.config, log, { observers: control.observers });
  await gateway.start();
  onTestFinished(async () => {
    await gateway.stop();
    await node.close();
    rmSync(folder, { recursive: true });
  });
  return { control, text, file, node, port: gateway.listeners[0]?.port ?? 0 };
}

test('who a sender says it is, when it last did, how often, and where that went', async () => {
  const { control, port } = await room();
  await using sender = await connectSender(port);
  const only = (): SenderReport => {
    const [one, ...others] = control.senders();
    if (one === undefined || others.length > 0) throw new Error('one sender is connected');
    return one;
  };
  expect(only()).toMatchObject({ messages: 0, messagesPerSecond: 0 });
  expect(only()).not.toHaveProperty('lastAt');

  const begun = Date.now();
  await sender.exchange(message({ app: 'LAB', facility: 'WEST' }));
  await sender.exchange(message({ app: 'LAB', facility: 'WEST' }));
  const { lastAt, ...report } = only();
  expect(report).toMatchObject({ sender: 'LAB|WEST', pool: 'adt', node: 'a', messages: 2 });
  expect(report.messagesPerSecond).toBeGreaterThan(0);
  expect(report.messagesPerSecond).toBeLessThanOrEqual(0.2);
  expect(Date.parse(lastAt ?? '')).toBeGreaterThanOrEqual(begun);

  // Another name of the same length, one that is too long, and one with what no terminal should be told.
  await sender.exchange(message({ app: 'LAC', facility: 'WEST' }));
  expect(only().sender).toBe('LAC|WEST');
  await sender.exchange(message({ app: `${'X'.repeat(80)}`, facility: '\u001b[31m' }));
  expect(only().sender).toBe(`${'X'.repeat(64)}…|\\x1b[31m`);
  // Rejected: it went nowhere.
  await sender.exchange(message({ app: 'LAB', type: 'NONE^X' }));
  expect(only()).toMatchObject({ sender: 'LAB|SENDFAC', pool: undefined, node: undefined });
});

test('the config file beside what is in force: the same, another, wrong; and no secret in it', async () => {
  const { control, text, file } = await room();
  const told = (): ConfigFileReport => {
    const report = control.configFile();
    expect(JSON.stringify(report)).not.toContain(SECRET);
    return report;
  };
  expect(told()).toMatchObject({ file, isInForce: true, errors: [] });
  expect(told().text).toBe(control.effectiveConfig());

  writeFileSync(file, text.replace('name: all', 'name: everything'));
  expect(told()).toMatchObject({ isInForce: false, errors: [] });
  expect(told().text).toContain('everything');
  expect(control.effectiveConfig()).not.toContain('everything');

  // A secret that was changed shows in nothing but that.
  writeFileSync(file, text.replace(SECRET, `${SECRET}-2`));
  expect(told().isInForce).toBe(false);
  expect(told().text).toBe(control.effectiveConfig());

  writeFileSync(file, text.replace('to: adt', 'to: atd'));
  const wrong = told();
  expect(wrong).not.toHaveProperty('text');
  expect(wrong.errors).toEqual([expect.stringMatching(/gateway\.yaml:5:.*no pool has the name "atd"/)]);
  writeFileSync(file, `${text}\n  : [`);
  expect(told().errors.length).toBeGreaterThan(0);
  rmSync(file);
  expect(() => control.configFile()).toThrow(expect.objectContaining({ code: 'GW_ERR_FILE' }));
});

test('where traces are looked at is in the overview', async () => {
  const { control } = await room();
  expect(control.overview().tracesUi).toBe('http://jaeger:16686');
  expect(control.status().tracesUi).toBe('http://jaeger:16686');
});
