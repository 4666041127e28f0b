// The gateway beside HAProxy: what a message and what a TLS handshake costs each of them.
// Both stand in front of the same two nodes, take turns in rounds, and are told by their median.
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { table } from '../src/cli/terminal.ts';
import { Child } from './child.ts';
import { compareHandshakes, type HandshakeRow, handshakeTable, measureHandshakes } from './handshakes.ts';
import { startHttpGateway } from './http-proxies.ts';
import {
  compareMessages,
  LOADS,
  LOCKSTEP,
  type MessageRow,
  measureMessages,
  messageTable,
  PIPELINED,
} from './messages.ts';
import { PROFILE_MS, topFunctions } from './profile.ts';
import { haproxyVersion, hasHaproxy, type NodePorts, startGateway } from './proxies.ts';
import { compareRequests, HTTP_LOADS, measureRequests, type RequestRow, requestTable } from './requests.ts';
import { mainOf } from './revision.ts';
import { FULL, QUICK } from './rounds.ts';
import { makeTlsFiles } from './tls-files.ts';
import { compareTraces, profileTraces, type TraceRow, traceTable } from './traces.ts';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    tls: { type: 'boolean', default: false },
    http: { type: 'boolean', default: false },
    traces: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    /** A revision of this repository that is measured in the same rounds, plain MLLP only. */
    against: { type: 'string' },
  },
});

/** Full: five minutes, three with `--tls`. Quick: under a minute, so of TLS only the ends of the scale. */
const times = options.quick ? QUICK : FULL;
const tlsLoads = options.quick
  ? LOADS.filter(({ connections, pipelining }) => (connections === 64) === (pipelining === 8))
  : LOADS;
const kinds = options.quick ? (['full'] as const) : (['full', 'resumed'] as const);

async function show<T extends MessageRow | HandshakeRow | RequestRow | TraceRow>(
  title: string,
  rows: AsyncIterable<T>,
  tabled: (rows: readonly T[]) => string[][],
): Promise<void> {
  const all: T[] = [];
  for await (const row of rows) {
    all.push(row);
    if (options.json) console.log(JSON.stringify(row));
    else if (process.stderr.isTTY) process.stderr.write('.');
  }
  if (options.json) return;
  if (process.stderr.isTTY) process.stderr.write('\n');
  console.log(`\n${title}`);
  for (const line of table(tabled(all))) console.log(line);
}

async function compareRevisions(
  senders: Child,
  nodes: NodePorts,
  folder: string,
  revision: string,
): Promise<void> {
  const against = { revision, main: mainOf(revision, folder) };
  await show(
    'Messages',
    compareMessages(senders, nodes, folder, LOADS, times, undefined, against),
    messageTable,
  );
}

async function compare(senders: Child, shakers: Child, nodes: NodePorts, folder: string): Promise<void> {
  if (!options.tls)
    await show('Messages', compareMessages(senders, nodes, folder, LOADS, times), messageTable);
  const ec = makeTlsFiles('ec-p256', folder);
  const rsa = makeTlsFiles('rsa-2048', folder);
  const messages = compareMessages(senders, nodes, folder, tlsLoads, times, ec);
  await show('Messages over TLS 1.3, TLS_AES_256_GCM_SHA384', messages, messageTable);
  const certificates = { 'EC P-256': ec, 'RSA 2048': rsa };
  const handshakes = compareHandshakes(shakers, nodes, folder, certificates, kinds, times);
  await show('TLS 1.3 handshakes, X25519', handshakes, handshakeTable);
}

