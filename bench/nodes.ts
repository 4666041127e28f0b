// What senders see with nodes that are full, close behind their answers, answer by status 500 or are slow to log in:
// `node bench/nodes.ts [--seconds 60] [--only NAME] [--against REVISION] [--json]`. Promises: every message is followed from its
// sender to the node's own record and back; senders never send one again, so what the gateway loses is counted as lost.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { table } from '../src/cli/terminal.ts';
import { freePort, MAIN, started } from './proxies.ts';

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    senders: { type: 'string', default: '20' },
    only: { type: 'string' },
    /** Gateways of that revision as well, each behaviour in turn. */
    against: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const senders = Number(options.senders);

interface Behaviour {
  readonly name: string;
  /** Of `hl7-gateway node`, beside `--listen`. */
  readonly node: readonly string[];
  readonly protocol?: 'http';
  /** Default: 1. The senders are shared among them. */
  readonly gateways?: number;
  /** Messages in each frame; more than one needs `batch: whole`. Default: 1. */
  readonly batch?: number;
  /** More of the pool's health. */
  readonly health?: Readonly<Record<string, unknown>>;
}

/** About what a channel with storage takes. */
const DELAY = ['--delay', '20ms'];
/** A node is down at the second failure, and is asked once a second: whatever could mark it down does. */
const HEALTH = { interval: '1s', fall: 2 };

const BEHAVIOURS: readonly Behaviour[] = [
  { name: 'no peculiarity', node: DELAY },
  { name: 'closes after each answer', node: ['--close-after-answer', ...DELAY] },
  {
    name: 'the same over HTTP',
    node: ['--close-after-answer', ...DELAY],
    protocol: 'http',
  },
  { name: 'one connection only', node: ['--max-connections', '1', ...DELAY] },
  { name: 'full at 10, 2 gateways × 8', node: ['--max-connections', '10', ...DELAY], gateways: 2 },
  {
    name: 'the same, closes 90 ms late',
    node: ['--max-connections', '10', '--late-full', '90ms', ...DELAY],
    gateways: 2,
  },
  { name: 'answers each message of a batch', node: ['--process-batch', ...DELAY], batch: 3 },
  {
    name: 'AE with status 500, 1 of 5',
    node: ['--http-error-acks', '--fail-every', '5', ...DELAY],
    protocol: 'http',
  },
  { name: 'status 500, no acknowledgement', node: ['--status-500', ...DELAY], protocol: 'http' },
  {
    name: 'a login takes 700 ms',
    node: ['--api', 'http://127.0.0.1:0', '--login-cost', '700ms', ...DELAY],
    health: { type: 'mirth', user: 'admin', channel: 'Channel', timeout: '500ms' },
  },
];

interface Row {
  readonly node: string;
  readonly gateway: string;
  readonly sent: number;
  /** The node has it, and its sender has the node's answer. */
  readonly delivered: number;
  /** Its sender has no answer, or a positive one to what no node has. */
  readonly lost: number;
  /** Deliveries beyond the first. */
  readonly twice: number;
  /** The node answered, and the sender was not told. */
  readonly notPassed: number;
  /** The node was marked down. */
  readonly down: number;
  readonly p50: number;
  readonly p99: number;
}

const folder = mkdtempSync(join(tmpdir(), 'hl7-bench-'));
const running = new Set<ChildProcess>();
/** Without anything, a sender whose connection was ended comes again. */
const AGAIN_MS = 50;
const QUIET_MS = 500;

function launch(main: string, ...args: string[]): ChildProcess {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const hard = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await gone;
  clearTimeout(hard);
}

function onLines(child: ChildProcess, onLine: (line: Record<string, unknown>) => void): void {
  if (child.stdout === null) return;
  createInterface({ input: child.stdout }).on('line', (text) => {
    if (text.startsWith('{')) onLine(JSON.parse(text) as Record<string, unknown>);
  });
}

/** By control id, what the node answered, each time. */
type NodeRecord = Map<string, string[]>;

