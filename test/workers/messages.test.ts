// Messages over several processes: each is answered on its connection, what is one is one, and a process that dies takes nothing along
// but its own connections.
import { renameSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Record as SendRecord, sendInLockstep } from '../e2e/lockstep.ts';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { message, msaOf } from '../helpers/mllp.ts';
import { connectSender, type Sender } from '../helpers/sender.ts';
import { gate, turns, until } from '../helpers/until.ts';
import { isRunning, startSeveral, TOKEN } from './several.ts';

const NO_CHECKS = { health: { interval: '1h', fastInterval: '1h' } };
const LONG = { deadlineMs: 20_000 };

function configOf(nodes: object, more: { pool?: object; listener?: object; top?: object } = {}) {
  return {
    listeners: { in: { bind: '127.0.0.1:0', ...more.listener } },
    pools: { pool: { nodes, ...NO_CHECKS, ...more.pool } },
    routes: [{ name: 'all', to: 'pool' }],
    ...more.top,
  };
}

async function connectAll(port: number, count: number): Promise<Sender[]> {
  return Promise.all(Array.from({ length: count }, () => connectSender(port)));
}

function idOf(ack: Buffer): string {
  const msa = msaOf(ack);
  return `${msa?.code} ${msa?.controlId}`;
}

test('senders are spread over the workers, each is answered, and metrics and reports are of all', async () => {
  await using node = await startFaultyNode();
  await using gateway = await startSeveral(configOf({ a: { url: node.url } }));
  const senders = await connectAll(gateway.port, 6);
  for (const [i, sender] of senders.entries())
    for (let n = 0; n < 3; n++)
      expect(idOf(await sender.exchange(message({ controlId: `S${i}-${n}` })))).toBe(`AA S${i}-${n}`);
  expect((await gateway.workers()).map(({ connections }) => connections)).toEqual([3, 3]);
  const counted = await gateway.metric('hl7_gateway_messages_total');
  expect(counted.get('listener="in",route="all",pool="pool",node="a",outcome="accepted"')).toBe(18);
  expect((await gateway.metric('hl7_gateway_sender_connections')).get('listener="in"')).toBe(6);
  expect((await gateway.metric('hl7_gateway_ack_seconds_count')).get('pool="pool",node="a"')).toBe(18);
  expect((await gateway.metric('hl7_gateway_node_answers_total')).get('pool="pool",node="a",code="AA"')).toBe(
    18,
  );
  expect((await gateway.metric('hl7_gateway_workers')).get('')).toBe(2);
  expect(await gateway.json('/routes')).toMatchObject([{ route: 'all', messages: 18 }]);
  expect(await gateway.json('/senders')).toMatchObject({ total: 6 });
  expect(await gateway.json('/nodes')).toMatchObject([{ node: 'a', state: 'up', answers: { AA: 18 } }]);
  // Lines of workers say whose they are, and each is whole: the child's lines are parsed.
  const lines = () => gateway.lines.filter(({ msg }) => msg === 'message');
  await until(() => lines().length === 18, LONG);
  expect(new Set(lines().map(({ worker }) => worker))).toEqual(new Set([1, 2]));
  for (const sender of senders) await sender.end();
  gateway.kill('SIGTERM');
  expect(await gateway.exited).toEqual({ code: 0, signal: null });
});

test('SIGTERM drains all workers at a message boundary: what is with a node is answered', async () => {
  const hold = gate();
  await using node = await startFaultyNode(answers.after(hold));
  await using gateway = await startSeveral(configOf({ a: { url: node.url } }));
  const senders = await connectAll(gateway.port, 4);
  for (const [i, sender] of senders.entries()) void sender.send(message({ controlId: `D${i}` }));
  await node.received(4, LONG.deadlineMs);
  gateway.kill('SIGTERM');
  await until(() => gateway.lines.filter(({ msg }) => msg === 'draining').length === 3, LONG);
  await expect(connectSender(gateway.port)).rejects.toThrow();
  hold.open();
  for (const [i, sender] of senders.entries())
    expect(idOf(await sender.nextAck(LONG.deadlineMs))).toBe(`AA D${i}`);
  expect(await gateway.exited).toEqual({ code: 0, signal: null });
});

