// How long a straight message's way is, in calls, and what it leaves to the garbage collector. `node bench/way.ts`
//
// Straight: over MLLP, no sticky key, one route with a condition, a connection to the node open and free. This process runs the
// gateway alone; sender and node are a process of their own.
// Calls: one message, with a stack trace where the writer of a socket is given it, and at the handle's write. Frames of the product
// are counted (no Node.js, no bench): from the socket's data to the writer's own, and those of the flush that writes what the turn of
// the event loop has gathered.
// Garbage: `total_allocated_bytes` of V8's heap statistics before and after 40,000 messages of 600 bytes from 8 senders, one
// outstanding each, after 40,000 to warm up; Node.js' own part (sockets, buffers) is in it. `--sites` lists where it is made,
// `--trace` prints the frames. `--messages N`: with what the admin API is told of each message, the last N of which it keeps.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Session } from 'node:inspector/promises';
import net, { type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { getHeapStatistics } from 'node:v8';

const MESSAGES = 40_000;
const SENDERS = 8;
const MESSAGE_BYTES = 600;
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FRAME_END = Buffer.from([0x1c, 0x0d]);

interface Order {
  readonly port: number;
  readonly senders: number;
  readonly messages: number;
}

if (process.send === undefined) await measure();
else await speak();

async function measure(): Promise<void> {
  const { values } = parseArgs({
    options: { sites: { type: 'boolean' }, trace: { type: 'boolean' }, messages: { type: 'string' } },
  });
  const writes = await watchWrites();
  const peers = fork(fileURLToPath(import.meta.url), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const [nodePort] = (await once(peers, 'message')) as [number];
  const { gateway, port } = await startGateway(nodePort, values.messages);
  const run = (senders: number, messages: number): Promise<unknown> =>
    order(peers, { port, senders, messages });

  await run(1, 20);
  writes.on = true;
  await run(1, 1);
  writes.on = false;
  writes.stop();
  const down = writes.ways.find(({ text }) => !text.includes('\rMSA|'));
  const up = writes.ways.find(({ text }) => text.includes('\rMSA|'));
  if (down === undefined || up === undefined) throw new Error('no way was seen');

  await run(SENDERS, MESSAGES);
  const session = values.sites === true ? await sampleHeap() : undefined;
  const before = getHeapStatistics().total_allocated_bytes;
  await run(SENDERS, MESSAGES);
  const bytes = (getHeapStatistics().total_allocated_bytes - before) / MESSAGES;
  console.log('| a straight message | calls to the writer | and of its flush | bytes of garbage |');
  console.log('| --- | --- | --- | --- |');
  console.log(
    `| down: sender's data to the node's socket | ${down.handOver.length} | ${down.flush.length} | |`,
  );
  console.log(`| up: node's data to the sender's socket | ${up.handOver.length} | ${up.flush.length} | |`);
  console.log(`| both | | | ${Math.round(bytes).toLocaleString('en')} |`);
  if (values.trace === true)
    for (const [name, way] of Object.entries({ down, up }))
      console.log(`\n${name}:\n${[...way.handOver, '(later in the turn)', ...way.flush].join('\n')}`);
  if (session !== undefined) await printSites(session);
  peers.disconnect();
  await gateway.stop();
}

async function order(peers: ChildProcess, wanted: Order): Promise<void> {
  const done = once(peers, 'message');
  peers.send(wanted);
  await done;
}

async function startGateway(nodePort: number, messages: string | undefined) {
  const { parseConfig } = await import('../src/config/load.ts');
  const { createLog } = await import('../src/observe/log/log.ts');
  const { Gateway } = await import('../src/gateway.ts');
  const admin = messages === undefined ? '' : `admin: { token: of-this-bench-only, messages: ${messages} }\n`;
  const { config } = parseConfig(
    `${admin}listeners: { in: { bind: "127.0.0.1:0" } }
routes: [{ name: results, when: { MSH-9.1: ORU }, to: pool }]
pools:
  pool: { nodes: { a: { url: "mllp://127.0.0.1:${nodePort}" } }, connections: { max: 8 }, health: { type: none } }
telemetry: { log: { level: warn, messages: false } }`,
    { env: {} },
  );
  const log = createLog(config.log);
  const { GatewayControl } = await import('../src/admin/gateway-control.ts');
  const observers = messages === undefined ? [] : new GatewayControl(() => gateway, '', log).observers;
  const gateway: InstanceType<typeof Gateway> = new Gateway(config, log, { observers });
  await gateway.start();
  return { gateway, port: gateway.listeners[0]?.port ?? 0 };
}

interface Way {
  readonly text: string;
  /** Frames of the product, the innermost first. */
  readonly handOver: readonly string[];
  readonly flush: readonly string[];
}

interface TcpHandle {
  writeBuffer(request: unknown, bytes: Uint8Array): number;
}

async function watchWrites(): Promise<{ on: boolean; readonly ways: Way[]; stop(): void }> {
  const { CoalescingWriter } = await import('../src/mllp/coalescing-writer.ts');
  const writer: { write(bytes: Buffer): void } = CoalescingWriter.prototype;
  // What the product's wire writes by (src/mllp/wire/node-handles.ts).
  const wrap: { TCP: { prototype: TcpHandle } } = Reflect.apply(
    Reflect.get(process, 'binding') as (name: string) => never,
    process,
    ['tcp_wrap'],
  );
  const { prototype } = wrap.TCP;
  const { writeBuffer } = prototype;
  const { write } = writer;
  const stop = (): void => {
    prototype.writeBuffer = writeBuffer;
    writer.write = write;
  };
  const watch = { on: false, ways: [] as Way[], stop };
  let handOver: readonly string[] = [];
  writer.write = function (this: unknown, bytes: Buffer): void {
    if (watch.on) handOver = ['CoalescingWriter.write', ...productFrames()];
    Reflect.apply(write, this, [bytes]);
  };
  prototype.writeBuffer = function (this: TcpHandle, request: unknown, bytes: Uint8Array): number {
    if (watch.on && bytes.length > 0)
      watch.ways.push({ text: Buffer.from(bytes).toString(), handOver, flush: productFrames() });
    return Reflect.apply(writeBuffer, this, [request, bytes]);
  };
  return watch;
}

function productFrames(): string[] {
  Error.stackTraceLimit = 100;
  const { stack = '' } = new Error('way');
  return stack
    .split('\n')
    .filter((line) => line.includes(ROOT) && !line.includes('/node_modules/') && !line.includes('/bench/'))
    .map((line) => line.trim().replace(`file://${ROOT}`, ''));
}

async function sampleHeap(): Promise<Session> {
  const session = new Session();
  session.connect();
  await session.post('HeapProfiler.startSampling', {
    samplingInterval: 4096,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  });
  return session;
}

async function printSites(session: Session): Promise<void> {
  const { profile } = await session.post('HeapProfiler.stopSampling');
  const sizes = new Map<string, number>();
  const stack = [profile.head];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    const { functionName, url, lineNumber } = node.callFrame;
    const name = `${functionName || '(anonymous)'} ${url.replace(`file://${ROOT}`, '')}:${lineNumber + 1}`;
    sizes.set(name, (sizes.get(name) ?? 0) + node.selfSize);
    stack.push(...node.children);
  }
  const largest = [...sizes].sort(([, one], [, other]) => other - one).slice(0, 40);
  console.log('\nbytes a message (sampled)');
  for (const [name, size] of largest)
    console.log(`${String(Math.round(size / MESSAGES)).padStart(6)}  ${name}`);
}

/** Sender and node. */
async function speak(): Promise<void> {
  const node = net.createServer((socket) => {
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      let acks = '';
      let from = 0;
      for (let to = chunk.indexOf(FRAME_END); to >= 0; to = chunk.indexOf(FRAME_END, from)) {
        const id = idIn(chunk.subarray(from, to));
        acks += `\x0bMSH|^~\\&|N|F|S|F|2026||ACK|${id}|P|2.5\rMSA|AA|${id}\r\x1c\r`;
        from = to + FRAME_END.length;
      }
      socket.write(acks, 'latin1');
    });
  });
  node.listen(0, '127.0.0.1');
  await once(node, 'listening');
  process.send?.((node.address() as AddressInfo).port);
  process.on('disconnect', () => process.exit());
  for await (const [{ port, senders, messages }] of onOrders()) {
    await Promise.all(Array.from({ length: senders }, (_, i) => send(port, i, messages / senders)));
    process.send?.('done');
  }
}

async function* onOrders(): AsyncGenerator<[Order]> {
  for (;;) yield (await once(process, 'message')) as [Order];
}

function idIn(message: Buffer): string {
  return message.toString('latin1', 0, 120).split('|')[9] ?? '';
}

async function send(port: number, sender: number, messages: number): Promise<void> {
  const socket = net.connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  await once(socket, 'connect');
  let sent = 0;
  const next = (): void => {
    sent++;
    const head = `\x0bMSH|^~\\&|LAB${sender}|F|GW|F|20261130||ORU^R01|S${sender}-${sent}|P|2.5\r`;
    socket.write(`${head}OBX|1|TX|||${'x'.repeat(MESSAGE_BYTES - head.length - 16)}\r\x1c\r`, 'latin1');
  };
  await new Promise<void>((resolve) => {
    socket.on('data', (chunk) => {
      if (chunk.at(-1) !== 0x0d) return;
      if (sent === messages) resolve();
      else next();
    });
    next();
  });
  socket.end();
  await once(socket, 'close');
}
