// F112: help, exit codes and lists of messages: what is bad does not hide what is good, and a byte order mark hides nothing.

import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Command } from 'commander';
import { expect, test } from 'vitest';
import { deadline, showDefaultsAsTaken, size } from '../../src/cli/define/arguments.ts';
import { route } from '../../src/cli/messages/route.ts';
import { send } from '../../src/cli/messages/send.ts';
import { show } from '../../src/cli/messages/show.ts';
import { node } from '../../src/cli/node/node.ts';
import { replay } from '../../src/cli/replay/replay.ts';
import { replayDiff } from '../../src/cli/replay/replay-diff.ts';
import { replayLiveCommand } from '../../src/cli/replay/replay-live.ts';
import { durationText, parseDuration } from '../../src/config/formats.ts';
import { splitMessages } from '../../src/hl7/message-file.ts';
import { folderWith } from '../config/config-folder.ts';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';

const message = (id: string): string => `MSH|^~\\&|A|B|C|D|2026||ADT^A01|${id}|P|2.5.1\r`;
const BOM = '\ufeff';
const CONFIG = `listeners: { adt: { bind: "127.0.0.1:0" } }
pools: { pool: { nodes: { a: { url: "mllp://127.0.0.1:6661" } } } }
routes: [{ name: all, to: pool }]
`;

function listed(): {
  out: string[];
  err: string[];
  terminal: { out: (l: string) => void; err: (l: string) => void };
} {
  const out: string[] = [];
  const err: string[] = [];
  return { out, err, terminal: { out: (line) => void out.push(line), err: (line) => void err.push(line) } };
}

/** Two good files around one whose second message of three has no usable header. */
function folder(): { config: string; files: string[] } {
  const path = folderWith({
    'gateway.yaml': CONFIG,
    'a.hl7': message('A1'),
    'b.hl7': `${message('B1')}MSHX\r${message('B3')}`,
    'c.hl7': message('C1'),
  });
  return {
    config: join(path, 'gateway.yaml'),
    files: ['a', 'b', 'c'].map((name) => join(path, `${name}.hl7`)),
  };
}

const FAULT = /b\.hl7: message 2: no HL7 message: .*\[GW_ERR_FILE\]$/;

test('F112 show: a bad message hides no other', () => {
  const { out, err, terminal } = listed();
  expect(show(folder().files, { json: true }, terminal)).toBe(2);
  expect(out.map((line) => JSON.parse(line).controlId)).toEqual(['A1', 'B1', 'B3', 'C1']);
  expect(err).toEqual([expect.stringMatching(FAULT)]);
});

test('F112 show: a message has the number that it has in its file, good or bad, in a batch or not', () => {
  const path = folderWith({
    'plain.hl7': `${message('B1')}MSHX\r${message('B3')}`,
    'framed.hl7': [`BHS|^~\\&|A\r${message('C1')}${message('C2')}BTS|2\r`, 'hello', message('C4')]
      .map((payload) => `\x0b${payload}\x1c\r`)
      .join(''),
    'cut.hl7': `\x0b${message('D1')}\x0b${message('D2')}\x1c\r\x0bMSH|^~`,
    'batch.hl7': `BHS|^~\\&|A\r${message('E1')}MSHX\r${message('E3')}BTS|3\r`,
  });
  const told = (name: string): { numbers: unknown[]; err: string[] } => {
    const { out, err, terminal } = listed();
    expect(show([join(path, name)], { json: true }, terminal)).toBe(2);
    const numbers = out
      .map((line) => JSON.parse(line))
      .flatMap(({ message: number, controlId }) => (number === undefined ? [] : [`${number} ${controlId}`]));
    return { numbers, err: err.map((line) => /hl7: (message \d+): /.exec(line)?.[1] ?? line) };
  };
  expect(told('plain.hl7')).toEqual({ numbers: ['1 B1', '3 B3'], err: ['message 2'] });
  expect(told('framed.hl7')).toEqual({ numbers: ['1 C1', '2 C2', '4 C4'], err: ['message 3'] });
  expect(told('cut.hl7')).toEqual({ numbers: ['2 D2'], err: ['message 1', 'message 3'] });
  expect(told('batch.hl7')).toEqual({ numbers: ['1 E1', '3 E3'], err: ['message 2'] });
});

test('F112 send: each bad message is named, and nothing is sent', async () => {
  const { out, err, terminal } = listed();
  const { files } = folder();
  const options = { to: 'mllp://127.0.0.1:1', timeoutMs: 1000 };
  expect(await send(['nowhere.hl7', ...files], options, terminal)).toBe(2);
  expect(out).toEqual([]);
  expect(err).toEqual([expect.stringContaining('nowhere.hl7: no such file'), expect.stringMatching(FAULT)]);
});

