// A user's own config on the stage: what reaches out of the process is replaced and said so, what decides stays.
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createAuthority } from '../../../certs/authority.ts';
import { ConfigError } from '../../../src/config/load.ts';
import { merged, readGivenText } from '../../../src/tools/replay/config/given-config.ts';
import { fasterConfig } from '../../../src/tools/replay/config/speed.ts';
import { stagedConfig } from '../../../src/tools/replay/config/staged-config.ts';
import { TempCerts } from '../../../src/tools/replay/config/temp-certs.ts';
import {
  openStage,
  type SenderSettings,
  type SentMessage,
  type TestStage,
} from '../../../src/tools/replay/testing.ts';

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../../fixtures/${name}`, import.meta.url));

const PRODUCTION = `listeners:
  adt:
    bind: 10.0.0.1:2575
    tls:
      cert: /etc/hl7/vip.crt.pem
      key: /etc/hl7/vip.key.pem
      passphrase: { file: /run/secrets/vip }
      clientCa: [/etc/hl7/ca.pem]
      crl: /etc/hl7/ca.crl
      requireClientCert: true
  web:
    protocol: http
    bind: 10.0.0.1:443
    tls: { cert: { p12: /etc/hl7/web.p12, passphrase: { file: /run/secrets/web } } }
pools:
  mirth:
    nodes:
      a: { url: mllp://mirth-a.example:6661 }
      b: { url: mllps://mirth-b.example:6661, tls: { ca: /etc/hl7/mirth.pem, pin: ${'AB'.repeat(32)} } }
    balance: round-robin
    health: { type: mirth, user: gateway, password: { file: /run/secrets/mirth }, channel: ADT }
  lab:
    nodes: { l: { url: "https://lab.example/hl7" } }
    health: { type: mllp, message: /etc/hl7/probe.hl7, port: 6669 }
routes:
  - { name: radiology, when: { tls.san: radiology.example }, to: mirth }
  - { name: web, when: { listener: web }, to: mirth }
admin: { bind: 0.0.0.0:9600, token: { file: /run/secrets/admin }, tls: { cert: /etc/a.pem, key: /etc/a.key } }
hotRestart: true
`.replace('health: { type: mllp, message: /etc/hl7/probe.hl7, port: 6669 }', 'health: { type: tls }');

async function staged(text: string): Promise<TestStage> {
  const stage = await openStage({ config: { text }, env: {} });
  onTestFinished(() => stage.close());
  return stage;
}

const sendOne = async (stage: TestStage, settings: SenderSettings): Promise<SentMessage | undefined> =>
  (await stage.send(fixture('adt-a01-admit.hl7'), settings))[0];

describe('files that are not here', () => {
  test('are replaced and named; routes by certificate work all the same', async () => {
    const stage = await staged(PRODUCTION);
    const certificate = { cn: 'radiology', dns: ['radiology.example'] };
    expect(await sendOne(stage, { listener: 'adt', certificate })).toMatchObject({
      route: 'radiology',
      node: 'a',
      ack: 'AA',
    });
    expect(await sendOne(stage, { listener: 'adt', certificate })).toMatchObject({ node: 'b', ack: 'AA' });
    expect(await sendOne(stage, { listener: 'web' })).toMatchObject({ route: 'web', ack: 'AA', status: 200 });
    const notes = stage.notes.join('\n');
    for (const key of [
      'listeners.adt.tls.cert',
      'listeners.adt.tls.key',
      'listeners.adt.tls.clientCa',
      'listeners.web.tls.cert.p12',
      'pools.mirth.nodes.b.tls.ca',
      'pools.mirth.health.password.file',
      'admin.token.file',
    ])
      expect(notes).toContain(`${key}: the file "`);
    expect(notes).toContain('pools.mirth.health: mirth checks become tcp checks of the simulated nodes');
  });

  test('other errors are reported as they are', async () => {
    const bad = PRODUCTION.replace('balance: round-robin', 'balance: fair');
    await expect(openStage({ config: { text: bad }, env: {} })).rejects.toThrow(ConfigError);
    await openStage({ config: { text: bad }, env: {} }).catch((thrown: ConfigError) => {
      expect(thrown.problems.map(({ key, line }) => [key, line])).toEqual([['pools.mirth.balance', 20]]);
    });
  });
});

test('files that are here are used: the listener shows its own certificate; one that does not fit is replaced', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hl7-gateway-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    chmodSync(join(folder, name), 0o600);
    return join(folder, name);
  };
  const authority = createAuthority({ commonName: 'own', days: 2, key: 'ec-p256' });
  const vip = authority.issue({ commonName: 'vip', dns: ['vip.example'], usage: 'server', key: 'ec-p256' });
  const other = authority.issue({ commonName: 'other', dns: ['o.example'], usage: 'server', key: 'ec-p256' });
  const [cert, key] = [write('vip.pem', vip.certPem), write('vip.key', vip.keyPem)];
  const config = (keyFile: string): string =>
    `listeners: { adt: { bind: 0.0.0.0:2575, tls: { cert: ${cert}, key: ${keyFile}, clientCa: ${write('ca.pem', authority.certPem)} } } }
pools: { p: { nodes: { a: { url: mllp://10.0.0.1:1 } }, health: { type: none } } }
routes: [{ name: all, when: { tls.subject: { exists: true } }, to: p }]
`;
  const good = await staged(config(key));
  expect(good.notes).toEqual([]);
  const socket = connect({ port: good.portOf('adt'), rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  expect(socket.getPeerCertificate().subject.CN).toBe('vip');
  socket.destroy();
  const certificate = { cn: 'lab', dns: ['lab.example'] };
  expect(await sendOne(good, { certificate })).toMatchObject({ route: 'all', ack: 'AA' });
  const bad = await staged(config(write('other.key', other.keyPem)));
  expect(bad.notes.join()).toMatch(/^listeners\.adt\.tls: .*; a throw-away certificate is used$/);
  expect(await sendOne(bad, { certificate })).toMatchObject({ route: 'all', ack: 'AA' });
});