async function startNode({
  node,
  protocol = 'mllp' as string,
}: {
  node: readonly string[];
  protocol?: string;
}) {
  const child = launch(MAIN, 'node', '--listen', `${protocol}://127.0.0.1:0`, '--json', ...node);
  const record: NodeRecord = new Map();
  const said = await new Promise<{ listening: string; api?: string }>((resolve) =>
    onLines(child, (line) => {
      if (line.listening !== undefined) resolve(line as never);
      const id = line.controlId;
      if (typeof id !== 'string') return;
      const answers = record.get(id);
      if (answers === undefined) record.set(id, [String(line.answer)]);
      else answers.push(String(line.answer));
    }),
  );
  return { child, record, url: said.listening, api: said.api };
}

async function startGateway(
  main: string,
  { batch = 1, health }: Behaviour,
  node: { readonly url: string; readonly api: string | undefined },
  onDown: () => void,
): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const port = await freePort();
  const file = join(folder, `${port}.yaml`);
  const password = join(folder, 'password');
  writeFileSync(password, 'admin');
  const asked = node.api === undefined ? {} : { url: node.api, password: { file: password } };
  writeFileSync(
    file,
    JSON.stringify({
      listeners: { in: { bind: `127.0.0.1:${port}`, ...(batch > 1 && { batch: 'whole' }) } },
      pools: {
        p: {
          nodes: { a: { url: node.url } },
          connections: { max: 8 },
          queue: { timeout: '30s' },
          health: { ...HEALTH, ...health, ...asked },
        },
      },
      routes: [{ to: 'p' }],
      telemetry: { log: { level: 'info', messages: false } },
    }),
  );
  const child = launch(main, 'run', '-c', file);
  onLines(child, ({ msg }) => {
    if (msg === 'node down') onDown();
  });
  // The machine may be busy.
  await started('gateway', child, port, 60_000);
  return { child, port };
}

function messageOf(id: string): string {
  return (
    `MSH|^~\\&|LAB|WEST|MIRTH|WEST|20260101120000||ORU^R01|${id}|P|2.5\r` +
    'PID|1||100001^^^WEST||TEST^BENCH||19700101|F\rOBR|1|||GLU\rOBX|1|NM|GLU||5.4|mmol/L|3.9-5.6|N|||F\r'
  );
}

/** What the senders of one run have seen. */
interface Seen {
  sent: number;
  readonly answers: Map<string, string>;
  readonly sentIds: string[];
  readonly latencies: number[];
}

/** One sender: a frame, its answers, the next frame, until the end. Ended without an answer, it goes on with the next one. */
async function sendUntil(end: number, port: number, name: string, batch: number, seen: Seen): Promise<void> {
  let socket: net.Socket | undefined;
  for (let n = 0; performance.now() < end; n++) {
    const ids = Array.from({ length: batch }, (_, i) => `${name}-${n}${batch > 1 ? `.${i}` : ''}`);
    seen.sentIds.push(...ids);
    if (socket === undefined) {
      socket = net.connect({ host: '127.0.0.1', port, noDelay: true });
      socket.on('error', () => {});
    }
    const from = performance.now();
    const answers = await exchange(socket, `\x0b${ids.map(messageOf).join('')}\x1c\r`, ids.length);
    for (const answer of answers) {
      const [, code = '', id = ''] = /MSA\|([^|\r]*)\|([^|\r]*)/.exec(answer) ?? [];
      seen.answers.set(id, code);
    }
    if (answers.length === ids.length) seen.latencies.push(performance.now() - from);
    else {
      socket.destroy();
      socket = undefined;
      await pause(AGAIN_MS);
    }
  }
  socket?.destroy();
}

/** Fewer than `count` where the connection ended, or nothing more came for a minute. */
function exchange(socket: net.Socket, frame: string, count: number): Promise<readonly string[]> {
  return new Promise((resolve) => {
    let text = '';
    const over = (): void => {
      clearTimeout(timer);
      socket.off('data', onData).off('close', over).off('end', over);
      resolve(text.split('\x1c\r').slice(0, -1));
    };
    const onData = (chunk: Buffer): void => {
      text += chunk.toString('latin1');
      if (text.split('\x1c\r').length > count) over();
    };
    const timer = setTimeout(over, 60_000);
    socket.on('data', onData).once('close', over).once('end', over);
    socket.write(frame, 'latin1');
  });
}

