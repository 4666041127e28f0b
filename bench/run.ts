// The benchmark: `npm run bench`. Makes the tables of docs/benchmarks.md, each a part that can be run by itself.
// Promises: ends with 1, and says what was wrong, where an answer was wrong, missing or surplus.
import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { table } from '../src/cli/terminal.ts';
import { hasNginx, hasNginxStream, nginxVersion } from './nginx.ts';
import {
  type Against,
  cellsOf,
  type Group,
  markdownOf,
  measureGroup,
  type Part,
  type Row,
  withRevision,
} from './part.ts';
import { tcpPart } from './parts/connections.ts';
import { handshakesPart } from './parts/handshakes.ts';
import { idlePart } from './parts/idle.ts';
import { latencyPart } from './parts/latency.ts';
import { httpPart } from './parts/requests.ts';
import { spoolPart } from './parts/spool.ts';
import { startPart } from './parts/start.ts';
import { tracesPart } from './parts/traces.ts';
import { nodesPart, peersPart, routesPart, sendersPart, sizesPart, tlsPart } from './parts/workloads.ts';
import { PROFILE_MS, topFunctions } from './profile.ts';
import { haproxyVersion, hasHaproxy } from './proxies.ts';
import { mainOf } from './revision.ts';
import { Room, type Scale } from './room.ts';

/** By option, in the order in which they are run. */
const PARTS: Readonly<Record<string, readonly ((room: Room) => Part)[]>> = {
  senders: [sendersPart],
  sizes: [sizesPart],
  nodes: [nodesPart],
  routes: [routesPart],
  peers: [peersPart],
  tls: [tlsPart, handshakesPart],
  http: [httpPart],
  tcp: [tcpPart],
  traces: [tracesPart],
  latency: [latencyPart],
  idle: [idlePart],
  start: [startPart],
  spool: [spoolPart],
};

const HELP = `npm run bench -- [PARTS] [OPTIONS]: the gateway beside HAProxy and others, on this machine

Parts; without any, all of them:
  --senders    1 to 5,000 senders, 1 and 8 messages outstanding
  --sizes      messages of 300 B to 8 MB, and pauses of the event loop
  --nodes      1, 2 and 20 nodes
  --routes     1, 100 and 5,000 routes
  --peers      relays that a Node.js user would build
  --tls        TLS from the senders, and handshakes
  --http       HTTP/1.1 requests
  --tcp        TCP connections that are passed on as they are
  --traces     traces and the message log
  --latency    what is added to a round trip, open loop
  --idle       memory of 10,000 idle senders
  --start      from the start of the process to the first connection
  --spool      messages stored with fsync, beside SQLite alone

Options:
  --against REV  another revision of the gateway in the same rounds; without parts, --senders
  --only LABEL   groups of rows with that label alone: --sizes --only '8 MB'
  --quick        fewer rows, measured for a shorter time: coarse
  --smoke        one or two rows of each part, to see that it runs; its figures mean nothing
  --json         a JSON line for each row
  --markdown     tables as docs/benchmarks.md has them
  --profile      the gateway's own profile of each row instead: functions by self time; without parts, --senders
  --help         this text
`;

const flag = { type: 'boolean', default: false } as const;
const { values: options } = parseArgs({
  options: {
    ...Object.fromEntries(Object.keys(PARTS).map((name) => [name, flag])),
    quick: flag,
    smoke: flag,
    json: flag,
    markdown: flag,
    profile: flag,
    help: flag,
    against: { type: 'string' },
    only: { type: 'string' },
  },
});

function commandOf(part: string): string {
  return `npm run bench -- --${part}${options.against === undefined ? '' : ` --against ${options.against}`}`;
}