test('a worker that is killed takes its own connections along and no others, and another takes its place', async () => {
  const hold = gate();
  await using node = await startFaultyNode(answers.after(hold));
  await using gateway = await startSeveral(configOf({ a: { url: node.url } }));
  const senders = await connectAll(gateway.port, 4);
  for (const [i, sender] of senders.entries()) void sender.send(message({ controlId: `K${i}` }));
  await node.received(4, LONG.deadlineMs);
  const [first] = await gateway.workers();
  process.kill(first?.pid ?? 0, 'SIGKILL');
  const gone: Sender[] = [];
  await until(() => senders.filter(({ ended }) => ended).length === 2, LONG);
  for (const sender of senders) if (sender.ended) gone.push(sender);
  // Nothing was acknowledged that no node has acknowledged.
  for (const { acks } of gone) expect(acks).toEqual([]);
  hold.open();
  const left = senders.filter((sender) => !gone.includes(sender));
  for (const sender of left) expect(idOf(await sender.nextAck(LONG.deadlineMs))).toMatch(/^AA K\d$/);
  await gateway.line(({ msg }) => msg === 'a worker has ended, and its connections with it', 'its end');
  await until(async () => (await gateway.workers()).length === 2, LONG);
  expect((await gateway.workers()).map(({ pid }) => pid)).not.toContain(first?.pid);
  expect((await gateway.metric('hl7_gateway_worker_restarts_total')).get('')).toBe(1);
  // It carries messages, with as many connections to the node as before.
  const more = await connectAll(gateway.port, 4);
  for (const [i, sender] of more.entries())
    expect(idOf(await sender.exchange(message({ controlId: `M${i}` }), LONG.deadlineMs))).toBe(`AA M${i}`);
});

test('a worker that is killed again and again under load: no message is answered wrongly, none is delivered twice', async () => {
  await using node = await startFaultyNode();
  await using gateway = await startSeveral(
    configOf({ a: { url: node.url } }, { top: { telemetry: { log: { messages: false } } } }),
  );
  const records: SendRecord[] = Array.from({ length: 6 }, () => ({
    acked: [],
    unanswered: [],
    wrong: [],
    resets: [],
  }));
  let done = false;
  const sending = records.map((record, i) => sendInLockstep(gateway.port, `R${i}`, record, () => done));
  const acked = (): number => records.reduce((sum, one) => sum + one.acked.length, 0);
  for (let round = 0; round < 2; round++) {
    const before = acked();
    await until(() => acked() > before + 50, LONG);
    const [one] = await gateway.workers();
    process.kill(one?.pid ?? 0, 'SIGKILL');
    await until(async () => (await gateway.workers()).every(({ pid }) => pid !== one?.pid), LONG);
    await until(async () => (await gateway.workers()).length === 2, LONG);
  }
  const before = acked();
  await until(() => acked() > before + 50, LONG);
  done = true;
  await Promise.all(sending);
  for (const { wrong } of records) expect(wrong).toEqual([]);
  const delivered = node.controlIds;
  expect(new Set(delivered).size).toBe(delivered.length);
  const has = new Set(delivered);
  expect(records.flatMap((one) => one.acked).filter((id) => !has.has(id))).toEqual([]);
});

test('workers that hang and are killed: a connection that was on its way to one is ended, and waits for nobody', async () => {
  await using node = await startFaultyNode();
  await using gateway = await startSeveral(configOf({ a: { url: node.url } }));
  const workers = await gateway.workers();
  for (const { pid } of workers) process.kill(pid, 'SIGSTOP');
  const senders = await connectAll(gateway.port, 6);
  const ends = senders.map(async (sender, i) => {
    await sender.send(message({ controlId: `H${i}` }));
    await until(() => sender.acks.length > 0 || sender.ended, { ...LONG, what: `sender ${i}` });
    return sender.acks.length > 0 ? idOf(await sender.nextAck()) : 'ended';
  });
  // What they were given is on its way, and they take nothing.
  await turns(20);
  for (const { pid } of workers) process.kill(pid, 'SIGKILL');
  for (const [i, said] of (await Promise.all(ends)).entries()) expect(['ended', `AA H${i}`]).toContain(said);
});