describe('what is played', () => {
  const around = { env: {}, throwAway: new TempCerts() };
  const SMALL =
    'listeners: { in: { bind: 0.0.0.0:1, limits: { frameTimeout: 30s } } }\npools: { p: { nodes: { a: { url: mllp://h:1 } }, queue: { timeout: 3s }, timeouts: { ack: 30s } } }\nroutes: [{ to: p }]\n';

  test('every wait of the config is as many times shorter, and nothing else', () => {
    const { config } = readGivenText(SMALL, 'c.yaml', around);
    const fast = fasterConfig(config, 10);
    expect(fast.pools[0]?.queue.timeoutMs).toBe(300);
    expect(fast.pools[0]?.timeouts.ackMs).toBe(3000);
    expect(fast.listeners[0]?.limits.frameTimeoutMs).toBe(3000);
    expect(fast.listeners[0]?.limits.idleTimeoutMs).toBe(0);
    expect(fast.pools[0]?.connections.settleMs).toBe(config.pools[0]?.connections.settleMs);
    expect(fast.routes).toEqual(config.routes);
    expect(fasterConfig(config, 1)).toBe(config);
  });

  test('nothing of it reaches out of the process', () => {
    const text = `${SMALL}admin: { token: 0123456789abcdef }
audit: { file: /var/log/audit.xml }
telemetry: { metrics: { otlp: { endpoint: "http://10.0.0.9:4318" } }, traces: { endpoint: "http://10.0.0.9:4318" } }
reload: { watch: true }
`;
    const { config } = readGivenText(text, 'c.yaml', around);
    expect(config.metrics.otlp).toBeDefined();
    expect(config.traces).toBeDefined();
    const notes: string[] = [];
    const staged = stagedConfig(config, {
      ...around,
      speed: 1,
      portOf: () => 4711,
      behindProxy: new Set(),
      note: (note) => notes.push(note),
    });
    expect(staged).toMatchObject({
      ...{ admin: undefined, audit: undefined, watchConfig: false, watchCertificates: false },
      metrics: { prometheus: false, otlp: undefined },
      traces: undefined,
      listeners: [{ bind: { host: '127.0.0.1', port: 0 } }],
      pools: [{ nodes: [{ host: '127.0.0.1', port: 4711, url: 'mllp://127.0.0.1:4711' }] }],
    });
    expect(staged.routes).toEqual(config.routes);
  });

  test('a reload merges maps, replaces the rest, and a key without a value goes', () => {
    const base = readGivenText(SMALL, 'c.yaml', around).tree;
    const patch = readGivenText(
      'listeners: { in: { bind: 0.0.0.0:2 } }\npools: { q: { nodes: { z: { url: mllp://h:2 } } } }\nroutes: [{ name: new, to: q }]\n',
      'd.yaml',
      around,
    ).tree;
    const top = Object.fromEntries(merged(base, patch).entries.map(({ key, value }) => [key, value]));
    const names = (tree: typeof top.pools): string[] =>
      tree?.kind === 'map' ? tree.entries.map(({ key }) => key) : [];
    expect(names(top.pools)).toEqual(['p', 'q']);
    expect(top.routes?.kind === 'list' && top.routes.items.length).toBe(1);
    const gone = { kind: 'nothing', place: { line: 1, column: 1 } } as const;
    const without = merged(base, {
      ...base,
      entries: [{ key: 'pools', place: gone.place, value: gone }],
    });
    expect(without.entries.map(({ key }) => key)).toEqual(['listeners', 'routes']);
  });
});

test('includes and defaults are part of it, with their files replaced; nodes that would be discovered have one in their place', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hl7-gateway-given-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(
    join(folder, 'lab.yaml'),
    'pools: { lab: { discover: { dns: "lab.example:6661", protocol: mllps } } }\n',
  );
  const file = join(folder, 'gateway.yaml');
  writeFileSync(
    file,
    `include: lab.yaml
defaults: { nodes: { tls: { ca: /etc/hl7/not-here.pem } }, listeners: { tls: { cert: /etc/hl7/a.pem, key: /etc/hl7/a.key } } }
listeners: { adt: { bind: 10.0.0.1:2575 } }
pools: { mirth: { discover: { file: /etc/hl7/nodes.yaml } } }
routes: [{ when: { MSH-9.1: ORU }, to: mirth }, { to: lab }]
`,
  );
  const stage = await openStage({ config: file, env: {} });
  onTestFinished(() => stage.close());
  expect(await sendOne(stage, { listener: 'adt' })).toMatchObject({ node: 'discovered', ack: 'AA' });
  expect(stage.notes).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^pools\.lab\.discover\.node\.tls\.ca: .*a throw-away one is used$/),
      expect.stringMatching(/^listeners\.adt\.tls\.cert: .*a throw-away one is used$/),
      'pools.lab.discover: no nodes are looked for; a node discovered stands for them',
      'pools.mirth.discover: no nodes are looked for; a node discovered stands for them',
    ]),
  );
});
