// The commands that talk to a running gateway as a user has them: what they print where, and their exit codes.
import { expect, test } from 'vitest';
import { openAdmin, TOKEN } from '../admin/admin-room.ts';
import { folderWith } from '../config/config-folder.ts';
import { command, RunningCommand } from './command-line.ts';

const HINT = '(--help shows what there is)';

test('all is well: exit code 0', async () => {
  const room = await openAdmin();
  const port = room.port;
  const config = `${folderWith({ 'gateway.yaml': `admin: { bind: "127.0.0.1:${port}", token: ${TOKEN} }` })}/gateway.yaml`;
  const status = await command('status', '-c', config);
  expect({ code: status.code, err: status.err }).toEqual({ code: 0, err: [] });
  expect(status.out[0]).toMatch(/^hl7-gateway 0\.1\.0, pid 4711, /);
  const weight = new RunningCommand(['weight', 'adt/b', '7', '--admin', room.url], {
    HL7_GATEWAY_TOKEN: TOKEN,
  });
  expect(await weight.ended()).toMatchObject({
    code: 0,
    out: ['adt/b: down (the check failed: ECONNREFUSED), weight 7, 0 in flight'],
    err: [],
  });
  const reload = await command('reload', '-c', config, '--json');
  expect([reload.code, reload.out.map((line) => JSON.parse(line))]).toMatchObject([
    0,
    [{ changed: ['pools.adt: nodes'] }],
  ]);
  expect(room.control.changes).toEqual([
    'weight 7 adt/b from 127.0.0.1',
    'reload from 127.0.0.1',
    'reloaded',
  ]);
});

test('F78 what could not be done is exit code 1 and one line', async () => {
  const room = await openAdmin();
  const token = { HL7_GATEWAY_TOKEN: TOKEN };
  const told = async (args: string[], env = token) => {
    const { code, out, err } = await new RunningCommand([...args, '--admin', room.url], env).ended();
    expect(out).toEqual([]);
    return [code, err];
  };
  expect(await told(['drain', 'adt/sapre'])).toEqual([
    1,
    [
      'the admin API knows nothing of that name: pool adt has no node of that name; did you mean "spare"? [GW_ERR_ADMIN_NOT_FOUND]',
    ],
  ]);
  expect(await told(['ready', 'x1'], { HL7_GATEWAY_TOKEN: 'wrong' })).toEqual([
    1,
    [`the token is missing or wrong: ${room.url} does not take this one [GW_ERR_ADMIN_TOKEN]`],
  ]);
  await room.server.stop();
  expect(await told(['status', '--watch'])).toEqual([
    1,
    [
      `the admin API did not answer: ${room.url}: nothing listens there; is the gateway running, with admin in its config? [GW_ERR_ADMIN_CONNECT]`,
    ],
  ]);
});

test.each([
  [
    ['weight', 'adt/a', '257'],
    "error: command-argument value '257' is invalid for argument 'n'. It takes an integer from 0 to 256.",
  ],
  [
    ['weight', 'adt/a', '1.5'],
    "error: command-argument value '1.5' is invalid for argument 'n'. It takes an integer from 0 to 256.",
  ],
  [
    ['weight', 'adt/a', '-1'],
    "error: command-argument value '-1' is invalid for argument 'n'. It takes an integer from 0 to 256.",
  ],
  [['weight', 'adt/a'], "error: missing required argument 'n'"],
  [['drain'], "error: missing required argument 'node'"],
  [
    ['status', '--watch', '0'],
    "error: option '--watch [interval]' argument '0' is invalid. It takes a duration above 0.",
  ],
])('%j is called wrongly: exit code 2', async (args, line) => {
  expect(await command(...args)).toEqual({ code: 2, signal: null, out: [], err: [line, HINT] });
});

test('what is wrong with the call itself is exit code 2, too', async () => {
  const { code, err } = await command('drain', 'a/b/c');
  expect([code, err]).toEqual([
    2,
    [
      'the command was called wrongly: a node is POOL/NODE, or NODE where one pool alone has it, not "a/b/c" [GW_ERR_USAGE]',
    ],
  ]);
});

test.each(['SIGINT', 'SIGTERM'] as const)(
  '--watch prints until %s, which is its good end',
  async (signal) => {
    const room = await openAdmin();
    const watching = new RunningCommand(['status', '--watch', '10ms', '--json', '--admin', room.url], {
      HL7_GATEWAY_TOKEN: TOKEN,
    });
    await watching.line(/"pid":4711/);
    room.control.reloadError = 'later';
    await watching.line(/"reloadError":"later"/);
    expect(await watching.stop(signal)).toMatchObject({ code: 0, signal: null, err: [] });
  },
);