test('a worker that hangs at the end is ended with the rest, in time', async () => {
  await using node = await startFaultyNode();
  await using gateway = await startSeveral(
    configOf({ a: { url: node.url } }, { top: { shutdown: { timeout: '1s' } } }),
  );
  const workers = await gateway.workers();
  process.kill(workers[0]?.pid ?? 0, 'SIGSTOP');
  gateway.kill('SIGTERM');
  expect(await gateway.exited).toEqual({ code: 1, signal: null });
  await until(() => workers.every(({ pid }) => !isRunning(pid)), LONG);
});

test('a worker that is killed while a reload is under way: whatever comes of it, all go by one config', async () => {
  await using a = await startFaultyNode();
  await using b = await startFaultyNode();
  await using gateway = await startSeveral(configOf({ a: { url: a.url } }));
  const own = { workers: 2, admin: { bind: '127.0.0.1:0', token: TOKEN } };
  for (let round = 0; round < 3; round++) {
    const node = round % 2 === 0 ? b : a;
    const wanted = { ...configOf({ [round % 2 === 0 ? 'b' : 'a']: { url: node.url } }), ...own };
    writeFileSync(`${gateway.configFile}.new`, JSON.stringify(wanted));
    renameSync(`${gateway.configFile}.new`, gateway.configFile);
    const [first] = await gateway.workers();
    const reload = gateway.ask('/reload', 'POST');
    process.kill(first?.pid ?? 0, 'SIGKILL');
    const { status } = await reload;
    await until(async () => {
      const workers = await gateway.workers();
      return workers.length === 2 && workers.every(({ pid }) => pid !== first?.pid);
    }, LONG);
    const inForce = (await gateway.json<{ node: string }[]>('/nodes')).map(({ node: name }) => name);
    if (status === 200) expect(inForce).toEqual([round % 2 === 0 ? 'b' : 'a']);
    const expected = inForce[0] === 'a' ? a : b;
    const before = expected.messages.length;
    const senders = await connectAll(gateway.port, 4);
    for (const [i, sender] of senders.entries())
      expect(idOf(await sender.exchange(message({ controlId: `T${round}-${i}` }), LONG.deadlineMs))).toBe(
        `AA T${round}-${i}`,
      );
    expect(expected.messages.length).toBe(before + 4);
  }
});

test('a main process that is killed takes its workers along, and nobody keeps the port', async () => {
  await using node = await startFaultyNode();
  const gateway = await startSeveral(configOf({ a: { url: node.url } }));
  const sender = await connectSender(gateway.port);
  expect(idOf(await sender.exchange(message({ controlId: 'P1' }), LONG.deadlineMs))).toBe('AA P1');
  const workers = await gateway.workers();
  gateway.kill('SIGKILL');
  await until(() => workers.every(({ pid }) => !isRunning(pid)), LONG);
  await until(() => sender.ended, LONG);
  await expect(connectSender(gateway.port)).rejects.toThrow(/ECONNREFUSED/);
  await gateway.exited;
});

