// Nodes that are discovered: by a real name server on loopback whose answers change, and by a file. What comes and goes, what stays
// when there is no answer, and that messages go where they should meanwhile.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { createLog, type Log } from '../../src/observe/log/log.ts';
import { Discovery } from '../../src/pools/discovery.ts';
import type { FoundNode } from '../../src/pools/found-nodes.ts';
import { folderWith } from '../config/config-folder.ts';
import { startDnsServer } from '../helpers/dns-server.ts';
import { startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway } from '../helpers/gateway.ts';
import { message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { until } from '../helpers/until.ts';

function configText(discover: object, more: object = {}): string {
  return JSON.stringify({
    listeners: { in: { bind: '127.0.0.1:0' } },
    pools: { p: { discover, health: { type: 'none' }, ...more } },
    routes: [{ to: 'p' }],
  });
}

interface Line {
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** A discovery alone, which looks when the test says so. */
function discoveryOf(discover: object, folder?: string) {
  const file = folder === undefined ? undefined : join(folder, 'gateway.yaml');
  const { config } = parseConfig(
    configText('file' in discover ? discover : { minTtl: '1h', maxTtl: '1h', ...discover }),
    {
      env: {},
      file,
    },
  );
  const lines: Line[] = [];
  const log: Log = createLog(
    { level: 'info', format: 'json' },
    { write: (line) => void lines.push(JSON.parse(line)) },
  );
  const taken: (readonly FoundNode[])[] = [];
  const wanted = config.pools[0]?.discover;
  if (wanted === undefined) throw new Error('nothing is discovered');
  const discovery = new Discovery('p', wanted, { take: (found) => void taken.push(found) }, log);
  onTestFinished(() => discovery.stop());
  const names = () => discovery.found.map(({ name }) => name);
  return { discovery, lines, taken, names, said: () => lines.map(({ msg }) => msg) };
}

/** Starts it, and waits for the first look-up. */
async function firstAnswer(discovery: Discovery): Promise<void> {
  discovery.start();
  await until(() => Object.values(discovery.counts).some((count) => count > 0));
}

describe('by DNS', () => {
  test('a node for each address; one that comes and one that goes change nothing of the others', async () => {
    await using dns = await startDnsServer();
    dns.addresses.set('mirth.example', ['127.0.0.2', '127.0.0.1', '::1']);
    const { discovery, names, lines, taken } = discoveryOf({
      dns: 'mirth.example:6661',
      servers: [dns.place],
    });
    await firstAnswer(discovery);
    expect(names()).toEqual(['127.0.0.1-6661', '127.0.0.2-6661', 'n_1-6661']);
    dns.addresses.set('mirth.example', ['127.0.0.3', '127.0.0.1']);
    await discovery.look();
    expect(names()).toEqual(['127.0.0.1-6661', '127.0.0.3-6661']);
    expect(lines.map(({ msg, added, removed }) => [msg, added, removed])).toEqual([
      ['discovery: nodes have changed', ['127.0.0.1-6661', '127.0.0.2-6661', 'n_1-6661'], []],
      ['discovery: nodes have changed', ['127.0.0.3-6661'], ['127.0.0.2-6661', 'n_1-6661']],
    ]);
    // The same in another order is the same.
    dns.addresses.set('mirth.example', ['127.0.0.1', '127.0.0.3']);
    await discovery.look();
    expect(taken).toHaveLength(2);
  });

  test.each(['failed', 'refused', 'noSuchName'] as const)(
    '%s: what is known stays, and it is said once',
    async (trouble) => {
      await using dns = await startDnsServer();
      dns.addresses.set('mirth.example', ['127.0.0.1']);
      const { discovery, names, said } = discoveryOf({
        dns: 'mirth.example:6661',
        servers: [dns.place],
      });
      await firstAnswer(discovery);
      dns.trouble = trouble;
      await discovery.look();
      await discovery.look();
      expect(names()).toEqual(['127.0.0.1-6661']);
      expect(discovery.counts).toEqual({ found: 1, failed: 2, empty: 0 });
      dns.trouble = undefined;
      await discovery.look();
      expect(said()).toEqual([
        'discovery: nodes have changed',
        'discovery: it failed; the nodes that are known stay',
        'discovery: it works again',
      ]);
    },
  );

  test('an answer without addresses is said, and takes no node out', async () => {
    await using dns = await startDnsServer();
    dns.addresses.set('mirth.example', ['127.0.0.1']);
    const { discovery, names, said } = discoveryOf({
      dns: 'mirth.example:6661',
      servers: [dns.place],
    });
    await firstAnswer(discovery);
    dns.addresses.set('mirth.example', []);
    await discovery.look();
    expect(names()).toEqual(['127.0.0.1-6661']);
    expect(said().at(-1)).toBe('discovery: the answer has no nodes; those that are known stay');
    expect(discovery.counts.empty).toBe(1);
  });

  test('a family that cannot be looked up keeps its nodes', async () => {
    await using dns = await startDnsServer();
    dns.addresses.set('mirth.example', ['127.0.0.1', '::1']);
    const { discovery, names } = discoveryOf({ dns: 'mirth.example:6661', servers: [dns.place] });
    await firstAnswer(discovery);
    dns.troubleOf.set('AAAA', 'failed');
    dns.addresses.set('mirth.example', ['127.0.0.2']);
    await discovery.look();
    expect(names()).toEqual(['127.0.0.2-6661', 'n_1-6661']);
  });

  test('no more than max, and always the same of them', async () => {
    await using dns = await startDnsServer();
    const all = Array.from({ length: 9 }, (_, n) => `127.0.1.${n}`);
    dns.addresses.set('mirth.example', all.toReversed());
    const { discovery, names, said } = discoveryOf({
      dns: 'mirth.example:1',
      max: 3,
      servers: [dns.place],
    });
    await firstAnswer(discovery);
    dns.addresses.set('mirth.example', all);
    await discovery.look();
    expect(names()).toEqual(['127.0.1.0-1', '127.0.1.1-1', '127.0.1.2-1']);
    expect(said()).toEqual([
      'discovery: nodes have changed',
      'discovery: there are more nodes than discover.max',
    ]);
  });
});

describe('by SRV', () => {
  test('ports, weights and backups are those of the records', async () => {
    await using dns = await startDnsServer();
    dns.services.set('_mllp._tcp.mirth.example', [
      { target: 'b.mirth.example', port: 6662, priority: 20, weight: 0 },
      { target: 'a.mirth.example', port: 6661, priority: 10, weight: 1000 },
      { target: 'c.mirth.example', port: 6663, priority: 10, weight: 500 },
    ]);
    dns.addresses.set('a.mirth.example', ['127.0.0.1']);
    dns.addresses.set('b.mirth.example', ['127.0.0.2', '127.0.0.3']);
    dns.addresses.set('c.mirth.example', ['127.0.0.4']);
    const { discovery } = discoveryOf({ srv: '_mllp._tcp.mirth.example', servers: [dns.place] });
    await firstAnswer(discovery);
    expect(
      discovery.found.map(({ name, host, port, weight, backup }) => [name, host, port, weight, backup]),
    ).toEqual([
      ['a.mirth.example-6661', '127.0.0.1', 6661, 256, false],
      ['c.mirth.example-6663', '127.0.0.4', 6663, 128, false],
      ['b.mirth.example-6662-127.0.0.2', '127.0.0.2', 6662, 1, true],
      ['b.mirth.example-6662-127.0.0.3', '127.0.0.3', 6662, 1, true],
    ]);
    dns.services.set('_mllp._tcp.mirth.example', [{ target: '.', port: 0 }]);
    await discovery.look();
    expect(discovery.found).toHaveLength(4);
    expect(discovery.counts).toEqual({ found: 1, failed: 0, empty: 1 });
    // One target that is broken makes the whole a failure: half of the nodes would otherwise be taken out.
    dns.services.set('_mllp._tcp.mirth.example', [
      { target: 'a.mirth.example', port: 6661 },
      { target: 'gone.example', port: 6661 },
    ]);
    await discovery.look();
    expect(discovery.found).toHaveLength(4);
    expect(discovery.counts.failed).toBe(1);
  });

  test('a target over TLS has to show its own name', () => {
    const { config } = parseConfig(
      configText(
        { srv: '_mllp._tcp.mirth.example', protocol: 'mllps', node: { weight: 7 } },
        { health: { type: 'mirth' } },
      ),
      { env: {} },
    );
    expect(config.pools[0]?.discover?.template).toMatchObject({
      protocol: 'mllps',
      weight: 7,
      checkUrl: 'https://discovered.invalid:8443/',
    });
  });
});

describe('by a file', () => {
  test('is read again when it changes; what is wrong in it changes nothing', () => {
    const folder = folderWith({
      'nodes.yaml': 'a: mllp://h1:1\nb: { url: "mllp://h2:2", weight: 9, backup: true }\n',
    });
    const file = join(folder, 'nodes.yaml');
    const { discovery, names, lines } = discoveryOf({ file: 'nodes.yaml' }, folder);
    discovery.readFile();
    expect(discovery.found).toMatchObject([
      { name: 'a', host: 'h1', port: 1, weight: undefined },
      { name: 'b', host: 'h2', port: 2, weight: 9, backup: true },
    ]);
    for (const [text, reason] of [
      ['a: mllp://h1\n', 'nodes.yaml:1:1: a.url: must be a URL with mllp://, a host and a port'],
      ['a: https://h1:1\n', 'a.url: must be a URL with mllp://'],
      ['a: { url: "mllp://h:1", wieght: 3 }\n', 'a.wieght: unknown key; there are url, weight, backup'],
      ['a: { url: "mllp://h:1", weight: 300 }\n', 'a.weight: must be an integer from 0 to 256'],
      ['"a b": mllp://h:1\n', 'is no name for a node'],
      ['a: [', 'not valid YAML'],
      ['- a\n', 'a config is a map, not a list'],
    ]) {
      writeFileSync(file, text as string);
      discovery.readFile();
      expect(lines.at(-1)?.reason).toContain(reason);
    }
    rmSync(file);
    discovery.readFile();
    expect(lines.at(-1)?.reason).toContain('does not exist');
    writeFileSync(file, '{}');
    discovery.readFile();
    expect(lines.at(-1)?.msg).toContain('has no nodes');
    expect(names()).toEqual(['a', 'b']);
    writeFileSync(file, '{ "c": "mllp://h3:3" }');
    discovery.readFile();
    expect(names()).toEqual(['c']);
  });
});

describe('in a gateway', () => {
  test('messages go to what is found; a reload keeps it, and takes up what is different', async () => {
    await using a = await startFaultyNode();
    await using b = await startFaultyNode();
    const file = join(folderWith({}), 'nodes.yaml');
    writeFileSync(file, `a: ${a.url}\n`);
    const text = configText({ file });
    await using gw = await startGateway(text);
    await using sender = await connectSender(gw.port());
    await sender.exchange(message());
    expect(a.messages).toHaveLength(1);
    const { pools } = gw.gateway;
    const before = pools.runtimes.get('p')?.nodes[0];

    writeFileSync(file, `a: ${a.url}\nb: { url: "${b.url}", weight: 256 }\n`);
    pools.discoveries.get('p')?.readFile();
    expect(pools.runtimes.get('p')?.nodes.map(({ name }) => name)).toEqual(['a', 'b']);
    // It keeps its connections.
    expect(pools.runtimes.get('p')?.nodes[0]).toBe(before);

    await gw.gateway.reload(parseConfig(configText({ file }, { queue: { max: 5 } }), { env: {} }).config);
    expect(pools.runtimes.get('p')?.nodes.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(pools.runtimes.get('p')?.nodes[0]).toBe(before);

    writeFileSync(file, `b: ${b.url}\n`);
    pools.discoveries.get('p')?.readFile();
    await sender.exchange(message({ controlId: 'TO-B' }));
    expect(b.messages).toHaveLength(1);

    const fixed = JSON.parse(text);
    fixed.pools.p = { nodes: { z: { url: a.url } }, health: { type: 'none' } };
    await gw.gateway.reload(parseConfig(JSON.stringify(fixed), { env: {} }).config);
    expect(pools.runtimes.get('p')?.nodes.map(({ name }) => name)).toEqual(['z']);
    expect(pools.discoveries.size).toBe(0);
    await sender.exchange(message({ controlId: 'TO-A' }));
    expect(a.messages).toHaveLength(2);
  });

  test('a name that is not known yet: a message waits for it, and gets through when it is', async () => {
    await using node = await startFaultyNode();
    await using dns = await startDnsServer();
    dns.trouble = 'noSuchName';
    const { port } = new URL(node.url.replace('mllp:', 'http:'));
    const discover = { dns: `mirth.example:${port}`, servers: [dns.place], minTtl: '100ms', maxTtl: '100ms' };
    await using gw = await startGateway(configText(discover, { queue: { timeout: '20s' } }));
    await using sender = await connectSender(gw.port());
    await sender.send(message());
    await dns.nextQuestion();
    dns.addresses.set('mirth.example', ['127.0.0.1']);
    dns.trouble = undefined;
    await node.received(1);
    await sender.nextAck();
    expect(gw.gateway.pools.runtimes.get('p')?.nodes.map(({ name }) => name)).toEqual([`127.0.0.1-${port}`]);
    const metrics = (await gw.gateway.metrics.text('prometheus')) ?? '';
    expect(metrics).toContain('hl7_gateway_discovered_nodes{pool="p"} 1');
    expect(metrics).toMatch(/hl7_gateway_discoveries_total\{pool="p",result="failed"\} [1-9]/);
  });
});
