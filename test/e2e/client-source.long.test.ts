// Where nodes see connections come from, with clients, gateway and node on machines of their own (network namespaces): the gateway's
// `source`, and with `source: client` the client's own address. The rules are those that `hl7-gateway transparent` prints, run on
// the gateway's machine, and the node's routes are the ones that it names.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { clientSourceTrouble } from '../../src/platform/client-source.ts';
import { type Host, Network, whyNoNamespaces } from '../helpers/namespaces.ts';
import { COMMAND } from '../helpers/product-command.ts';
import { Child } from './child.ts';
import type { NodeReport, SendersOptions, SendersReport } from './client-source-peers.ts';

const LONG = { timeout: 240_000 };
const PEERS = join(import.meta.dirname, 'client-source-peers.ts');
const CLIENTS4 = Array.from({ length: 200 }, (_, i) => `10.9.0.${i + 1}`);
const CLIENTS6 = Array.from({ length: 200 }, (_, i) => `fd00:9::${(i + 1).toString(16)}`);

class Hospital implements AsyncDisposable {
  readonly #network = new Network();
  readonly #folder = mkdtempSync(join(tmpdir(), 'hl7-gateway-source-'));
  readonly #children: Child[] = [];
  readonly gateway: Host;
  readonly node: Host;
  readonly #senders: Host;
  #nodeChild: Child | undefined;
  #reports = 0;