async function profile(senders: Child, shakers: Child, nodes: NodePorts, folder: string): Promise<void> {
  const kept = mkdtempSync(join(tmpdir(), 'hl7-gateway-profile-'));
  const files = options.tls ? makeTlsFiles('ec-p256', folder) : undefined;
  const over = files === undefined ? {} : { caPem: files.caPem };
  for (const [shape, load] of [
    [PIPELINED, { connections: 64, pipelining: 8 }],
    [LOCKSTEP, { connections: 64, pipelining: 1 }],
    ...(options.tls ? [[LOCKSTEP, undefined] as const] : []),
  ] as const) {
    const at = join(kept, `pipelining-${shape.pipelining}${load === undefined ? '-handshakes' : ''}`);
    const nodeOptions = ['--cpu-prof', `--cpu-prof-dir=${at}`];
    const gateway = await startGateway(shape, nodes, folder, { files, nodeOptions });
    if (load !== undefined) {
      await measureMessages(gateway, senders, { ...load, ...over }, times.warmUpMs, PROFILE_MS);
      console.log(
        `${shape.name}, ${load.connections} senders x ${load.pipelining}${options.tls ? ', TLS' : ''}`,
      );
    } else if (files !== undefined) {
      const order = { caPem: files.caPem, resume: false };
      await measureHandshakes(gateway, shakers, order, times.warmUpMs, PROFILE_MS);
      console.log('gateway, full handshakes with an EC key');
    }
    await gateway.stop();
    console.log(`self time; profile in ${at}`);
    for (const line of topFunctions(at, 15)) console.log(line);
  }
}

async function compareHttp(folder: string): Promise<void> {
  const children = [
    new Child('./processes/http-sink.ts'),
    new Child('./processes/http-sink.ts'),
    new Child('./processes/http-load.ts'),
  ] as const;
  const [one, other, clients] = children;
  try {
    const [first, second] = await Promise.all([
      one.answer<{ port: number }>(),
      other.answer<{ port: number }>(),
    ]);
    const at: NodePorts = [first.port, second.port];
    if (options.profile) await profileHttp(clients, at, folder);
    else await show('HTTP/1.1 requests', compareRequests(clients, at, folder, times), requestTable);
  } finally {
    for (const child of children) await child.stop();
  }
}

async function profileHttp(clients: Child, nodes: NodePorts, folder: string): Promise<void> {
  const kept = mkdtempSync(join(tmpdir(), 'hl7-gateway-profile-'));
  for (const load of HTTP_LOADS) {
    const at = join(kept, load.request);
    const gateway = await startHttpGateway(nodes, folder, ['--cpu-prof', `--cpu-prof-dir=${at}`]);
    await measureRequests(gateway, clients, load, times.warmUpMs, PROFILE_MS);
    await gateway.stop();
    console.log(`${load.name}: self time; profile in ${at}`);
    for (const line of topFunctions(at, 15)) console.log(line);
  }
}

const folder = mkdtempSync(join(tmpdir(), 'hl7-gateway-bench-'));
const children = [
  new Child('./processes/sink.ts'),
  new Child('./processes/sink.ts'),
  new Child('./processes/load.ts'),
  new Child('./processes/handshake-load.ts'),
] as const;
const [a, b, senders, shakers] = children;
try {
  const [first, second] = await Promise.all([a.answer<{ port: number }>(), b.answer<{ port: number }>()]);
  const nodes: NodePorts = [first.port, second.port];
  if (!options.json) {
    const { node, openssl } = process.versions;
    console.log(
      `Node.js ${node} (OpenSSL ${openssl}), ${availableParallelism()} cores, messages of 600 bytes, loopback`,
    );
    console.log(
      hasHaproxy
        ? `HAProxy ${haproxyVersion()}`
        : 'HAProxy is not installed: it is left out, and so are the ratios',
    );
  }
  if (options.against !== undefined) await compareRevisions(senders, nodes, folder, options.against);
  else if (options.http) await compareHttp(folder);
  else if (options.traces && options.profile)
    await profileTraces(senders, nodes, folder, mkdtempSync(join(tmpdir(), 'hl7-gateway-profile-')), times);
  else if (options.traces)
    await show('Traces and logs', compareTraces(senders, nodes, folder, times), traceTable);
  else await (options.profile ? profile : compare)(senders, shakers, nodes, folder);
  const isAll = !options.http && !options.tls && !options.profile && !options.traces;
  if (isAll && options.against === undefined) await compareHttp(folder);
} finally {
  for (const child of children) await child.stop();
  rmSync(folder, { recursive: true });
}
