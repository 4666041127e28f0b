// A pair of gateways with keepalived, two nodes and senders, each on a machine of its own (a network namespace). What keepalived goes
// by is what `hl7-gateway keepalived` prints. Promises that nothing of it is left.
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { Child } from '../../e2e/child.ts';
import { type Host, Network } from '../../helpers/namespaces.ts';
import { COMMAND } from '../../helpers/product-command.ts';
import { until } from '../../helpers/until.ts';
import { type Account, accountOf, Traffic } from './traffic.ts';

export type MemberName = 'gw1' | 'gw2';
export const MEMBERS = ['gw1', 'gw2'] as const;

export interface PairOptions {
  /** gw1 is the machine that the test runs on: keepalived watches no processes from within a namespace. */
  readonly watchesProcess?: boolean;
}

interface Machine {
  readonly name: MemberName;
  readonly host: Host;
  readonly configFile: string;
  readonly address: string;
}

export interface Member extends Machine {
  /** The one that was started last. */
  gateway: Child;
  keepalived: ChildProcess;
}

export interface CommandOutput {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const ARM = 'eth1';
const TOKEN = '0123456789abcdef0123';
/** gw1 on this machine sees all processes of the namespaces, too: theirs must not count as its own gateway. */
const OTHER_TITLE = `--import=data:text/javascript,${encodeURIComponent("Object.defineProperty(process,'title',{get:()=>'another',set(){}})")}`;

export class Pair implements AsyncDisposable {
  readonly #network = new Network();
  readonly #folder = mkdtempSync(join(tmpdir(), 'hl7-gateway-pair-'));
  readonly #members = new Map<MemberName, Member>();
  readonly #children: Child[] = [];
  readonly #traffic: Traffic[] = [];
  /** Of the test's own network, for benchmarks by RFC 2544: another one for each process. */
  readonly #net = `198.18.${process.pid % 256}`;
  readonly #net6 = `fd00:18:${(process.pid % 65_536).toString(16)}`;
  readonly #options: PairOptions;
  #port = 2575;
  #adminPort = 9600;
  #starts = 0;
  #nodes: readonly Child[] = [];
  #sender: Host | undefined;

  private constructor(options: PairOptions) {
    this.#options = options;
  }

