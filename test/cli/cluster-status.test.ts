// `status --cluster`: what all members together show, and what is said of one that cannot be asked.
import { readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { stringify } from 'yaml';
import { ServerTls } from '../../certs/server-tls.ts';
import { sharedDigest } from '../../src/admin/shared-config.ts';
import { checkClusterStatus, clusterStatus } from '../../src/cli/admin/cluster-status.ts';
import { TOKEN } from '../admin/admin-room.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { printed } from './admin-command.ts';
import { configNaming, openMember, saysOfCluster, VIP } from './cluster-room.ts';
import { runInProcess } from './in-process.ts';

const ONCE = { until: new AbortController().signal, clear: false };
const PATIENT_MS = 20_000;

function show(config: string, more: object = {}) {
  const options = { config, timeoutMs: PATIENT_MS, watchMs: undefined, json: false, ...more };
  return printed((terminal) => clusterStatus(options, terminal, ONCE));
}

function check(config: string, more: object = {}) {
  const options = { config, timeoutMs: PATIENT_MS, json: false, ...more };
  return printed((terminal) => checkClusterStatus(options, terminal));
}

async function viewOf(config: string, more: object = {}) {
  const { code, out, err } = await show(config, { json: true, ...more });
  return { code, err, view: JSON.parse(out[0] ?? '') };
}

/** Times are as old as the test's own. */
function ageless(lines: readonly string[]): string[] {
  return lines.flatMap((line) => line.split('\n')).map((line) => line.replace(/\d+d \d+h/g, 'N').trimEnd());
}

async function pair() {
  const [gw1, gw2] = [await openMember('gw1'), await openMember('gw2')];
  return { gw1, gw2, config: configNaming({ gw1: gw1.url, gw2: gw2.url }) };
}

describe('the table', () => {
  test('of a pair that is well', async () => {
    const { config } = await pair();
    const { code, out, err } = await show(config);
    expect({ code, err }).toEqual({ code: 0, err: [] });
    expect(ageless(out).slice(0, 2)).toEqual(['cluster hospital-a: ok', '']);
    expect(ageless(out)[2]).toMatch(/^MEMBER +STATE +READY +NODES +CONDITION +CONFIG +VERSION +UP +REASON$/);
    expect(ageless(out)[3]).toMatch(/^gw1 +fit +yes +4 of 5 up +ok +0123456789abcdef +0\.1\.0 +N$/);
    expect(ageless(out)[4]).toMatch(/^gw2 +fit +yes +4 of 5 up +ok +0123456789abcdef +0\.1\.0 +N$/);
    expect(ageless(out).slice(6)).toEqual([
      expect.stringMatching(/^VIP +HELD BY +FOR +REMARK$/),
      expect.stringMatching(/^127\.0\.0\.50 +gw1 +N$/),
    ]);
  });

  test('says what members share by NATS, and who shares nothing', async () => {
    const { gw1, gw2, config } = await pair();
    const state = {
      bucket: 'hl7-gateway',
      connected: true,
      since: '2026-03-01T11:00:00.000Z',
      reason: undefined,
      queued: 0,
      revision: 17,
    } as const;
    gw1.tell({ state });
    gw2.tell({ state: { ...state, connected: false, reason: 'refused', queued: 3, revision: 12 } });
    const { out } = await show(config);
    const table = ageless(out);
    const at = table.findIndex((line) => line.startsWith('MEMBER  SHARED STATE'));
    expect(table.slice(at, at + 3)).toEqual([
      expect.stringMatching(/^MEMBER +SHARED STATE +REVISION +TO BE WRITTEN$/),
      expect.stringMatching(/^gw1 +connected +17 +0$/),
      expect.stringMatching(/^gw2 +away: refused +12 +3$/),
    ]);
    expect((await viewOf(config)).view.members[1].sharedState).toEqual({
      connected: false,
      revision: 12,
      queued: 3,
      reason: 'refused',
    });
    gw2.tell({});
    expect(await check(config)).toMatchObject({
      code: 1,
      out: [expect.stringContaining('gw2 shares no state with the others: cluster.state.nats')],
    });
  });

  test('says of each member what is wrong there, and of the VIPs who has them', async () => {
    const { gw1, gw2, config } = await pair();
    gw1.tell({ fit: false, reason: 'no node is available here, and gw2 is ready' });
    gw2.tell({}, { condition: 'degraded', problems: ['node adt/b is down: ECONNREFUSED'], version: '0.2.0' });
    const { code, out } = await show(config);
    expect(code).toBe(0);
    expect(ageless(out).slice(-5)).toEqual([
      '',
      'PROBLEMS',
      '  gw1 is unfit: no node is available here, and gw2 is ready',
      '  gw2: node adt/b is down: ECONNREFUSED',
      '  versions differ: gw1 0.1.0, gw2 0.2.0',
    ]);
  });
});

describe('a member that cannot be asked is a state with a name', () => {
  test('nothing listens there', async () => {
    const gw1 = await openMember('gw1');
    const config = configNaming({ gw1: gw1.url, gw2: 'http://127.0.0.1:1' });
    const { code, view, err } = await viewOf(config);
    expect({ code, err }).toEqual({ code: 1, err: [] });
    expect(view.members).toMatchObject([
      { member: 'gw1', state: 'fit', ready: true },
      { member: 'gw2', state: 'unreachable', reason: expect.stringContaining('nothing listens there') },
    ]);
    expect(view.members[1]).not.toHaveProperty('ready');
    // It has the VIP, whatever the other one does.
    expect([view.condition, view.vips]).toMatchObject(['degraded', [{ address: VIP, state: 'held' }]]);
  });

  test('it accepts, and does not answer', async () => {
    const silent = net.createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const sockets = new Set<net.Socket>();
    silent.on('connection', (socket) => sockets.add(socket));
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      silent.close();
    });
    const gw1 = await openMember('gw1');
    const url = `http://127.0.0.1:${(silent.address() as net.AddressInfo).port}`;
    const { view } = await viewOf(configNaming({ gw1: gw1.url, gw2: url }), { timeoutMs: 3000 });
    expect(view.members[1]).toMatchObject({
      state: 'unreachable',
      reason: expect.stringContaining('no answer within 3000 ms'),
    });
  });

  test('it has another token: whether it is ready is known all the same', async () => {
    const gw1 = await openMember('gw1');
    const gw2 = await openMember('gw2', { token: 'a-token-of-the-other-one' });
    const { view } = await viewOf(configNaming({ gw1: gw1.url, gw2: gw2.url }));
    expect(view.members[1]).toMatchObject({ member: 'gw2', state: 'refused', ready: true });
    expect(JSON.stringify(view)).not.toContain(TOKEN);
  });

  test('the config does not say where', async () => {
    const gw1 = await openMember('gw1');
    const { code, view } = await viewOf(configNaming({ gw1: gw1.url, gw2: undefined }));
    expect(code).toBe(1);
    expect(view.members[1]).toMatchObject({
      state: 'no admin',
      reason: 'cluster.members.gw2.admin is not in the config',
    });
  });

  test('it stands alone, or is another one', async () => {
    const { gw1, gw2, config } = await pair();
    gw1.tell({ member: 'gw2' });
    gw2.tell({}, { cluster: undefined });
    const { view } = await viewOf(config);
    expect(view.members).toMatchObject([
      { state: 'another member', reason: 'it says that it is gw2 of hospital-a' },
      { state: 'not in the cluster' },
    ]);
    expect(view.problems).toContain('no member answers');
  });

  test('it drains', async () => {
    const { gw2, config } = await pair();
    gw2.control.draining = true;
    const { view } = await viewOf(config);
    expect(view.members[1]).toMatchObject({ state: 'draining', ready: false });
  });
});