describe('limits that hold for all workers together, on one gateway', () => {
  /** A node, and the most connections that it had at once. */
  async function startCounted() {
    const node = await startFaultyNode();
    let most = 0;
    node.onConnection = () => {
      most = Math.max(most, node.connections.open);
    };
    return { node, most: () => most };
  }

  const WAITS = { ...NO_CHECKS, queue: { timeout: '20s' } };
  let nodes: Record<'max' | 'one' | 'shared' | 'any', Awaited<ReturnType<typeof startCounted>>>;
  let gateway: Awaited<ReturnType<typeof startSeveral>>;
  let ports: Record<'max' | 'one' | 'shared' | 'many' | 'few' | 'single', number>;
  beforeAll(async () => {
    nodes = {
      max: await startCounted(),
      one: await startCounted(),
      shared: await startCounted(),
      any: await startCounted(),
    };
    const to = ({ node }: { node: { url: string } }) => ({ nodes: { a: { url: node.url } }, ...WAITS });
    const shared = { ...to(nodes.shared), connections: { max: 3, shared: true } };
    const bind = '127.0.0.1:0';
    const limited = (limits: object) => ({ bind, limits });
    gateway = await startSeveral({
      listeners: {
        max: { bind },
        one: { bind },
        shared: { bind },
        many: limited({ maxConnections: 50, maxConnectionsPerSource: 50 }),
        few: limited({ maxConnections: 3 }),
        single: limited({ maxConnectionsPerSource: 2 }),
      },
      pools: {
        max: { ...to(nodes.max), connections: { max: 4 } },
        one: { ...to(nodes.one), connections: { max: 1 } },
        shared1: shared,
        shared2: shared,
        any: to(nodes.any),
      },
      routes: [
        { when: { listener: 'max' }, to: 'max' },
        { when: { listener: 'one' }, to: 'one' },
        { when: { listener: 'shared', 'MSH-3': 'ONE' }, to: 'shared1' },
        { when: { listener: 'shared' }, to: 'shared2' },
        { to: 'any' },
      ],
    });
    const portOf = async (name: string): Promise<number> => {
      const said = ({ msg, listener }: Record<string, unknown>) => msg === 'listening' && listener === name;
      const { address } = await gateway.line(said, `the port of ${name}`);
      return Number(String(address).split(':').at(-1));
    };
    ports = {
      max: await portOf('max'),
      one: await portOf('one'),
      shared: await portOf('shared'),
      many: await portOf('many'),
      few: await portOf('few'),
      single: await portOf('single'),
    };
  });
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]();
    for (const { node } of Object.values(nodes)) await node[Symbol.asyncDispose]();
  });

  test('connections.max holds for all workers together, as the node counts them, and each worker gets what it needs', async () => {
    const hold = gate();
    const { node, most } = nodes.max;
    node.script = answers.after(hold);
    const senders = await connectAll(ports.max, 16);
    for (const [i, sender] of senders.entries()) void sender.send(message({ controlId: `C${i}` }));
    await node.received(4, LONG.deadlineMs);
    hold.open();
    for (const [i, sender] of senders.entries())
      expect(idOf(await sender.nextAck(LONG.deadlineMs))).toBe(`AA C${i}`);
    // Load on one worker alone: it may have all of them.
    const [busy] = await gateway.workers();
    expect(busy).toBeDefined();
    for (let round = 0; round < 5; round++) {
      for (const [i, sender] of senders.entries()) void sender.send(message({ controlId: `C${round}-${i}` }));
      for (const [i, sender] of senders.entries())
        expect(idOf(await sender.nextAck(LONG.deadlineMs))).toBe(`AA C${round}-${i}`);
    }
    expect(most()).toBeGreaterThan(1);
    expect(most()).toBeLessThanOrEqual(4);
  });

  test('pools that share the connections of an address share them over all workers', async () => {
    const { most } = nodes.shared;
    const senders = await connectAll(ports.shared, 8);
    for (let round = 0; round < 5; round++) {
      for (const [i, sender] of senders.entries())
        void sender.send(message({ controlId: `A${round}-${i}`, app: i % 2 === 0 ? 'ONE' : 'TWO' }));
      for (const [i, sender] of senders.entries())
        expect(idOf(await sender.nextAck(LONG.deadlineMs))).toBe(`AA A${round}-${i}`);
    }
    expect(most()).toBeGreaterThan(0);
    expect(most()).toBeLessThanOrEqual(3);
  });

  test('connections that come and go at once leave nothing counted', async () => {
    for (let round = 0; round < 6; round++) {
      const some = await connectAll(ports.many, 40);
      for (const [i, sender] of some.entries()) {
        if (i % 2 === 0) sender.socket.resetAndDestroy();
        else sender.socket.end();
      }
      await Promise.all(some.map(({ closed }) => closed));
      await until(
        async () => (await gateway.metric('hl7_gateway_sender_connections')).get('listener="many"') === 0,
        LONG,
      );
    }
    const sender = await connectSender(ports.many);
    expect(idOf(await sender.exchange(message({ controlId: 'G1' }), LONG.deadlineMs))).toBe('AA G1');
  });

  test('with one connection for all workers, none is left without', async () => {
    const { most } = nodes.one;
    const senders = await connectAll(ports.one, 4);
    for (let round = 0; round < 5; round++) {
      for (const [i, sender] of senders.entries()) void sender.send(message({ controlId: `O${round}-${i}` }));
      for (const [i, sender] of senders.entries())
        expect(idOf(await sender.nextAck(LONG.deadlineMs))).toBe(`AA O${round}-${i}`);
    }
    expect(most()).toBe(1);
  });

  test('limits.maxConnections holds for all workers together, and a place is free again when its connection has ended', async () => {
    const senders = await connectAll(ports.few, 3);
    for (const [i, sender] of senders.entries())
      expect(idOf(await sender.exchange(message({ controlId: `L${i}` })))).toBe(`AA L${i}`);
    const tooMany = await connectSender(ports.few);
    await tooMany.closed;
    expect(
      (await gateway.metric('hl7_gateway_connections_refused_total')).get(
        'listener="few",reason="GW_ERR_SENDER_LIMIT"',
      ),
    ).toBe(1);
    await senders[0]?.end();
    await until(async () => {
      const next = await connectSender(ports.few);
      const ack = await next.exchange(message({ controlId: 'L9' }), LONG.deadlineMs).catch(() => undefined);
      return ack !== undefined && idOf(ack) === 'AA L9';
    }, LONG);
  });

  test('limits.maxConnectionsPerSource holds for all workers together', async () => {
    const senders = await connectAll(ports.single, 2);
    for (const [i, sender] of senders.entries())
      expect(idOf(await sender.exchange(message({ controlId: `Q${i}` })))).toBe(`AA Q${i}`);
    await (await connectSender(ports.single)).closed;
    const other = await connectSender(ports.single, { localAddress: '127.0.0.2' });
    expect(idOf(await other.exchange(message({ controlId: 'Q9' }), LONG.deadlineMs))).toBe('AA Q9');
  });
});