  /** Both are fit, and gw1 has the VIPs. */
  static async start(options: PairOptions = {}): Promise<Pair> {
    const pair = new Pair(options);
    try {
      await pair.#start();
      return pair;
    } catch (thrown) {
      await pair[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  async #start(): Promise<void> {
    const { watchesProcess = false } = this.#options;
    if (watchesProcess) [this.#port, this.#adminPort] = await freePorts();
    const lan = this.#network.switch();
    const arm = (n: number) => ({
      interfaces: { [ARM]: { on: lan, addresses: [`${this.#net}.${n}/24`, `${this.#net6}::${n}/64`] } },
    });
    this.#sender = this.#network.host('sender', arm(9));
    const nodes = this.#network.host('nodes', arm(20));
    this.#nodes = await Promise.all(
      [1, 2].map(async (n) => {
        const url = `mllp://${this.#net}.20:${6660 + n}`;
        const node = this.#child(nodes, ['node', '--listen', url, '--json']);
        await node.line(({ listening }) => listening !== undefined, 'its address');
        return node;
      }),
    );
    for (const [i, name] of MEMBERS.entries()) {
      const isHere = watchesProcess && name === 'gw1';
      const host = isHere ? this.#network.thisMachine(name, arm(3)) : this.#network.host(name, arm(3 + i));
      if (isHere) this.#letBindVip(host);
      const configFile = join(this.#folder, `${name}.yaml`);
      writeFileSync(configFile, this.#config());
      const machine = { name, host, configFile, address: `${this.#net}.${3 + i}` };
      const gateway = await this.#startGateway(machine);
      await until(() => this.tracked(name) === '0', { what: `${name} is fit` });
      const keepalived = await this.#startKeepalived(machine);
      this.#members.set(name, { ...machine, gateway, keepalived });
      // The second one finds it there, and leaves it.
      await until(() => this.holders().join() === 'gw1', { what: 'gw1 has the VIPs' });
    }
  }

  /** It can be bound as the route says that it is here; who asks for it by ARP is not answered as long as it is on no interface. */
  #letBindVip(host: Host): void {
    const { name } = host.link(ARM);
    host.set(`net.ipv4.conf.${name}.arp_ignore`, 1);
    host.run('ip', 'route', 'add', 'local', `${this.vip}/32`, 'dev', name);
  }

  get vip(): string {
    return `${this.#net}.5`;
  }

  get vip6(): string {
    return `${this.#net6}::5`;
  }

  #config(): string {
    const admin = (n: number) => `http://${this.#net}.${n}:${this.#adminPort}`;
    // The same text on both: what differs is in the environment.
    return stringify({
      listeners: { adt: { bind: `\${BIND}:${this.#port}` } },
      hotRestart: true,
      pools: {
        mirth: {
          nodes: {
            a: { url: `mllp://${this.#net}.20:6661` },
            b: { url: `mllp://${this.#net}.20:6662` },
          },
          persistence: { by: 'MSH-4', mode: 'hash' },
        },
      },
      routes: [{ to: 'mirth' }],
      admin: { bind: `\${ADDRESS}:${this.#adminPort}`, token: TOKEN, insecure: true },
      audit: { file: '${AUDIT}' },
      telemetry: { log: { messages: false } },
      cluster: {
        name: 'pair',
        member: '${MEMBER}',
        members: {
          gw1: { address: `${this.#net}.3`, priority: 150, admin: admin(3) },
          gw2: { address: `${this.#net}.4`, priority: 100, admin: admin(4) },
        },
        vips: [
          { address: `${this.vip}/24`, interface: '${ARM}' },
          { address: `${this.vip6}/64`, interface: '${ARM}' },
        ],
        trackProcess: '${TRACK_PROCESS}',
        track: '${TRACK}',
      },
    });
  }

  #environment({ name, host, address }: Machine): Readonly<Record<string, string>> {
    const isHere = host.namespace === undefined;
    const isHidden = this.#options.watchesProcess === true && !isHere;
    return {
      MEMBER: name,
      ADDRESS: address,
      BIND: isHere ? this.vip : '[::]',
      ARM: host.link(ARM).name,
      TRACK: this.#trackFile(name),
      TRACK_PROCESS: String(isHere),
      AUDIT: this.auditFile(name),
      RUNTIME_DIRECTORY: this.#folder,
      ...(isHidden ? { NODE_OPTIONS: OTHER_TITLE } : {}),
    };
  }

  #trackFile(name: MemberName): string {
    return join(this.#folder, `run-${name}`, 'vrrp');
  }

  auditFile(name: MemberName): string {
    return join(this.#folder, `${name}.audit`);
  }

  #child(host: Host, args: readonly string[], env: Readonly<Record<string, string>> = {}): Child {
    const child = new Child(args, COMMAND, (command, all) =>
      host.spawn(command, all, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } }),
    );
    this.#children.push(child);
    return child;
  }