describe('who has the VIPs', () => {
  const held = (held: boolean, since = '2026-03-01T11:00:00.000Z') => ({
    vips: [{ address: VIP, held, since }],
  });

  test('both: a split brain, since when each', async () => {
    const { gw2, config } = await pair();
    gw2.tell(held(true, '2026-03-01T11:59:00.000Z'));
    const { view } = await viewOf(config);
    expect(view.vips).toEqual([
      {
        address: VIP,
        state: 'split brain',
        heldBy: [
          { member: 'gw1', since: '2026-03-01T11:00:00.000Z' },
          { member: 'gw2', since: '2026-03-01T11:59:00.000Z' },
        ],
      },
    ]);
    expect(view.condition).toBe('failed');
    expect(view.problems).toEqual([`split brain: gw1 and gw2 have the VIP ${VIP}`]);
    const { out } = await show(config);
    expect(ageless(out)).toContainEqual(
      expect.stringMatching(/^127\.0\.0\.50 +gw1 and gw2 +N and N +split brain$/),
    );
  });

  test('nobody', async () => {
    const { gw1, config } = await pair();
    gw1.tell(held(false));
    const { view } = await viewOf(config);
    expect(view.vips).toEqual([{ address: VIP, state: 'nobody', heldBy: [] }]);
    expect([view.condition, view.problems]).toEqual(['failed', [`no master: no member has the VIP ${VIP}`]]);
  });

  test('not known where a member does not answer', async () => {
    const gw2 = await openMember('gw2');
    const { view } = await viewOf(configNaming({ gw1: 'http://127.0.0.1:1', gw2: gw2.url }));
    expect(view.vips).toEqual([{ address: VIP, state: 'unknown', heldBy: [] }]);
    expect(view.condition).toBe('degraded');
    expect(view.problems).toContain(`no member that answers has the VIP ${VIP}`);
  });

  test('a move that is under way is looked at again', async () => {
    const { gw1, gw2, config } = await pair();
    let looks = 0;
    const plain = gw1.control.status.bind(gw1.control);
    gw2.tell(held(true));
    gw1.control.status = () => {
      looks++;
      const gone = { cluster: saysOfCluster('gw1', held(false)) };
      return { ...plain(), ...(looks > 1 ? gone : {}) };
    };
    const { view } = await viewOf(config);
    expect([looks, view.condition, view.vips[0].heldBy.length]).toEqual([2, 'ok', 1]);
  });
});