test('a reload that changes a limit of connections ends those that came under the old one, in all processes', async () => {
  await using node = await startFaultyNode();
  const own = { workers: 2, admin: { bind: '127.0.0.1:0', token: TOKEN } };
  const listener = (most: number) => ({ bind: '127.0.0.1:0', limits: { maxConnectionsPerSource: most } });
  const wanted = (most: number) => ({
    ...configOf({ a: { url: node.url } }, { listener: listener(most) }),
    ...own,
  });
  await using gateway = await startSeveral(wanted(2));
  const before = await connectAll(gateway.port, 2);
  for (const [i, sender] of before.entries())
    expect(idOf(await sender.exchange(message({ controlId: `E${i}` }), LONG.deadlineMs))).toBe(`AA E${i}`);
  const port = gateway.port;
  const changed = wanted(3);
  writeFileSync(gateway.configFile, JSON.stringify(changed));
  expect((await gateway.ask('/reload', 'POST')).status).toBe(200);
  await until(() => before.every(({ ended }) => ended), LONG);
  const { listeners } = await gateway.json<{ listeners: { address: string }[] }>('/status');
  const now = Number(listeners[0]?.address.split(':').at(-1) ?? port);
  const after = await connectAll(now, 3);
  for (const [i, sender] of after.entries())
    expect(idOf(await sender.exchange(message({ controlId: `F${i}` }), LONG.deadlineMs))).toBe(`AA F${i}`);
  await (await connectSender(now)).closed;
});

