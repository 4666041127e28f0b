// drain, maintenance, ready, weight and reload: how a node is named, and what is said of what was done or not.
import { describe, expect, test } from 'vitest';
import { changeNode, type NodeChange, reload } from '../../src/cli/admin/node-state.ts';
import { GatewayError } from '../../src/errors.ts';
import { type AdminRoom, openAdmin, TOKEN } from '../admin/admin-room.ts';
import { folderWith } from '../config/config-folder.ts';
import { NOWHERE, printed } from './admin-command.ts';

function optionsFor(room: AdminRoom, json = false) {
  const folder = folderWith({ 'a.token': `${TOKEN}\n` });
  return { ...NOWHERE, admin: room.url, tokenFile: `${folder}/a.token`, json };
}

function change(room: AdminRoom, name: string, what: NodeChange = { kind: 'drain' }, json = false) {
  return printed((terminal) => changeNode(name, what, optionsFor(room, json), terminal));
}

test.each<[NodeChange, string, string]>([
  [{ kind: 'drain' }, 'drain adt/a', 'adt/a: draining (wanted from 127.0.0.1), weight 1, 3 in flight'],
  [
    { kind: 'maintenance' },
    'maintenance adt/a',
    'adt/a: maintenance (wanted from 127.0.0.1), weight 1, 3 in flight',
  ],
  [{ kind: 'ready' }, 'ready adt/a', 'adt/a: up (wanted from 127.0.0.1), weight 1, 3 in flight'],
  [{ kind: 'weight', weight: 0 }, 'weight 0 adt/a', 'adt/a: up (as configured), weight 0, 3 in flight'],
])('%j is done, and one line says how the node is now', async (what, done, line) => {
  const room = await openAdmin();
  expect(await change(room, 'adt/a', what)).toEqual({ code: 0, out: [line], err: [] });
  expect(room.control.changes).toEqual([`${done} from 127.0.0.1`]);
});

test('--json prints the whole report', async () => {
  const room = await openAdmin();
  const { code, out } = await change(room, 'adt/b', { kind: 'drain' }, true);
  expect([code, out.length]).toEqual([0, 1]);
  expect(JSON.parse(out[0] ?? '')).toMatchObject({ pool: 'adt', node: 'b', state: 'draining', ejections: 2 });
});

describe('a node’s name', () => {
  test('is enough without its pool where one pool alone has it', async () => {
    const room = await openAdmin();
    expect((await change(room, 'x1')).code).toBe(0);
    expect(room.control.changes).toEqual(['drain lab/x1 from 127.0.0.1']);
  });

  test('is not where several do', async () => {
    const room = await openAdmin();
    expect(await change(room, 'a')).toEqual({
      code: 'GW_ERR_USAGE',
      out: [],
      err: ['the command was called wrongly: 2 pools have a node "a": say adt/a or lab/a'],
    });
    expect(room.control.changes).toEqual([]);
  });

  const UNKNOWN = 'the admin API knows nothing of that name';
  test.each([
    ['sapre', `${UNKNOWN}: no pool has a node "sapre"; did you mean "spare"?`],
    ['\x1b[2J', `${UNKNOWN}: no pool has a node "\\u{1b}[2J"`],
    ['adt/sapre', `${UNKNOWN}: pool adt has no node of that name; did you mean "spare"?`],
    ['atd/a', `${UNKNOWN}: no pool of that name; did you mean "adt"?`],
    ['ad%74/a', `${UNKNOWN}: no pool of that name`],
    ['adt/?a#', `${UNKNOWN}: pool adt has no node of that name`],
  ])('%j that there is not is told what it may have been', async (name, line) => {
    const room = await openAdmin();
    expect(await change(room, name)).toEqual({ code: 'GW_ERR_ADMIN_NOT_FOUND', out: [], err: [line] });
    expect(room.control.changes).toEqual([]);
  });

  test.each(['', '/', 'adt/', '/a', 'adt/a/drain', 'a/b/c/d', '..', '../a', 'adt/.'])(
    '%j is none',
    async (name) => {
      const { code, err } = await change(await openAdmin(), name);
      expect([code, err]).toEqual([
        'GW_ERR_USAGE',
        [
          `the command was called wrongly: a node is POOL/NODE, or NODE where one pool alone has it, not "${name}"`,
        ],
      ]);
    },
  );
});

describe('reload', () => {
  const again = (room: AdminRoom, json = false) =>
    printed((terminal) => reload(optionsFor(room, json), terminal));

  test('says what changed, and what to mind', async () => {
    const room = await openAdmin();
    expect(await again(room)).toEqual({
      code: 0,
      out: [
        'reloaded; changed:',
        '  pools.adt: nodes',
        'takes effect at the next start:',
        '  telemetry.log.format',
      ],
      err: ['warning: gateway.yaml:3:5: pools.lab: no route uses this pool'],
    });
    expect(room.control.changes).toEqual(['reload from 127.0.0.1', 'reloaded']);
  });

  test('says it when nothing has', async () => {
    const room = await openAdmin();
    room.control.reload = async () => ({ changed: [], atNextStart: [], warnings: [] });
    expect(await again(room)).toEqual({ code: 0, out: ['reloaded; nothing has changed'], err: [] });
  });

  test('--json prints it as it came', async () => {
    const { out } = await again(await openAdmin(), true);
    expect(out.map((line) => JSON.parse(line))).toMatchObject([{ changed: ['pools.adt: nodes'] }]);
  });

  test.each(['GW_ERR_CONFIG', 'GW_ERR_LISTEN', 'GW_ERR_ADMIN_CONFLICT'] as const)(
    'F74 that fails with %s says why',
    async (code) => {
      const room = await openAdmin();
      const detail = 'gateway.yaml:7:9: routes[0].to: no pool has the name "atd"';
      const { message } = new GatewayError(code, { detail });
      room.control.trouble = new GatewayError(code, { detail });
      expect(await again(room)).toEqual({ code, out: [], err: [message] });
    },
  );

  test('that meets a defect of the gateway names its log', async () => {
    const room = await openAdmin();
    room.control.trouble = new TypeError('x');
    expect(await again(room)).toEqual({
      code: 'GW_ERR_ADMIN_CONNECT',
      out: [],
      err: [
        `the admin API did not answer: ${room.url}: the gateway failed; this is a defect in it; its log has the cause`,
      ],
    });
  });
});