describe('where members differ', () => {
  const shared = {
    members: [
      { name: 'gw1', address: '192.0.2.1', priority: 200, admin: undefined, token: undefined },
      { name: 'gw2', address: '192.0.2.2', priority: 199, admin: undefined, token: undefined },
    ],
    vips: [{ address: VIP, prefix: 8, interface: 'lo' }],
  };
  const textOf = (url: string) => stringify({ pools: { adt: { nodes: { a: { url } } } } });

  test('keys of the config, none of their values', async () => {
    const { gw1, gw2, config } = await pair();
    for (const [member, url] of [
      [gw1, 'mllp://192.0.2.9:6661'],
      [gw2, 'mllp://192.0.2.10:6661'],
    ] as const) {
      member.tell({ configDigest: sharedDigest(textOf(url), shared) });
      member.control.effectiveConfig = () => textOf(url);
    }
    const { view } = await viewOf(config);
    expect(view.configDifferences).toEqual(['pools.adt.nodes.a.url']);
    expect(view.problems).toContain("the members' configs differ");
    expect(JSON.stringify(view)).not.toContain('192.0.2.9');
    const { out } = await show(config);
    expect(ageless(out).at(-1)).toBe('  configs differ in pools.adt.nodes.a.url');
  });

  test('what an operator decided on one alone, and not what checks say', async () => {
    const { gw1, gw2, config } = await pair();
    gw2.control.drain('adt', 'spare', 'a test');
    gw2.control.setWeight('adt', 'a', 3, 'a test');
    gw1.control.nodeReports = gw1.control.nodeReports.map((one) =>
      one.node === 'x1' ? { ...one, state: 'down', health: 'down' } : one,
    );
    const { view } = await viewOf(config);
    expect(view.problems).toEqual([
      'node adt/a differs: ready, weight 1 on gw1, ready, weight 3 on gw2',
      'node adt/spare differs: ready, weight 1 on gw1, draining, weight 1 on gw2',
    ]);
  });
});

describe('--check', () => {
  test('all well', async () => {
    const { config } = await pair();
    expect(await check(config)).toEqual({
      code: 0,
      out: ['HL7-GATEWAY OK: all 2 members of hospital-a are well, and one has the VIPs'],
      err: [],
    });
  });

  test('one does not answer', async () => {
    const gw1 = await openMember('gw1');
    const { code, out } = await check(configNaming({ gw1: gw1.url, gw2: 'http://127.0.0.1:1' }));
    expect([code, out[0]]).toEqual([1, expect.stringMatching(/^HL7-GATEWAY WARNING: gw2 is unreachable: /)]);
  });

  test('none does', async () => {
    const { code, out } = await check(
      configNaming({ gw1: 'http://127.0.0.1:1', gw2: 'http://127.0.0.1:1' }),
      { json: true },
    );
    expect(code).toBe(2);
    const { condition, problems } = JSON.parse(out[0] ?? '');
    expect([condition, problems[0]]).toEqual(['failed', 'no member answers']);
  });
});

