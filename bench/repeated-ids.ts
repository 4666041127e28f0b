// What `connections.repeatedIds` costs: for messages whose ids differ, by itself and within the whole gateway, and for senders
// that always say the same id. `node bench/repeated-ids.ts`; a minute. Promises: an answer that is wrong ends it.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { table } from '../src/cli/terminal.ts';
import { readHeader } from '../src/hl7/header.ts';
import { RecentIds } from '../src/upstream/mllp/recent-ids.ts';
import { Child } from './child.ts';
import { measureMessages } from './messages.ts';
import { LOCKSTEP, PIPELINED } from './mllp-proxies.ts';
import { controlId, frameOf } from './processes/frames.ts';
import { type GatewayShape, type NodePorts, type ProxyProcess, startGateway } from './proxies.ts';
import { inRounds } from './rounds.ts';
import { Senders } from './senders.ts';

const TIMES = { rounds: 7, warmUpMs: 400, windowMs: 1_000 };
const SAME_ID_MS = 3_000;
const WAYS = ['redial', 'reuse'] as const;

/** Nanoseconds for each message, reading its id included. */
function alone(): number {
  const payloads = Array.from({ length: 512 }, (_, n) => frameOf(controlId(0, n)).subarray(1, -2));
  const run = (count: number, ids: RecentIds | undefined): number => {
    const startedAt = performance.now();
    let repeated = 0;
    for (let i = 0; i < count; i++) {
      const header = readHeader(payloads[i % payloads.length] ?? Buffer.alloc(0));
      if (header.controlId === '') repeated++;
      if (ids === undefined) continue;
      if (ids.wouldRepeat(header)) repeated++;
      ids.add(header);
    }
    if (repeated > 0) throw new Error('the ids are not unique');
    return ((performance.now() - startedAt) / count) * 1e6;
  };
  const count = 1_000_000;
  run(count, new RecentIds());
  run(count, undefined);
  return run(count, new RecentIds()) - run(count, undefined);
}

/** Messages a second of so many senders in lockstep that all say one message again and again. */
async function sameId(gateway: ProxyProcess, senders: number): Promise<number> {
  const frame = frameOf(controlId(0, 0));
  let answered = 0;
  const sockets = await Promise.all(
    Array.from({ length: senders }, async () => {
      const socket = net.connect({ host: '127.0.0.1', port: gateway.port, noDelay: true });
      await once(socket, 'connect');
      socket.on('data', (chunk: Buffer) => {
        if (chunk.at(-2) !== 0x1c) return;
        if (!chunk.includes('MSA|AA')) throw new Error('not accepted');
        answered++;
        socket.write(frame);
      });
      socket.write(frame);
      return socket;
    }),
  );
  const startedAt = performance.now();
  await new Promise((resolve) => setTimeout(resolve, SAME_ID_MS));
  const perSecond = (answered / (performance.now() - startedAt)) * 1_000;
  for (const socket of sockets) socket.destroy();
  return perSecond;
}

const folder = mkdtempSync(join(tmpdir(), 'hl7-bench-'));
const sinks = [new Child('processes/sink.ts'), new Child('processes/sink.ts')];
const senders = new Senders();
const running: ProxyProcess[] = [];
try {
  const ports = await Promise.all(sinks.map((sink) => sink.answer<{ port: number }>()));
  const nodes: NodePorts = [ports[0]?.port ?? 0, ports[1]?.port ?? 0];
  const start = async (shape: GatewayShape): Promise<ProxyProcess> => {
    const gateway = await startGateway(shape, nodes, folder);
    running.push(gateway);
    return gateway;
  };
  console.log(`alone, ids that differ: ${alone().toFixed(0)} ns a message`);
  for (const [shape, load] of [
    [PIPELINED, { connections: 64, pipelining: 8 }],
    [LOCKSTEP, { connections: 64, pipelining: 1 }],
  ] as const) {
    const gateways = [];
    for (const repeatedIds of WAYS) gateways.push(await start({ ...shape, name: repeatedIds, repeatedIds }));
    const all = await inRounds(gateways, TIMES, (one, windowMs) =>
      measureMessages(one, senders, load, TIMES.warmUpMs, windowMs),
    );
    console.log(`\n${shape.name}, ${load.connections} senders x ${load.pipelining}, ids that differ`);
    const rows = [...all].map(([one, it]) => [
      one.name,
      it.micros.toFixed(2),
      it.perSecond.toFixed(0),
      it.p99.toFixed(2),
    ]);
    for (const line of table([['', 'CPU µs', 'messages/s', 'p99 ms'], ...rows])) console.log(line);
  }
  console.log('\nalways the same id, 8 connections to each of two nodes');
  const rows = [];
  for (const repeatedIds of WAYS) {
    const gateway = await start({
      name: repeatedIds,
      max: 8,
      pipelining: 1,
      logMessages: false,
      repeatedIds,
    });
    const [one, many] = [await sameId(gateway, 1), await sameId(gateway, 32)];
    rows.push([repeatedIds, one.toFixed(0), many.toFixed(0)]);
  }
  for (const line of table([['', 'messages/s, 1 sender', '32 senders'], ...rows])) console.log(line);
} finally {
  await Promise.all(running.map((gateway) => gateway.stop()));
  await Promise.all([senders, ...sinks].map((child) => child.stop()));
  rmSync(folder, { recursive: true });
}
