// F112: help, exit codes and lists of messages: what is bad does not hide what is good, and a byte order mark hides nothing.

import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Command } from 'commander';
import { expect, test } from 'vitest';
import { deadline, showDefaultsAsTaken, size } from '../../src/commands/arguments.ts';
import { node } from '../../src/commands/node.ts';
import { replay } from '../../src/commands/replay.ts';
import { route } from '../../src/commands/route.ts';
import { show } from '../../src/commands/show.ts';
import { durationText, parseDuration } from '../../src/config/formats.ts';
import { splitMessages } from '../../src/hl7/message-file.ts';
import { folderWith } from '../config/config-folder.ts';

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

test('F112 route: a bad message and a missing file hide no other', () => {
  const { out, err, terminal } = listed();
  const { config, files } = folder();
  const options = { source: '127.0.0.1', path: '/', host: 'localhost', json: true };
  expect(route(config, ['nowhere.hl7', ...files], options, terminal)).toBe(2);
  expect(out.map((line) => JSON.parse(line).controlId)).toEqual(['A1', 'B1', 'B3', 'C1']);
  expect(err).toEqual([expect.stringContaining('nowhere.hl7: no such file'), expect.stringMatching(FAULT)]);
});

test('F112 replay: a bad file hides no other', async () => {
  const { out, err, terminal } = listed();
  const { config, files } = folder();
  expect(await replay(files, { config }, terminal)).toBe(2);
  const played = out.join('\n');
  expect(played).toContain('A1: route all');
  expect(played).toContain('C1: route all');
  expect(err).toEqual([expect.stringMatching(FAULT)]);
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