test('a reload is one transaction over all workers; one to a bad config changes nothing in any', async () => {
  await using a = await startFaultyNode();
  await using b = await startFaultyNode();
  await using gateway = await startSeveral(configOf({ a: { url: a.url } }));
  const senders = await connectAll(gateway.port, 4);
  const reload = async (text: string): Promise<void> => {
    writeFileSync(`${gateway.configFile}.new`, text);
    renameSync(`${gateway.configFile}.new`, gateway.configFile);
    gateway.kill('SIGHUP');
  };
  const own = { workers: 2, admin: { bind: '127.0.0.1:0', token: TOKEN } };
  const sendAll = async (name: string): Promise<void> => {
    for (const [i, sender] of senders.entries())
      expect(idOf(await sender.exchange(message({ controlId: `${name}${i}` })))).toBe(`AA ${name}${i}`);
  };
  await sendAll('X');
  await reload(JSON.stringify({ ...configOf({ b: { url: b.url } }), ...own }));
  await until(() => gateway.lines.filter(({ msg }) => msg === 'config loaded').length === 3, LONG);
  await sendAll('Y');
  expect(b.controlIds.filter((id) => id.startsWith('Y')).length).toBe(4);
  await reload('{ listeners: ');
  await gateway.line(
    ({ msg }) => String(msg).includes('the old config stays in force'),
    'that it is refused',
  );
  await sendAll('Z');
  expect(b.controlIds.filter((id) => id.startsWith('Z')).length).toBe(4);
  // What cannot be taken up as a whole: a port that somebody else has.
  const taken = { ...configOf({ a: { url: a.url } }), ...own };
  await reload(
    JSON.stringify({ ...taken, listeners: { ...taken.listeners, more: { bind: `127.0.0.1:${a.port}` } } }),
  );
  await until(
    () =>
      gateway.lines.filter(({ msg }) => String(msg).includes('the old config stays in force')).length === 2,
    LONG,
  );
  await sendAll('V');
  expect(b.controlIds.filter((id) => id.startsWith('V')).length).toBe(4);
  expect(await gateway.json('/status')).toMatchObject({
    reloadError: expect.stringContaining('port is in use'),
  });
  // More workers are for the next start, and it says so.
  await reload(JSON.stringify({ ...configOf({ b: { url: b.url } }), ...own, workers: 3 }));
  const line = await gateway.line(({ atNextStart }) => atNextStart !== undefined, 'what waits for a start');
  expect(line.atNextStart).toEqual(['workers']);
  expect((await gateway.workers()).length).toBe(2);
});

test('what an operator decides is in force in all workers when it is answered, and in one that is started later', async () => {
  await using a = await startFaultyNode();
  await using b = await startFaultyNode();
  await using gateway = await startSeveral(configOf({ a: { url: a.url }, b: { url: b.url } }));
  const drained = await gateway.ask('/nodes/pool/a/maintenance', 'POST');
  expect(await drained.json()).toMatchObject({ node: 'a', state: 'maintenance' });
  const sendMany = async (name: string): Promise<void> => {
    const senders = await connectAll(gateway.port, 6);
    for (const [i, sender] of senders.entries())
      expect(idOf(await sender.exchange(message({ controlId: `${name}${i}` }), LONG.deadlineMs))).toBe(
        `AA ${name}${i}`,
      );
    for (const sender of senders) await sender.end();
  };
  await sendMany('A');
  expect(a.messages.length).toBe(0);
  const [first] = await gateway.workers();
  process.kill(first?.pid ?? 0, 'SIGKILL');
  await until(async () => {
    const workers = await gateway.workers();
    return workers.length === 2 && workers.every(({ pid }) => pid !== first?.pid);
  }, LONG);
  await sendMany('B');
  expect(a.messages.length).toBe(0);
  await using c = await startFaultyNode();
  expect((await gateway.ask('/nodes/pool/c', 'PUT', { url: c.url })).status).toBe(201);
  expect((await gateway.ask('/nodes/pool/b', 'DELETE')).status).toBe(200);
  await sendMany('C');
  expect(c.controlIds.filter((id) => id.startsWith('C')).length).toBe(6);
  expect((await gateway.ask('/nodes/pool/a/ready', 'POST')).status).toBe(200);
  await sendMany('D');
  expect(a.messages.length + c.messages.length).toBe(12);
});
