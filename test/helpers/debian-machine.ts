// A bare Debian machine without a network: debootstrap's smallest, booted by systemd in namespaces of its own. Needs root.
// Promises that it is gone after the test, and that what happens in it changes nothing outside.
import { type ChildProcess, execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { cacheFolder } from './product-files.ts';

const TOOLS = ['debootstrap', 'unshare', 'nsenter', 'dpkg-deb', 'ip'];
const SUITE = 'bookworm';
/** On a busy machine; it takes seconds. */
const BOOT_MS = 60_000;

/** Undefined: one can be made here, if Debian's packages can be had. Names why a test is skipped. */
export const whyNoDebian: string | undefined = reasonAgainst();

function reasonAgainst(): string | undefined {
  if (process.platform !== 'linux') return 'not on Linux';
  if (process.getuid?.() !== 0) return 'not root';
  const path = (process.env.PATH ?? '').split(':').concat('/usr/sbin', '/sbin');
  const missing = TOOLS.filter((tool) => !path.some((folder) => existsSync(join(folder, tool))));
  if (missing.length > 0) return `no ${missing.join(', ')}`;
  return unifiedCgroups() === undefined ? 'no cgroup2 that can be written to' : undefined;
}

function unifiedCgroups(): string | undefined {
  const mounts = readFileSync('/proc/mounts', 'utf8').split('\n');
  const mount = mounts
    .map((line) => line.split(' '))
    .find(([, , type, flags]) => type === 'cgroup2' && flags?.startsWith('rw'));
  return mount?.[1];
}

/** Made once and kept, as it takes a minute and a mirror. Undefined: there is no mirror. */
export function debianFolder(): string | undefined {
  const base = join(cacheFolder(), `debian-${SUITE}`);
  if (existsSync(base)) return base;
  const fresh = mkdtempSync(`${base}.`);
  const { status } = spawnSync('debootstrap', ['--variant=minbase', '--include=systemd', SUITE, fresh], {
    stdio: 'ignore',
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  });
  if (status === 0 && !existsSync(base)) renameSync(fresh, base);
  else rmSync(fresh, { recursive: true, force: true });
  return existsSync(base) ? base : undefined;
}

export interface Ran {
  readonly status: number;
  readonly out: string;
}

export class DebianMachine implements AsyncDisposable {
  /** The machine's /mnt. */
  readonly shared: string;
  readonly #folder: string;
  readonly #cgroup: string;
  readonly #outside: ChildProcess;
  readonly #pid: number;

  private constructor(folder: string, cgroup: string, outside: ChildProcess, pid: number) {
    this.#folder = folder;
    this.shared = join(folder, 'shared');
    this.#cgroup = cgroup;
    this.#outside = outside;
    this.#pid = pid;
  }

  /** Undefined: Debian's packages cannot be had. */
  static async boot(): Promise<DebianMachine | undefined> {
    const base = debianFolder();
    if (base === undefined) return undefined;
    const folder = mkdtempSync(join(tmpdir(), 'debian-machine-'));
    for (const name of ['memory', 'shared']) mkdirSync(join(folder, name));
    const cgroup = join(unifiedCgroups() ?? '', `debian-machine-${process.pid}-${machines++}`);
    mkdirSync(cgroup);
    const script = join(import.meta.dirname, 'boot-debian.sh');
    const own = ['-C', '-n', '-m', '-p', '-u', '-i', '--fork', '--kill-child', 'sh', script];
    const args = [...own, base, join(folder, 'memory'), join(folder, 'shared')];
    const outside = spawn(
      'sh',
      ['-c', `echo $$ > '${cgroup}/cgroup.procs'; exec unshare "$@"`, 'sh', ...args],
      { stdio: 'ignore' },
    );
    const deadline = Date.now() + BOOT_MS;
    while (Date.now() < deadline && outside.exitCode === null) {
      const pid = childOf(outside.pid ?? 0);
      if (pid !== undefined) {
        const machine = new DebianMachine(folder, cgroup, outside, pid);
        const { out } = await machine.run('systemctl is-system-running');
        if (/running|degraded/.test(out)) return machine;
      }
      await setTimeout(100);
    }
    outside.kill('SIGKILL');
    throw new Error('the Debian machine does not boot');
  }

  /** A shell's command line; what it prints on both streams. */
  run(command: string): Promise<Ran> {
    return new Promise((resolve) => {
      const args = [
        '-t',
        String(this.#pid),
        '-a',
        'env',
        '-i',
        'PATH=/usr/sbin:/usr/bin:/sbin:/bin',
        'sh',
        '-c',
      ];
      execFile('nsenter', [...args, `exec 2>&1; ${command}`], { maxBuffer: 64 << 20 }, (error, out) => {
        resolve({ status: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, out });
      });
    });
  }

  /** What it prints. @throws Error where it fails */
  async must(command: string): Promise<string> {
    const { status, out } = await this.run(command);
    if (status !== 0) throw new Error(`${command}: exit code ${status}\n${out}`);
    return out;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = new Promise((resolve) => this.#outside.once('exit', resolve));
    process.kill(this.#pid, 'SIGKILL');
    await gone;
    rmSync(this.#folder, { recursive: true, force: true });
    removeCgroup(this.#cgroup);
  }
}

let machines = 0;

function childOf(pid: number): number | undefined {
  try {
    const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    return child === undefined || child === '' ? undefined : Number(child);
  } catch {
    return undefined;
  }
}

/** Its groups from the innermost on; the kernel may need a moment until they are empty. */
function removeCgroup(cgroup: string): void {
  const all = execFileSync('find', [cgroup, '-depth', '-type', 'd'], { encoding: 'utf8' }).trim().split('\n');
  for (const one of all)
    try {
      rmdirSync(one);
    } catch {
      // It is empty soon, and costs nothing.
    }
}