async function run(
  behaviour: Behaviour,
  gateway: { readonly name: string; readonly main: string },
): Promise<Row> {
  let down = 0;
  const node = await startNode(behaviour);
  const gateways = await Promise.all(
    Array.from({ length: behaviour.gateways ?? 1 }, () =>
      startGateway(gateway.main, behaviour, node, () => down++),
    ),
  );
  // Some checks first, as a gateway has run for a while.
  await pause(2_500);
  const seen: Seen = { sent: 0, answers: new Map(), sentIds: [], latencies: [] };
  const end = performance.now() + Number(options.seconds) * 1_000;
  await Promise.all(
    Array.from({ length: senders }, (_, s) => {
      const port = gateways[s % gateways.length]?.port ?? 0;
      return sendUntil(end, port, `S${s}`, behaviour.batch ?? 1, seen);
    }),
  );
  // What the node has on its way to its output.
  await pause(QUIET_MS);
  for (const { child } of gateways) await stop(child);
  await stop(node.child);
  return rowOf(behaviour.name, gateway.name, seen, node.record, down);
}

/** As the simulated node says it where it has answered by nothing that is an acknowledgement. */
const isAnswer = (answer: string): boolean => /^[AC][AER]$/.test(answer);

function rowOf(node: string, gateway: string, seen: Seen, record: NodeRecord, down: number): Row {
  let [delivered, lost, twice, notPassed] = [0, 0, 0, 0];
  for (const id of seen.sentIds) {
    const answer = seen.answers.get(id);
    const said = record.get(id) ?? [];
    twice += Math.max(0, said.length - 1);
    if (answer !== undefined && said.includes(answer)) delivered++;
    else lost++;
    if (said.some(isAnswer) && (answer === undefined || !said.includes(answer))) notPassed++;
  }
  const sorted = Float64Array.from(seen.latencies).sort();
  const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN;
  const sent = seen.sentIds.length;
  return { node, gateway, sent, delivered, lost, twice, notPassed, down, p50: at(0.5), p99: at(0.99) };
}

/** A checkout of that revision beside this one, with this one's dependencies. */
function checkout(revision: string): string {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const place = join(folder, 'against');
  const made = spawnSync('git', ['-C', root, 'worktree', 'add', '--detach', place, revision], {
    encoding: 'utf8',
  });
  if (made.status !== 0) throw new Error(`no checkout of ${revision}: ${made.stderr}`);
  symlinkSync(join(root, 'node_modules'), join(place, 'node_modules'));
  return place;
}

function removeCheckout(place: string): void {
  const root = fileURLToPath(new URL('..', import.meta.url));
  spawnSync('git', ['-C', root, 'worktree', 'remove', '--force', place]);
}

let against: string | undefined;
try {
  const gateways = [{ name: 'this', main: MAIN }];
  if (options.against !== undefined) {
    against = checkout(options.against);
    gateways.unshift({ name: options.against, main: join(against, 'src/main.ts') });
  }
  const rows: Row[] = [];
  for (const behaviour of BEHAVIOURS) {
    if (options.only !== undefined && !behaviour.name.includes(options.only)) continue;
    for (const gateway of gateways) {
      const row = await run(behaviour, gateway);
      rows.push(row);
      if (options.json) console.log(JSON.stringify(row));
    }
  }
  if (!options.json) {
    const cells = rows.map((row) => [
      row.node,
      row.gateway,
      ...[row.sent, row.delivered, row.lost, row.twice, row.notPassed, row.down].map(String),
      ...[row.p50, row.p99].map((ms) => ms.toFixed(0)),
    ]);
    const heads = [
      'node',
      'gateway',
      'sent',
      'delivered',
      'lost',
      'twice',
      'not passed',
      'down',
      'p50 ms',
      'p99 ms',
    ];
    console.log(table([heads, ...cells]).join('\n'));
  }
} finally {
  for (const child of running) child.kill('SIGKILL');
  if (against !== undefined) removeCheckout(against);
  rmSync(folder, { recursive: true, force: true });
}
