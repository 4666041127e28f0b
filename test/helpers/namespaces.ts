// Machines of a test: network namespaces with interfaces on switches (bridges), and processes that run in them. Needs root.
// Promises that namespaces and processes are gone after the test, and that those of a test run that was killed are removed by the
// next one.
import { type ChildProcess, execFile, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';

/** Undefined: they can be made here. Names why a test is skipped. */
export const whyNoNamespaces: string | undefined = reasonAgainst();

function reasonAgainst(): string | undefined {
  if (process.platform !== 'linux') return 'not on Linux';
  if (process.getuid?.() !== 0) return 'not root';
  if (spawnSync('ip', ['-V']).status !== 0) return 'no ip command (iproute2)';
  const name = `h7gw-${process.pid}-probe`;
  const made = spawnSync('ip', ['netns', 'add', name]).status === 0;
  const bridged = made && spawnSync('ip', ['-n', name, 'link', 'add', 'br0', 'type', 'bridge']).status === 0;
  if (made) spawnSync('ip', ['netns', 'del', name]);
  return bridged ? undefined : 'the system makes no namespaces with bridges';
}

/** An interface of a host: the switch that it is on, and its addresses with their prefixes. */
export interface InterfaceOptions {
  readonly on: Switch;
  readonly addresses: readonly string[];
}

export interface HostOptions {
  readonly interfaces: Readonly<Record<string, InterfaceOptions>>;
  /** `net.ipv4.ip_forward: 1`, say; set before the interfaces get their addresses. */
  readonly sysctl?: Readonly<Record<string, string | number>>;
  /** `default via 10.0.0.1`, say. */
  readonly routes?: readonly string[];
}

/** Ends of a name that the kernel keeps: 15 characters. */
const MOST_NAME = 15;

/** All of a test's machines and switches. */
export class Network implements AsyncDisposable {
  /** Names begin with it, so that they are known as those of this process. */
  readonly #prefix: string;
  readonly #namespaces: string[] = [];
  readonly #links: string[] = [];
  readonly #hosts: Host[] = [];
  readonly #onExit = (): void => this.#removeNow();
  #count = 0;

  constructor() {
    removeAbandoned();
    networks++;
    this.#prefix = `h7gw-${process.pid}-${networks}`;
    process.once('exit', this.#onExit);
  }

  /** A switch that hosts are plugged into. */
  switch(): Switch {
    const namespace = this.#addNamespace('switch');
    run('ip', '-n', namespace, 'link', 'add', 'br0', 'type', 'bridge', 'stp_state', '0');
    run('ip', '-n', namespace, 'link', 'set', 'br0', 'up');
    return new Switch(namespace, () => ++this.#count);
  }

  /** A machine of its own. */
  host(name: string, options: HostOptions): Host {
    const namespace = this.#addNamespace(name);
    run('ip', '-n', namespace, 'link', 'set', 'lo', 'up');
    return this.#equip(new Host(name, namespace), options);
  }

  /**
   * The machine that the test runs on, as one more on the switches: for what the kernel does in no namespace. Names of its interfaces
   * are made, as others are there.
   */
  thisMachine(name: string, options: Pick<HostOptions, 'interfaces'>): Host {
    return this.#equip(new Host(name, undefined), options);
  }

  #equip(host: Host, { interfaces, sysctl = {}, routes = [] }: HostOptions): Host {
    this.#hosts.push(host);
    for (const [key, value] of Object.entries(sysctl)) host.set(key, value);
    for (const [wanted, { on, addresses }] of Object.entries(interfaces)) {
      const link = on.plug(host, wanted);
      if (host.namespace === undefined) this.#links.push(link.name);
      for (const address of addresses) link.addAddress(address);
    }
    for (const route of routes)
      host.run('ip', route.includes(':') ? '-6' : '-4', 'route', 'add', ...route.split(' '));
    return host;
  }

  #addNamespace(name: string): string {
    const namespace = `${this.#prefix}-${this.#namespaces.length}-${name}`;
    run('ip', 'netns', 'add', namespace);
    this.#namespaces.push(namespace);
    return namespace;
  }

  /** Ends what runs in them, whatever state it is in. */
  async [Symbol.asyncDispose](): Promise<void> {
    process.off('exit', this.#onExit);
    await Promise.all(this.#hosts.map((host) => host.endAll()));
    this.#removeNow();
  }

  #removeNow(): void {
    for (const host of this.#hosts) host.kill();
    for (const link of this.#links.splice(0)) spawnSync('ip', ['link', 'del', link]);
    for (const namespace of this.#namespaces.splice(0)) removeNamespace(namespace);
  }
}

let networks = 0;

export class Switch {
  readonly #namespace: string;
  readonly #nextNumber: () => number;

  constructor(namespace: string, nextNumber: () => number) {
    this.#namespace = namespace;
    this.#nextNumber = nextNumber;
  }

  /** A cable from here to a new interface of the host. */
  plug(host: Host, wanted: string): Link {
    const number = this.#nextNumber();
    const port = `p${number}`;
    const name = host.namespace === undefined ? `h7${process.pid}n${number}`.slice(-MOST_NAME) : wanted;
    const to = host.namespace === undefined ? [] : ['netns', host.namespace];
    run('ip', 'link', 'add', port, 'netns', this.#namespace, 'type', 'veth', 'peer', 'name', name, ...to);
    run('ip', '-n', this.#namespace, 'link', 'set', port, 'master', 'br0', 'up');
    host.run('ip', 'link', 'set', name, 'up');
    const link = new Link(host, name, this.#namespace, port);
    host.links.set(wanted, link);
    return link;
  }
}

/** A cable between a host and a switch. */
export class Link {
  readonly name: string;
  readonly #host: Host;
  readonly #namespace: string;
  readonly #port: string;

  constructor(host: Host, name: string, namespace: string, port: string) {
    this.name = name;
    this.#host = host;
    this.#namespace = namespace;
    this.#port = port;
  }

  /** It may be used at once: nobody else has it, so nobody is asked (RFC 4862 5.4). */
  addAddress(address: string): void {
    const nodad = address.includes(':') ? ['nodad'] : [];
    this.#host.run('ip', 'addr', 'add', address, 'dev', this.name, ...nodad);
  }

  /** The cable is pulled: the host sees that there is no carrier. */
  pull(): void {
    run('ip', '-n', this.#namespace, 'link', 'set', this.#port, 'down');
  }

  /** Nothing passes, and the host does not notice. */
  silence(): void {
    run('ip', '-n', this.#namespace, 'link', 'set', this.#port, 'nomaster');
  }

  /** Those whose cables are isolated do not hear each other; all others hear them. */
  isolate(isIsolated: boolean): void {
    const state = isIsolated ? 'on' : 'off';
    run(
      'ip',
      'netns',
      'exec',
      this.#namespace,
      'bridge',
      'link',
      'set',
      'dev',
      this.#port,
      'isolated',
      state,
    );
  }

  /** After a cable was pulled or silent. */
  mend(): void {
    run('ip', '-n', this.#namespace, 'link', 'set', this.#port, 'master', 'br0', 'up');
  }

  /** Addresses without their prefixes. */
  get addresses(): readonly string[] {
    const shown: readonly { addr_info: readonly { local: string }[] }[] = JSON.parse(
      this.#host.run('ip', '-j', 'addr', 'show', 'dev', this.name),
    );
    return shown.flatMap(({ addr_info }) => addr_info.map(({ local }) => local));
  }
}

export class Host {
  readonly name: string;
  /** Undefined: the machine that the test runs on. */
  readonly namespace: string | undefined;
  readonly links = new Map<string, Link>();
  readonly #children = new Set<ChildProcess>();

  constructor(name: string, namespace: string | undefined) {
    this.name = name;
    this.namespace = namespace;
  }

  /** Of the name that the test gave it. */
  link(name: string): Link {
    const link = this.links.get(name);
    if (link === undefined) throw new Error(`${this.name} has no interface ${name}`);
    return link;
  }

  /** What a command prints. @throws Error with what it says, if it fails */
  run(command: string, ...args: readonly string[]): string {
    return run(...this.#inside(command, args));
  }

  /** A setting of its kernel: `net.ipv4.ip_forward`, say. */
  set(key: string, value: string | number): void {
    this.run('sh', '-c', 'echo "$1" > "$2"', 'sh', String(value), `/proc/sys/${key.replaceAll('.', '/')}`);
  }

  /** What a command prints that takes a while. */
  async runAsync(command: string, ...args: readonly string[]): Promise<string> {
    const [file, ...rest] = this.#inside(command, args);
    return (await promisify(execFile)(file, rest, { maxBuffer: 16 * 1024 * 1024 })).stdout;
  }

  /** Runs there until it ends, is killed, or the test is over. Its process id is the command's own. */
  spawn(command: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const [file, ...rest] = this.#inside(command, args);
    const child = spawn(file, rest, options);
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    return child;
  }

  #inside(command: string, args: readonly string[]): [string, ...string[]] {
    // What runs in a namespace that is abandoned is found there.
    if (this.namespace === undefined) return ['setpriv', '--pdeathsig', 'KILL', command, ...args];
    return ['ip', 'netns', 'exec', this.namespace, command, ...args];
  }

  kill(): void {
    for (const child of this.#children) child.kill('SIGKILL');
  }

  async endAll(): Promise<void> {
    const children = [...this.#children];
    this.kill();
    await Promise.all(
      children.map((child) =>
        child.exitCode !== null || child.signalCode !== null
          ? undefined
          : new Promise((resolve) => child.once('exit', resolve)),
      ),
    );
  }
}

/** Those of processes that have ended: nobody else removes them. */
function removeAbandoned(): void {
  const listed = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' }).stdout ?? '';
  for (const [name, pid] of listed.matchAll(/^h7gw-(\d+)-\S+/gm))
    if (!existsSync(`/proc/${pid}`)) removeNamespace(name);
}

/** What still runs in it is killed: keepalived has processes of its own. */
function removeNamespace(name: string): void {
  const inside = spawnSync('ip', ['netns', 'pids', name], { encoding: 'utf8' }).stdout ?? '';
  for (const pid of inside.split('\n').filter((line) => line !== '')) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  }
  spawnSync('ip', ['netns', 'del', name]);
}

function run(command: string, ...args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (status === 0) return stdout;
  throw new Error(`${[command, ...args].join(' ')}: ${error?.message ?? stderr.trim()}`);
}
