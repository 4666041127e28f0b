// Hundreds of reloads under load, in one process: no config, pool, node, listener or timer of an earlier one is left behind.
import { createHook } from 'node:async_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { Gateway } from '../../src/gateway.ts';
import { createLog } from '../../src/observe/log/log.ts';
import { request } from '../faults/http-room.ts';
import { said } from '../helpers/expect-relay.ts';
import { type FaultyNode, startFaultyNode } from '../helpers/faulty-node.ts';
import { message } from '../helpers/mllp.ts';
import { connectClient } from '../helpers/raw-http-client.ts';
import { type RawNode, startRawNode } from '../helpers/raw-http-node.ts';
import { connectSender } from '../helpers/sender.ts';
import { turns, until } from '../helpers/until.ts';
import { allTo, poolOf } from './room.ts';

const RELOADS = 500;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Each differs from the one before in every kind of thing that a gateway makes of a config. */
function configAt(at: number, nodes: readonly FaultyNode[], web: RawNode): string {
  const url = nodes[at % nodes.length]?.url ?? '';
  const sticky = { by: ['MSH-3'], mode: at % 2 === 0 ? 'hash' : 'table' };
  const whole = poolOf([url], {
    persistence: sticky,
    ordering: at % 3 === 0 ? 'key' : 'connection',
    connections: { max: 1, pipelining: 1 + (at % 2), settle: 0 },
    timeouts: { ack: `${20 + (at % 5)}s` },
    // On a busy machine a reload takes a node away before it has been dialled, again and again.
    queue: { timeout: '60s' },
    health: { type: 'tcp', interval: `${1 + (at % 7)}h` },
  });
  // It stays for some reloads, with other nodes, and is another one then.
  return allTo(`pool${Math.trunc(at / 40) % 3}`, whole, (config) => {
    config.telemetry = { log: { level: 'silent' } };
    config.pools.web = { nodes: { [`w${at % 3}`]: { url: web.url } }, health: { type: 'none' } };
    // It has nodes of another protocol from one reload to the next.
    config.pools.changing = { nodes: { a: { url: at % 2 === 0 ? url : web.url } }, health: { type: 'none' } };
    config.listeners[`web${at % 2}`] = { protocol: 'http', bind: '127.0.0.1:0' };
    const limits = { maxPending: 10 + (at % 3) };
    Object.assign(config.listeners.in ?? {}, { limits });
    config.routes.unshift({ name: `web ${at}`, when: { listener: `web${at % 2}` }, to: 'web' });
    config.routes.unshift({ name: `never ${at}`, when: { 'MSH-9.1': `N${at}` }, to: 'changing' });
  });
}

/** Everything that the config in force is made of, and what the gateway has made of it. */
function partsOf(gateway: Gateway): object[] {
  const { config, pools, listeners } = gateway;
  const rooms = [...pools.runtimes.values()];
  return [
    config,
    ...config.pools,
    ...config.routes,
    ...config.listeners,
    ...listeners,
    ...rooms,
    ...rooms.map(({ queue }) => queue),
    ...rooms.flatMap(({ httpPool }) => (httpPool === undefined ? [] : [httpPool])),
    ...rooms.flatMap(({ nodes }) => nodes),
  ];
}

/** Timers that are there, also those that keep no process alive. */
function watchTimers(): { readonly count: number; stop(): void } {
  const live = new Set<number>();
  const hook = createHook({
    init: (id, type) => void (type === 'Timeout' && live.add(id)),
    destroy: (id) => void live.delete(id),
  }).enable();
  return {
    get count() {
      return live.size;
    },
    stop: () => void hook.disable(),
  };
}

test('F46 nothing of an earlier config is left', { timeout: 120_000 }, async () => {
  const nodes = [await startFaultyNode(), await startFaultyNode()];
  await using web = await startRawNode();
  const load = (at: number) => parseConfig(configAt(at, nodes, web), { env: {} }).config;
  const log = createLog({ level: 'silent', format: 'json' });
  const gateway = new Gateway(load(0), log);
  await gateway.start();
  const port = gateway.listeners.find(({ name }) => name === 'in')?.port ?? 0;
  const senders = [await connectSender(port), await connectSender(port)];
  const timers = watchTimers();
  const seen: WeakRef<object>[] = [];
  let sent = 0;
  const reload = async (at: number): Promise<void> => {
    for (const [s, sender] of senders.entries())
      void sender.sendTogether([1, 2].map((i) => message({ app: `S${s}`, controlId: `${at}-${i}` })));
    sent += 2;
    await turns(at % 3);
    await gateway.reload(load(at));
    seen.push(...partsOf(gateway).map((part) => new WeakRef(part)));
    if (at % 25 !== 0) return;
    await using client = await connectClient(
      gateway.listeners.find(({ name }) => name.startsWith('web'))?.port ?? 0,
    );
    await client.send(request('GET / HTTP/1.1'));
    expect((await client.response(0)).status).toBe(200);
  };
  /** All that was sent is answered, and pools and listeners that are gone have ended. */
  const settle = async (): Promise<void> => {
    await until(() => senders.every(({ acks }) => acks.length === sent), { deadlineMs: 60_000 });
    await until(() => !gateway.pools.isBusy);
  };
  const left = (): number => {
    collect();
    const current = new Set(partsOf(gateway));
    return seen.filter((ref) => {
      const part = ref.deref();
      return part !== undefined && !current.has(part);
    }).length;
  };

  for (let at = 1; at <= 8; at++) await reload(at);
  await settle();
  await until(() => left() === 0, { deadlineMs: 15_000, what: 'what 8 reloads have left to be gone' });
  const before = timers.count;
  for (let at = 9; at <= RELOADS; at++) await reload(at);
  await settle();
  await until(() => left() === 0, {
    deadlineMs: 15_000,
    what: `what ${RELOADS} reloads have left to be gone`,
  });
  // Some come and go with messages and checks; one for each reload would be hundreds.
  await until(() => timers.count <= before + 10, { what: `timers to be ${before} or a few more` });
  timers.stop();
  for (const { acks } of senders) expect(new Set(acks.map(said)).size).toBe(sent);
  for (const sender of senders) await sender[Symbol.asyncDispose]();
  await gateway.stop();
  for (const node of nodes) await node.close();
});
