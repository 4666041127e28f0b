// Hints for the usual slips: addresses, protocols, config files. One line each; exit code 2 where the call or the config is wrong.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { messageTarget } from '../../src/cli/messages/message-target.ts';
import { send } from '../../src/cli/messages/send.ts';
import { tlsOf } from '../../src/cli/node/node-tls.ts';
import { check } from '../../src/cli/run/check.ts';
import { urlHint } from '../../src/config/url-hints.ts';
import { MIRTH_DEFAULTS, MIRTH_HTTP_DEFAULTS } from '../../src/tools/simulation/mirth-defaults.ts';
import { SimulatedHttpNode } from '../../src/tools/simulation/simulated-http-node.ts';
import { SimulatedNode } from '../../src/tools/simulation/simulated-node.ts';
import { config, folderWith, outcome } from '../config/config-folder.ts';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { Printed } from './admin-command.ts';
import { fixture } from './command-line.ts';

const SLIPS: readonly (readonly [text: string, reason: string, meant?: string])[] = [
  ['h:2575', 'the scheme is missing', 'mllp://h:2575'],
  ['[::1]:2575', 'the scheme is missing', 'mllp://[::1]:2575'],
  ['h', 'the scheme is missing'],
  ['hl7://h:1', 'the scheme is not known', 'mllp://h:1'],
  ['mllp+tls://h:1', 'the scheme is not known', 'mllps://h:1'],
  ['ssl://h:1', 'the scheme is not known', 'mllps://h:1'],
  ['MLLP://h:1', 'the scheme is not known', 'mllp://h:1'],
  ['mlpp://h:1', 'the scheme is not known', 'mllp://h:1'],
  ['htps://h/x', 'the scheme is not known', 'https://h/x'],
  ['gopher://h:1', 'the scheme is not known'],
  ['mllp://h', 'the port is missing', 'mllp://h:2575'],
  ['mllps://h/', 'the port is missing', 'mllps://h:2575'],
  ['mllp://:2575', 'the host is missing'],
  ['mllp://h:70000', 'a port is from 1 to 65535'],
  ['mllp://h:0', 'a port is from 1 to 65535'],
  ['https://h:65536/x', 'a port is from 1 to 65535'],
  ['mllp://h:1/x', 'a path is for http:// and https:// only'],
];

describe('addresses', () => {
  test.each(SLIPS.map(([text, reason, meant]) => ({ text, reason, meant })))(
    '$text',
    async ({ text, reason, meant }) => {
      expect(urlHint(text)).toEqual(meant === undefined ? { reason } : { reason, meant });
      const said = `; ${reason}${meant === undefined ? '' : `; did you mean "${meant}"?`}`;
      const refused = messageTarget(text, { timeoutMs: 1000 }, new Printed());
      await expect(refused).rejects.toThrow(said);
      await expect(refused).rejects.toMatchObject({ code: 'GW_ERR_USAGE' });
      // A node without one goes by the port that the sender came to.
      if (reason === 'the port is missing') return;
      const { errors } = outcome(config({}).replace('mllp://h:1', text), folderWith({}));
      expect(errors).toEqual([
        expect.stringMatching(/^gateway\.yaml:5:\d+: pools\.p\.nodes\.a\.url: must be /),
      ]);
      expect(errors[0]?.endsWith(said)).toBe(true);
    },
  );

  test.each([
    ['tcp://h:1', 'mllp://h:1'],
    ['tls://h:1', 'mllps://h:1'],
  ])(
    '%s is an address of a node whose bytes are passed on, and of nobody who takes messages',
    async (text, meant) => {
      expect(urlHint(text)).toEqual({ reason: 'the scheme is not known', meant });
      expect(urlHint(text, { isOfPool: true })).toBeUndefined();
      await expect(messageTarget(text, { timeoutMs: 1000 }, new Printed())).rejects.toThrow(meant);
      const { errors } = outcome(config({}).replace('mllp://h:1', text), folderWith({}));
      expect(errors).toEqual([
        expect.stringMatching(/^gateway\.yaml:\d+:\d+: routes\[0\]\.to: leads what comes by listener/),
      ]);
    },
  );

  test('good ones have no hint, and a password is not repeated', async () => {
    for (const text of ['mllp://h:1', 'mllps://[::1]:2575', 'http://h', 'https://h:8443/x'])
      expect(urlHint(text)).toBeUndefined();
    for (const text of ['mllp://me:hunter2@h:1', 'tcp://me:hunter2@h:1'])
      expect(JSON.stringify(urlHint(text))).not.toContain('hunter2');
  });

  test('what comes from the environment is not repeated', () => {
    const text = config({}).replace('mllp://h:1', '${' + 'NODE}');
    const { errors } = outcome(text, folderWith({}), { NODE: 'udp://hidden:1' });
    expect(errors[0]).toContain('; the scheme is not known');
    expect(errors[0]).not.toContain('hidden');
  });
});