  async #startGateway(machine: Machine, more: readonly string[] = []): Promise<Child> {
    const args = ['run', '-c', machine.configFile, ...more];
    const gateway = this.#child(machine.host, args, this.#environment(machine));
    await gateway.line(({ msg }) => msg === 'listening', 'its address');
    return gateway;
  }

  /** What the command prints is what it goes by. */
  async #startKeepalived(machine: Machine): Promise<ChildProcess> {
    const { host, name, configFile } = machine;
    const env = Object.entries(this.#environment(machine)).map(([key, value]) => `${key}=${value}`);
    const made = await host.runAsync(
      'env',
      ...env,
      process.execPath,
      COMMAND,
      'keepalived',
      '-c',
      configFile,
    );
    const base = join(this.#folder, `keepalived-${name}-${++this.#starts}`);
    writeFileSync(`${base}.conf`, made);
    const files = ['-f', `${base}.conf`, '-p', `${base}.pid`, '-r', `${base}.vrrp.pid`];
    return host.spawn('keepalived', ['-n', '-l', '-D', ...files], {
      stdio: ['ignore', 'ignore', openSync(`${base}.log`, 'w')],
    });
  }

  member(name: MemberName): Member {
    const member = this.#members.get(name);
    if (member === undefined) throw new Error(`there is no ${name} yet`);
    return member;
  }

  /** The one that has the VIPs, where one alone has them. */
  get holder(): Member {
    const [name, ...others] = this.holders();
    if (name === undefined || others.length > 0) throw new Error(`the VIPs are on ${this.holders()}`);
    return this.member(name);
  }

  get backup(): Member {
    return this.member(this.holder.name === 'gw1' ? 'gw2' : 'gw1');
  }

  /** Who has the VIP on an interface, as its kernel says. */
  holders(): readonly MemberName[] {
    return [...this.#members.values()]
      .filter(({ host }) => host.link(ARM).addresses.includes(this.vip))
      .map(({ name }) => name);
  }

  /** What keepalived is told. */
  tracked(name: MemberName): string {
    return readFileSync(this.#trackFile(name), 'utf8').trim();
  }

  /** `kind`: each message by a `new` connection, or all by one that stays `open`. */
  send(kind: 'new' | 'open', family: 4 | 6 = 4): Traffic {
    if (this.#sender === undefined) throw new Error('there is no sender yet');
    const address = family === 4 ? this.vip : this.vip6;
    const traffic = new Traffic(this.#sender, address, this.#port, kind, `${kind}${family}`);
    this.#traffic.push(traffic);
    return traffic;
  }

  /** Ends all senders, and tells what became of their messages. */
  async account(): Promise<Account> {
    await Promise.all(this.#traffic.map((traffic) => traffic.stop()));
    const acknowledged = this.#traffic.flatMap((traffic) => traffic.acknowledged);
    return accountOf(acknowledged, this.#delivered);
  }

  /** MSH-10 of what each node got, in order. */
  get #delivered(): readonly (readonly string[])[] {
    return this.#nodes.map(({ lines }) =>
      lines.flatMap(({ controlId }) => (typeof controlId === 'string' ? [controlId] : [])),
    );
  }

  /** Of a gateway that has ended. Returns when it is fit. */
  async startAgain(member: Member): Promise<void> {
    member.gateway = await this.#startGateway(member);
    await until(() => this.tracked(member.name) === '0', { what: `${member.name} is fit` });
  }

  /** A new process takes over from the one that runs. Returns when that has ended. */
  async hotRestart(member: Member): Promise<void> {
    const { gateway: old } = member;
    member.gateway = await this.#startGateway(member, ['--replace', String(old.process.pid)]);
    await old.exited;
  }

  async startKeepalivedAgain(member: Member): Promise<void> {
    member.keepalived = await this.#startKeepalived(member);
  }

  /** Without a word to anybody; its own child, which does VRRP, would tidy up. */
  killKeepalived({ keepalived: { pid } }: Member): void {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    for (const one of [...children, String(pid)]) process.kill(Number(one), 'SIGKILL');
  }

  /** Members hear nothing of each other; everybody else hears both. */
  part(): void {
    this.#isolate(true);
  }

  heal(): void {
    this.#isolate(false);
  }

  #isolate(isIsolated: boolean): void {
    for (const name of MEMBERS) this.member(name).host.link(ARM).isolate(isIsolated);
  }

  /** A command of the product on a third machine, which has gw1's config and is none of the members. */
  async command(...args: readonly string[]): Promise<CommandOutput> {
    const { gw1, sender } = { gw1: this.member('gw1'), sender: this.#sender };
    if (sender === undefined) throw new Error('there is no sender yet');
    const env = Object.entries(this.#environment(gw1)).map(([key, value]) => `${key}=${value}`);
    const all = [...env, process.execPath, COMMAND, ...args, '-c', gw1.configFile];
    try {
      return { code: 0, out: await sender.runAsync('env', ...all), err: '' };
    } catch (thrown) {
      const { code, stdout: out, stderr: err } = thrown as { code: number; stdout: string; stderr: string };
      return { code, out, err };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#network[Symbol.asyncDispose]();
      for (const child of this.#children) await child[Symbol.asyncDispose]();
    } finally {
      rmSync(this.#folder, { recursive: true, force: true });
    }
  }
}

async function freePorts(): Promise<readonly [number, number]> {
  const servers = [net.createServer(), net.createServer()];
  await Promise.all(
    servers.map((server) => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))),
  );
  const [one, other] = servers.map((server) => (server.address() as net.AddressInfo).port);
  for (const server of servers) server.close();
  return [one ?? 0, other ?? 0];
}