describe('how the members are reached', () => {
  let folder: TlsFolder;
  beforeAll(() => {
    folder = createTlsFolder();
  });
  afterAll(() => folder[Symbol.dispose]());

  const secure = (member: string, token?: string) => {
    const { cert, key } = folder.files.good;
    const tls = new ServerTls({
      keyPairs: [{ kind: 'pem', certFile: cert, keyFile: key, passphrase: undefined }],
      minVersion: 'TLSv1.2',
      groups: [],
      clientCaFiles: [],
      requireClientCert: false,
      crlFiles: [],
      handshakeTimeoutMs: PATIENT_MS,
      maxHandshakes: 200,
    });
    return openMember(member, { tls, ...(token === undefined ? {} : { token }) });
  };

  test('by an authority of their own, and a token for each', async () => {
    const [gw1, gw2] = [await secure('gw1'), await secure('gw2', 'a-token-of-the-other-one')];
    const config = configNaming(
      { gw1: gw1.url, gw2: gw2.url },
      { members: { gw2: { token: { file: 'other.token' } } }, cluster: { tls: { ca: folder.caFile } } },
      { 'other.token': 'a-token-of-the-other-one\n' },
    );
    const { code, view } = await viewOf(config);
    expect([code, view.condition]).toEqual([0, 'ok']);
    expect([...gw1.refused, ...gw2.refused]).toEqual([]);
  });

  test('one whose certificate nobody vouches for is not given the token', async () => {
    const [gw1, gw2] = [await secure('gw1'), await secure('gw2')];
    const { view } = await viewOf(configNaming({ gw1: gw1.url, gw2: gw2.url }));
    expect(view.members).toMatchObject([{ state: 'unreachable' }, { state: 'unreachable' }]);
    const trusted = await viewOf(configNaming({ gw1: gw1.url, gw2: gw2.url }), { ca: folder.caFile });
    expect(trusted.view.condition).toBe('ok');
  });

  test('this member where it listens itself, whatever its URL is', async () => {
    const gw2 = await openMember('gw2');
    const gw1 = await openMember('gw1');
    const config = configNaming(
      { gw1: 'http://127.0.0.1:1', gw2: gw2.url },
      // Of this machine, so gw1 is the one that the command runs on.
      { members: { gw1: { address: '127.0.0.1' } }, cluster: { member: 'gw1' } },
    );
    writeFileSync(config, readFileSync(config, 'utf8').replace('127.0.0.1:9600', `127.0.0.1:${gw1.port}`));
    const { view } = await viewOf(config);
    expect(view.members).toMatchObject([{ member: 'gw1', state: 'fit' }, { state: 'fit' }]);
  });

  test.each([
    [['--admin', 'http://127.0.0.1:1'], 'each member is asked where the config has it: leave out --admin'],
    [['--servername', 'x'], 'each member has a name of its own: leave out --servername'],
  ])('%j is refused', async (args, line) => {
    const config = configNaming({ gw1: 'http://127.0.0.1:1' });
    const { code, err } = await runInProcess(['status', '--cluster', '-c', config, ...args]);
    expect([code, err.at(-1)]).toEqual([2, expect.stringContaining(line)]);
  });

  test('without a config, or one without a cluster', async () => {
    expect(await show('')).toMatchObject({ code: expect.stringMatching(/^GW_ERR_/) });
    const bare = await runInProcess(['status', '--cluster']);
    expect([bare.code, bare.err[0]]).toEqual([
      2,
      expect.stringContaining('the config says who the members are'),
    ]);
  });
});

test('a bad token of a member is named with its place, and not printed', async () => {
  const config = configNaming({ gw1: undefined }, { members: { gw1: { token: 'PLANTED one' } } });
  const { code, err } = await runInProcess(['status', '--cluster', '-c', config]);
  expect(code).toBe(2);
  expect(err.join('\n')).toContain('cluster.members.gw1.token: must be printable ASCII without spaces');
  expect(err.join('\n')).not.toContain('PLANTED');
});