describe('a port that speaks another protocol', () => {
  const TLS = tlsOf('127.0.0.1', undefined).options;
  const nodes = {
    mllp: () => new SimulatedNode(MIRTH_DEFAULTS, () => {}),
    mllps: () => new SimulatedNode({ ...MIRTH_DEFAULTS, tls: TLS }, () => {}),
    http: () => new SimulatedHttpNode(MIRTH_HTTP_DEFAULTS, () => {}),
    https: () => new SimulatedHttpNode({ ...MIRTH_HTTP_DEFAULTS, tls: TLS }, () => {}),
  } as const;

  test.each([
    ['mllp', 'mllps', 'does it speak TLS, and so want mllps://?'],
    ['mllp', 'https', 'does it speak TLS, and so want mllps://?'],
    ['mllp', 'http', 'it speaks HTTP, so give http://'],
    ['mllps', 'mllp', 'does it speak no TLS, and so want mllp://?'],
    ['mllps', 'http', 'it speaks no TLS: does it want mllp:// or http://?'],
    ['mllps', 'https', 'it speaks HTTP, so give https://'],
    ['http', 'mllp', 'does it want https:// or mllp://?'],
    ['http', 'https', 'does it want https:// or mllp://?'],
    ['http', 'mllps', 'does it want https:// or mllp://?'],
    ['https', 'mllp', 'does it want mllps:// or http://?'],
    ['https', 'http', 'it speaks no TLS: does it want mllp:// or http://?'],
    ['https', 'mllps', 'does it want mllps:// or http://?'],
  ] as const)('%s:// to %s', async (protocol, kind, hint) => {
    const node = nodes[kind]();
    await node.start();
    try {
      const to = `${protocol}://127.0.0.1:${node.port}`;
      const options = { to, timeoutMs: 10_000, insecure: protocol.endsWith('s') };
      const printed = new Printed();
      expect(await send([fixture('ack-aa.hl7')], options, printed)).toBe(1);
      expect(printed.lines.out[0]?.endsWith(`; ${hint}`), printed.lines.out[0]).toBe(true);
    } finally {
      await node.stop();
    }
  });

  test('no hint where it has answered before', async () => {
    await using node = await startFaultyNode(answers.inSequence(answers.aa(), answers.close()));
    const printed = new Printed();
    const files = [fixture('adt-a01-admit.hl7'), fixture('adt-a03-discharge.hl7')];
    expect(await send(files, { to: node.url, timeoutMs: 10_000 }, printed)).toBe(1);
    expect(printed.lines.out.filter((line) => line.includes('no answer'))).toEqual([
      expect.not.stringContaining('does it'),
    ]);
  });
});

test.each<[string, (folder: string) => string, string]>([
  [
    'a name that is close',
    (folder) => join(folder, 'gatway.yaml'),
    'does not exist; did you mean "gateway.yaml"?',
  ],
  ['another name', (folder) => join(folder, 'x.json'), 'does not exist'],
  ['another folder', (folder) => join(folder, 'nowhere/gateway.yaml'), 'does not exist'],
  ['an empty folder', (folder) => join(folder, 'empty'), 'is a directory, not a file'],
])('a config file that is not there: %s', (_, path, said) => {
  const folder = folderWith({ 'gateway.yaml': '', 'notes.txt': '' });
  mkdirSync(join(folder, 'empty'));
  const printed = new Printed();
  expect(check(path(folder), { json: false }, printed, {})).toBe(2);
  expect(printed.lines.err).toEqual([`${path(folder)}: the config file ${said}`]);
});

test('a folder with a config in it', () => {
  const folder = folderWith({ 'gateway.yaml': '' });
  const printed = new Printed();
  expect(check(folder, { json: false }, printed, {})).toBe(2);
  expect(printed.lines.err).toEqual([
    `${folder}: the config file is a directory, not a file; did you mean "${join(folder, 'gateway.yaml')}"?`,
  ]);
});