test('F112 replay --diff of configs: a bad message and a missing file hide no other', async () => {
  const { out, err, terminal } = listed();
  const { config, files } = folder();
  const other = folderWith({ 'other.yaml': CONFIG.replace('name: all', 'name: other') });
  const options = { diff: [config, join(other, 'other.yaml')], timeoutMs: 1000, json: true };
  const { signal } = new AbortController();
  expect(await replayDiff(['nowhere.hl7', ...files], options, terminal, signal)).toBe(2);
  const compared = out.map((line) => JSON.parse(line)).filter((line) => line.file !== undefined);
  expect(compared.map((line) => `${line.number ?? line.message} ${line.controlId ?? line.id}`)).toEqual([
    '1 A1',
    '1 B1',
    '3 B3',
    '1 C1',
  ]);
  expect(err).toEqual([expect.stringContaining('nowhere.hl7: no such file'), expect.stringMatching(FAULT)]);
});

test('F112 replay --to: a bad message hides no other', async () => {
  await using node = await startFaultyNode(answers.aa());
  const { err, terminal } = listed();
  const options = { to: [node.url], timeoutMs: 10_000, connections: 1, pipelining: 1, json: true };
  const around = { until: new AbortController().signal };
  expect(await replayLiveCommand(folder().files, options, terminal, around)).toBe(2);
  expect(node.controlIds).toEqual(['A1', 'B1', 'B3', 'C1']);
  expect(err).toEqual([expect.stringMatching(FAULT)]);
});

test('F112 route: a bad message and a missing file hide no other', () => {
  const { out, err, terminal } = listed();
  const { config, files } = folder();
  const options = { source: '127.0.0.1', path: '/', host: 'localhost', json: true };
  expect(route(config, ['nowhere.hl7', ...files], options, terminal)).toBe(2);
  expect(out.map((line) => JSON.parse(line).controlId)).toEqual(['A1', 'B1', 'B3', 'C1']);
  expect(err).toEqual([expect.stringContaining('nowhere.hl7: no such file'), expect.stringMatching(FAULT)]);
});

test('F112 replay: a bad message hides no other', async () => {
  const { out, err, terminal } = listed();
  const { config, files } = folder();
  expect(await replay(['nowhere.hl7', ...files], { config }, terminal)).toBe(2);
  const played = out.join('\n');
  for (const id of ['A1', 'B1', 'B3', 'C1']) expect(played).toContain(`${id}: route all`);
  expect(err).toEqual([expect.stringContaining('nowhere.hl7: no such file'), expect.stringMatching(FAULT)]);
});

test.each([
  ['a message', `${BOM}${message('X')}`, 1],
  ['an empty line and messages', `${BOM}\r\n${message('X')}${message('Y')}`, 2],
  ['a batch', `${BOM}FHS|^~\\&|A\rBHS|^~\\&|A\r${message('X')}${message('Y')}BTS|2\rFTS|1\r`, 1],
  ['frames', `${BOM}\x0b${message('X')}\x1c\r\x0b${message('Y')}\x1c\r`, 2],
])('F112 a byte order mark before %s is read as the gateway reads it', (_, text, count) => {
  const messages = splitMessages(Buffer.from(text));
  expect(messages).toHaveLength(count);
  expect(messages.at(-1)?.toString().trim().endsWith('2.5.1') || count === 1).toBe(true);
});

test('F112 help shows durations and sizes as they are taken', () => {
  const program = new Command('x');
  program
    .command('y')
    .option('--timeout <duration>', 'for it', deadline, 90_000)
    .option('--max <size>', 'of it', size, 64 * 1024 * 1024);
  showDefaultsAsTaken(program);
  const help = program.commands[0]?.helpInformation();
  expect(help).toContain('(default: 90s)');
  expect(help).toContain('(default: 64MiB)');
  for (const ms of [0, 1, 1500, 30_000, 60_000, 90_000, 7_200_000])
    expect(parseDuration(durationText(ms))).toBe(ms);
});

test.each(['mllp', 'http'])(
  'F112 node: an %s port in use is an error of the kind that is exit code 1',
  async (protocol) => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    try {
      const options = {
        listen: `${protocol}://127.0.0.1:${port}`,
        ack: 'AA',
        delayMs: 0,
        failEvery: 0,
        closeAfter: 0,
      } as const;
      await expect(node(options, listed().terminal)).rejects.toMatchObject({ code: 'GW_ERR_LISTEN' });
    } finally {
      server.close();
    }
  },
);
