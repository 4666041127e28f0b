// Messages by standard input: `send -`, `show -` and `route -`, in every form that a file may have.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { route } from '../../src/cli/messages/route.ts';
import { send } from '../../src/cli/messages/send.ts';
import { show } from '../../src/cli/messages/show.ts';
import { readStandardInput } from '../../src/cli/standard-input.ts';
import { folderWith } from '../config/config-folder.ts';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { COMMAND } from '../helpers/product-command.ts';
import { Printed } from './admin-command.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CONFIG = `listeners: { adt: { bind: "127.0.0.1:0" } }
pools: { pool: { nodes: { a: { url: "mllp://127.0.0.1:6661" } } } }
routes: [{ name: all, to: pool }]
`;

const message = (id: string, end: string): string =>
  `MSH|^~\\&|A|B|C|D|2026||ADT^A01|${id}|P|2.5.1${end}EVN|A01${end}`;

const FORMS: readonly (readonly [what: string, text: string])[] = [
  ['CR', message('1', '\r') + message('2', '\r')],
  ['LF', message('1', '\n') + message('2', '\n')],
  ['CRLF', message('1', '\r\n') + message('2', '\r\n')],
  ['frames', `\x0b${message('1', '\r')}\x1c\r\x0b${message('2', '\r')}\x1c\r`],
  ['a byte order mark', `\ufeff${message('1', '\r')}${message('2', '\r')}`],
  ['a byte order mark and frames', `\ufeff\x0b${message('1', '\r')}\x1c\r\x0b${message('2', '\r')}\x1c\r`],
];

/** In pieces, as a pipe gives it. */
function piped(text: string): Readable {
  const bytes = Buffer.from(text);
  return Readable.from([bytes.subarray(0, 5), bytes.subarray(5, 40), bytes.subarray(40)]);
}

async function read(text: string): Promise<Buffer | undefined> {
  return readStandardInput(['-'], piped(text));
}

test.each(FORMS)('%s', async (_, text) => {
  const input = await read(text);
  const shown = new Printed();
  expect(show(['-'], { json: true, input }, shown)).toBe(0);
  expect(shown.lines.out.map((line) => JSON.parse(line))).toMatchObject([
    { file: '-', message: 1, controlId: '1' },
    { file: '-', message: 2, controlId: '2' },
  ]);

  const routed = new Printed();
  const config = join(folderWith({ 'gateway.yaml': CONFIG }), 'gateway.yaml');
  const options = { source: '127.0.0.1', path: '/', host: 'localhost', json: true, input };
  expect(route(config, ['-'], options, routed)).toBe(0);
  expect(routed.lines.out.map((line) => JSON.parse(line).controlId)).toEqual(['1', '2']);

  await using node = await startFaultyNode(answers.aa());
  expect(await send(['-'], { to: node.url, timeoutMs: 10_000, input }, new Printed())).toBe(0);
  expect(node.controlIds).toEqual(['1', '2']);
});

test('standard input that holds no message is named so', async () => {
  for (const [text, why] of [
    ['', 'it is empty'],
    ['hello', 'no HL7 message: the first segment is not MSH'],
    [`${message('1', '\r')}MSHX\r`, 'message 2: no HL7 message: '],
  ] as const) {
    const printed = new Printed();
    const input = await read(text);
    expect(await send(['-'], { to: 'mllp://127.0.0.1:1', timeoutMs: 1000, input }, printed)).toBe(2);
    expect(printed.lines.err).toEqual([expect.stringContaining(`standard input: ${why}`)]);
  }
});

test('it is read where it is asked for, once, and within a bound', async () => {
  expect(await readStandardInput(['a.hl7'], piped('x'))).toBeUndefined();
  await expect(readStandardInput(['-', '-'], piped('x'))).rejects.toMatchObject({ code: 'GW_ERR_USAGE' });
  await expect(readStandardInput(['-'], piped('x'.repeat(100)), 99)).rejects.toMatchObject({
    code: 'GW_ERR_FILE',
  });
  const broken = new Readable({ read: () => broken.destroy(Object.assign(new Error(), { code: 'EIO' })) });
  await expect(readStandardInput(['-'], broken)).rejects.toMatchObject({ code: 'GW_ERR_FILE' });
});

test('a user has it in a pipe', async () => {
  const child = spawn(process.execPath, [COMMAND, 'show', '--json', '-'], {
    cwd: ROOT,
    env: { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stdin.end(message('1', '\n'));
  const [code] = await once(child, 'close');
  expect({ code, id: JSON.parse(out).controlId }).toEqual({ code: 0, id: '1' });
});