function machine(): string[] {
  const { node, openssl } = process.versions;
  const { stdout } = spawnSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' });
  const balancers = [
    hasHaproxy
      ? `HAProxy ${haproxyVersion()}`
      : 'HAProxy is not installed: it is left out, and so are the ratios',
    hasNginx ? `nginx ${nginxVersion()}` : 'nginx is not installed: it is left out',
    ...(hasNginx && !hasNginxStream
      ? ['nginx’s stream module (libnginx-mod-stream) is not installed: it is left out']
      : []),
  ];
  return [
    `Node.js ${node} (OpenSSL ${openssl}), ${balancers.join(', ')}, ${availableParallelism()} cores, loopback, revision ${stdout.trim()}, ${new Date().toISOString().slice(0, 10)}`,
    `Medians of ${room.times.rounds} rounds of ${room.times.windowMs} ms; in brackets the lowest and the highest`,
  ];
}

function show(option: string, part: Part, rows: readonly Row[]): void {
  if (options.markdown) {
    console.log(`\n\`${commandOf(option)}\`. ${part.title}.\n`);
    for (const line of markdownOf(part, rows)) console.log(line);
  } else {
    console.log(`\n${part.title}`);
    for (const line of table(cellsOf(part, rows))) console.log(line);
  }
  for (const { proxy, labels, wrong } of rows)
    if (wrong !== undefined) console.log(`${Object.values(labels).join(', ')}: ${wrong} (${proxy})`);
}

/** Those that are asked for. */
async function groupsOf(part: Part): Promise<readonly Group[]> {
  const { only } = options;
  const groups = await part.groups();
  return only === undefined
    ? groups
    : groups.filter(({ entries }) => entries.some(({ labels }) => labels.includes(only)));
}

/** Rows whose failure is one of the run. */
async function measure(option: string, part: Part, against: Against | undefined): Promise<Row[]> {
  const rows: Row[] = [];
  const groups = await groupsOf(part);
  if (groups.length === 0) return rows;
  for (const group of groups) {
    const entries = withRevision(group.entries, against);
    const measured = await measureGroup(part, { ...group, entries }, room.times);
    rows.push(...measured);
    if (options.json) for (const row of measured) console.log(JSON.stringify(row));
    else if (process.stderr.isTTY) process.stderr.write('.');
  }
  if (process.stderr.isTTY && !options.json) process.stderr.write('\n');
  if (!options.json) show(option, part, rows);
  return rows.filter(({ isFailure }) => isFailure === true);
}

async function profile(part: Part): Promise<void> {
  const kept = mkdtempSync(join(tmpdir(), 'hl7-gateway-profile-'));
  let count = 0;
  for (const group of await groupsOf(part)) {
    group.begin?.();
    for (const entry of group.entries.filter(({ isGateway }) => isGateway === true)) {
      const at = join(kept, String(count++));
      const proxy = await entry.start({ nodeOptions: ['--cpu-prof', `--cpu-prof-dir=${at}`] });
      try {
        await entry.measure(proxy, PROFILE_MS);
      } finally {
        await proxy.stop();
      }
      console.log(
        `\n${part.name}: ${[...entry.labels, entry.proxy].join(', ')}: self time; profile in ${at}`,
      );
      for (const line of topFunctions(at, 20)) console.log(line);
    }
  }
}

if (options.help === true) {
  process.stdout.write(HELP);
  process.exit();
}
// So that what is done at the end is done: proxies are ended.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
const scale: Scale = options.smoke === true ? 'smoke' : options.quick === true ? 'quick' : 'full';
const room = new Room(scale);
const chosen = Object.keys(PARTS).filter((name) => Reflect.get(options, name) === true);
const isNarrow = options.against !== undefined || options.profile === true;
const run = chosen.length > 0 ? chosen : isNarrow ? ['senders'] : Object.keys(PARTS);
const failures: Row[] = [];
try {
  const against = options.against && {
    revision: options.against,
    main: mainOf(options.against, room.folder),
  };
  if (options.json !== true) for (const line of machine()) console.log(line);
  for (const name of run)
    for (const partOf of PARTS[name] ?? []) {
      const part = partOf(room);
      if (options.profile === true) await profile(part);
      else failures.push(...(await measure(name, part, against || undefined)));
    }
} finally {
  await room.stop();
}
for (const { part, labels, proxy, wrong } of failures)
  console.error(`FAILED: ${part}, ${[...Object.values(labels), proxy].join(', ')}: ${wrong}`);
if (failures.length > 0) process.exitCode = 1;