  /** `one`: all are on one network, and the clients behind a router of it. `two`: clients on one side of the gateway, the node on the other. */
  constructor(arms: 'one' | 'two') {
    const inside = this.#network.switch();
    const outside = arms === 'one' ? inside : this.#network.switch();
    const [net4, net6] = arms === 'one' ? ['10.1.0', 'fd00:b'] : ['10.0.0', 'fd00:a'];
    const ofGateway = {
      on: inside,
      addresses: ['10.1.0.3/24', '10.1.0.7/24', 'fd00:b::3/64', 'fd00:b::7/64'],
    };
    // The clients' networks are behind the machine that has their addresses.
    const routes = [`10.9.0.0/16 via ${net4}.9`, `fd00:9::/64 via ${net6}::9`];
    this.gateway = this.#network.host('gateway', {
      interfaces:
        arms === 'one'
          ? { eth0: ofGateway }
          : { eth0: ofGateway, eth1: { on: outside, addresses: ['10.0.0.3/24', 'fd00:a::3/64'] } },
      routes,
    });
    this.node = this.#network.host('node', {
      interfaces: { eth0: { on: inside, addresses: ['10.1.0.11/24', 'fd00:b::11/64'] } },
    });
    this.#senders = this.#network.host('clients', {
      // What lets a process have an IPv6 address that is on no interface.
      sysctl: { 'net.ipv6.ip_nonlocal_bind': 1 },
      interfaces: { eth0: { on: outside, addresses: [`${net4}.9/24`, `${net6}::9/64`] } },
    });
    this.#senders.run('ip', '-4', 'route', 'add', 'local', '10.9.0.0/16', 'dev', 'lo');
    this.#senders.run('ip', '-6', 'route', 'add', 'local', 'fd00:9::/64', 'dev', 'lo');
    this.address4 = `${net4}.3`;
    this.address6 = `${net6}::3`;
  }

  /** Of the gateway, for clients. */
  readonly address4: string;
  readonly address6: string;

  async start(source: string, family: 4 | 6): Promise<string> {
    const host = family === 4 ? '10.1.0.11' : '[fd00:b::11]';
    const pool = { source, connections: { max: 256, perClient: { idle: '5s' } } };
    const file = join(this.#folder, `${source.replaceAll(':', '-')}-${family}.yaml`);
    writeFileSync(
      file,
      stringify({
        listeners: { adt: { bind: '[::]:2575' }, web: { protocol: 'http', bind: '[::]:8080' } },
        pools: {
          mllp: { ...pool, nodes: { a: { url: `mllp://${host}:6661` } } },
          http: { ...pool, nodes: { a: { url: `http://${host}:6662` } } },
        },
        routes: [{ when: { listener: 'adt' }, to: 'mllp' }, { to: 'http' }],
      }),
    );
    this.#nodeChild ??= this.#child(this.node, PEERS, ['node'], 'pipe');
    await this.#nodeChild.line(({ listening }) => listening === true, 'its address');
    const gateway = this.#child(this.gateway, COMMAND, ['run', '-c', file]);
    await gateway.line(({ msg }) => msg === 'listening', 'its address');
    return file;
  }

  /** What the command prints on the gateway's machine, run there; and on the node, the route that it names. */
  async applyRules(file: string): Promise<void> {
    const rules = await this.gateway.runAsync(process.execPath, COMMAND, 'transparent', '-c', file);
    const script = join(this.#folder, 'rules.sh');
    writeFileSync(script, rules);
    this.gateway.run('sh', script);
    // They may be run again.
    this.gateway.run('sh', script);
    const routes = [...rules.matchAll(/^# {5}\S+: (ip -[46] route replace default via \S+)$/gm)];
    expect(routes.length).toBeGreaterThan(0);
    for (const [, route = ''] of routes) this.node.run('sh', '-c', route);
  }

  /** Exit code and lines. */
  check(file: string): string {
    const script = '"$@"; echo "exit $?"';
    return this.gateway.run(
      'sh',
      '-c',
      script,
      'sh',
      process.execPath,
      COMMAND,
      'transparent',
      '-c',
      file,
      '--check',
    );
  }

  async send(options: SendersOptions): Promise<SendersReport> {
    const senders = this.#child(this.#senders, PEERS, ['senders', JSON.stringify(options)]);
    await senders.exited;
    const [report] = senders.lines;
    if (report === undefined) throw new Error(`the senders say nothing: ${senders.stderr}`);
    return report as unknown as SendersReport;
  }

  async received(): Promise<NodeReport> {
    const number = ++this.#reports;
    this.#nodeChild?.process.stdin?.write('report\n');
    return (await this.#nodeChild?.line(
      ({ report }) => report === number,
      'a report',
    )) as unknown as NodeReport;
  }

  #child(host: Host, main: string, args: readonly string[], stdin: 'ignore' | 'pipe' = 'ignore'): Child {
    const child = new Child(args, main, (command, all) =>
      host.spawn(command, all, { stdio: [stdin, 'pipe', 'pipe'] }),
    );
    this.#children.push(child);
    return child;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      for (const child of this.#children) await child[Symbol.asyncDispose]();
    } finally {
      await this.#network[Symbol.asyncDispose]();
      rmSync(this.#folder, { recursive: true, force: true });
    }
  }
}

const PORTS = { mllp: 2575, http: 8080 } as const;
const why =
  whyNoNamespaces ??
  clientSourceTrouble() ??
  (spawnSync('nft', ['--version']).status === 0 ? undefined : 'no nft command (nftables)');

describe.skipIf(why !== undefined)(
  `connections to nodes${why === undefined ? '' : ` (skipped: ${why})`}`,
  LONG,
  () => {
    test.each([
      { arms: 'two', family: 4, source: '10.1.0.7' },
      { arms: 'two', family: 6, source: 'fd00:b::7' },
      { arms: 'one', family: 4, source: '10.1.0.7' },
      { arms: 'one', family: 6, source: 'fd00:b::7' },
    ] as const)('$arms arm(s), IPv$family: a node sees $source', async ({ arms, family, source }) => {
      await using hospital = new Hospital(arms);
      await hospital.start(source, family);
      const [host, all] = family === 4 ? [hospital.address4, CLIENTS4] : [hospital.address6, CLIENTS6];
      for (const protocol of ['mllp', 'http'] as const) {
        const clients = all.slice(0, 5);
        const report = await hospital.send({
          protocol,
          host,
          port: PORTS[protocol],
          clients,
          messages: 4,
          expects: source,
        });
        expect(report).toEqual({ acknowledged: 20, wrong: [] });
      }
    });

    test.each([
      { arms: 'two', family: 4, messages: 100 },
      { arms: 'two', family: 6, messages: 20 },
      { arms: 'one', family: 4, messages: 20 },
      { arms: 'one', family: 6, messages: 20 },
    ] as const)(
      '$arms arm(s), IPv$family: a node sees each of 200 clients, $messages messages of each, none lost',
      async ({ arms, family, messages }) => {
        await using hospital = new Hospital(arms);
        const file = await hospital.start('client', family);
        expect(hospital.check(file)).toMatch(/^missing: nft, (.*\n)+exit 1\n$/);
        await hospital.applyRules(file);
        expect(hospital.check(file)).toMatch(/^this machine has the rules .*\nexit 0\n$/);
        const [host, clients] = family === 4 ? [hospital.address4, CLIENTS4] : [hospital.address6, CLIENTS6];
        let sent = 0;
        for (const protocol of ['mllp', 'http'] as const) {
          const report = await hospital.send({ protocol, host, port: PORTS[protocol], clients, messages });
          expect(report).toEqual({ acknowledged: 200 * messages, wrong: [] });
          sent += 200 * messages;
        }
        const { received, distinct, connections } = await hospital.received();
        // Nothing came twice, and clients have found their connections again.
        expect({ received, distinct }).toEqual({ received: sent, distinct: sent });
        expect(connections).toBeLessThan(sent / 4);
      },
    );

    test('without the rules nothing is lost either: each sender is refused, and comes again', async () => {
      await using hospital = new Hospital('two');
      const file = await hospital.start('client', 4);
      const ask = {
        protocol: 'mllp',
        host: hospital.address4,
        port: PORTS.mllp,
        clients: CLIENTS4.slice(0, 3),
        messages: 1,
      } as const;
      expect((await hospital.send(ask)).acknowledged).toBe(0);
      expect((await hospital.received()).received).toBe(0);
      await hospital.applyRules(file);
      await expect
        .poll(async () => (await hospital.send(ask)).acknowledged, { timeout: 60_000, interval: 500 })
        .toBe(3);
    });
  },
);
