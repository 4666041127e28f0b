// `show`: what it prints of a message, to people and to machines, and what it says of files that hold none.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { show } from '../../src/cli/messages/show.ts';
import { folderWith } from '../config/config-folder.ts';
import { command, fixture } from './command-line.ts';

/** In this process: the lines that it prints. */
function shown(files: readonly string[], json = false): string[] {
  const out: string[] = [];
  const terminal = {
    out: (line: string) => void out.push(line),
    err: (line: string) => void out.push(`! ${line}`),
  };
  expect(show(files, { json }, terminal)).toBe(0);
  return out;
}

function file(content: string | Buffer): string {
  const folder = folderWith({});
  writeFileSync(join(folder, 'message.hl7'), content);
  return join(folder, 'message.hl7');
}

const HEAD = 'MSH|^~\\&|APP|||||||||2.3';

/** Without the lines of MSH. */
function body(content: string | Buffer): string[] {
  const lines = shown([file(content)]);
  return lines.slice(lines.findIndex((line, i) => i > 1 && !line.startsWith('  ')));
}

describe('a message', () => {
  test('segment by segment, each field by path and name', () => {
    const path = file(
      'MSH|^~\\&|APP|FAC|||2026||ADT^A01^ADT_A01|ID-1|P|2.5.1\rPID|1||11^^^H&1.2~22||DOE^JO\rZPI|x||y\r',
    );
    expect(shown([path])).toEqual([
      `${path}  message 1  ADT^A01^ADT_A01  ID-1  2.5.1`,
      'MSH  Message Header',
      '  MSH-1   Field Separator       |',
      '  MSH-2   Encoding Characters   ^~\\&',
      '  MSH-3   Sending Application   APP',
      '  MSH-4   Sending Facility      FAC',
      '  MSH-7   Date/Time of Message  2026',
      '  MSH-9   Message Type          ADT^A01^ADT_A01',
      '  MSH-10  Message Control ID    ID-1',
      '  MSH-11  Processing ID         P',
      '  MSH-12  Version ID            2.5.1',
      'PID  Patient Identification',
      '  PID-1     Set ID - PID             1',
      '  PID-3[1]  Patient Identifier List  11^^^H&1.2',
      '  PID-3[2]  Patient Identifier List  22',
      '  PID-5     Patient Name             DOE^JO',
      'ZPI',
      '  ZPI-1    x',
      '  ZPI-3    y',
    ]);
  });

  test.each<[string, string | Buffer, string[]]>([
    [
      'segments of one name are numbered',
      `${HEAD}\rNTE|1\rNTE|2`,
      [
        'NTE  Notes and Comments',
        '  NTE-1  Set ID - NTE  1',
        'NTE[2]  Notes and Comments',
        '  NTE[2]-1  Set ID - NTE  2',
      ],
    ],
    [
      'escapes are decoded, lines are lines',
      `${HEAD}\rNTE|||a\\T\\b\\.br\\c`,
      ['NTE  Notes and Comments', '  NTE-3  Comment  a&b', '                  c'],
    ],
    [
      'delimiters are shown as the standard ones',
      'MSH#!@%*#A\rNTE##X!Y*Z',
      ['NTE  Notes and Comments', '  NTE-2  Source of Comment  X^Y&Z'],
    ],
    [
      'nothing moves the cursor',
      `${HEAD}\r\x1b[2J|x\x1b[2J\\X9B\\\\X07\\`,
      ['\\u{1b}[2J', '  \\u{1b}[2J-1    x\\u{1b}[2J›\\u{7}'],
    ],
    ['a segment without fields is its name', `${HEAD}\rZPI`, ['ZPI']],
    [
      'in its charset',
      Buffer.concat([Buffer.from('MSH|^~\\&|A|||||||||||||||8859/5\rNTE|||'), Buffer.from('b6', 'hex')]),
      ['NTE  Notes and Comments', '  NTE-3  Comment  Ж'],
    ],
    [
      'UTF-16 too',
      Buffer.from(`\ufeff${HEAD}\rNTE|||山\r`, 'utf16le'),
      ['NTE  Notes and Comments', '  NTE-3  Comment  山'],
    ],
  ])('%s', (_, content, lines) => expect(body(content)).toEqual(lines));

  test('a long value is cut, and whole in JSON', () => {
    const long = 'x'.repeat(5_000);
    const path = file(`${HEAD}\rNTE|||${long}\r`);
    expect(body(`${HEAD}\rNTE|||${long}\r`)[1]).toBe(
      `  NTE-3  Comment  ${'x'.repeat(1000)}… (5000 characters)`,
    );
    expect(shown([path], true)[0]).toContain(long);
  });
});

describe('several', () => {
  test('files and messages follow one another, with a blank line between', () => {
    const two = file(`${HEAD}\rPID|1\r${HEAD}\rPID|2\r`);
    const lines = shown([fixture('ack-aa.hl7'), two]);
    expect(lines.filter((line) => line.includes('  message '))).toEqual([
      `${fixture('ack-aa.hl7')}  message 1  ACK^A01^ACK  EN-ACK-1  2.5.1`,
      `${two}  message 1  2.3`,
      `${two}  message 2  2.3`,
    ]);
    expect(lines.filter((line) => line === '')).toHaveLength(2);
  });

  test('a batch: its headers, its messages, its trailers', () => {
    const path = fixture('batch-adt.hl7');
    const heads = shown([path]).filter((line) => line.startsWith(path));
    expect(heads.map((line) => line.slice(path.length + 2).replace(/ {2}.*/, ''))).toEqual([
      ...['FHS', 'BHS', 'message 1', 'message 2', 'message 3', 'BTS', 'FTS'],
    ]);
    const json = shown([path], true).map((line) => JSON.parse(line));
    expect(json.map(({ message, controlId, segments }) => [message, controlId, segments[0].segment])).toEqual(
      [
        [undefined, undefined, 'FHS'],
        [undefined, undefined, 'BHS'],
        [1, 'S3', 'MSH'],
        [2, 'S4', 'MSH'],
        [3, 'S5', 'MSH'],
        [undefined, undefined, 'BTS'],
        [undefined, undefined, 'FTS'],
      ],
    );
  });
});

test('--json: a line for each message', async () => {
  const path = file('MSH|^~\\&|APP||||||ADT^A01|ID-1|P|2.5.1\rPID|||11^^^H&1.2~22\r');
  const { code, out, err } = await command('show', '--json', path);
  expect({ code, err }).toEqual({ code: 0, err: [] });
  expect(out.map((line) => JSON.parse(line))).toEqual([
    {
      file: path,
      message: 1,
      type: 'ADT^A01',
      controlId: 'ID-1',
      version: '2.5.1',
      segments: [
        {
          segment: 'MSH',
          title: 'Message Header',
          fields: expect.arrayContaining([
            { path: 'MSH-9', name: 'Message Type', value: [[['ADT'], ['A01']]] },
          ]),
        },
        {
          segment: 'PID',
          title: 'Patient Identification',
          fields: [
            {
              path: 'PID-3',
              name: 'Patient Identifier List',
              value: [[['11'], [''], [''], ['H', '1.2']], [['22']]],
            },
          ],
        },
      ],
    },
  ]);
});

describe('bad input is one line and exit code 2, and hides nothing that is good (F112)', () => {
  test.each<[string, string | undefined, string]>([
    ['no such file', undefined, 'no such file'],
    ['a directory', '', 'it is a directory, not a file'],
    ['an empty file', '', 'it is empty'],
    ['no HL7', 'hello, SECRET', 'no HL7 message: the first segment is not MSH'],
    [
      'letters for delimiters',
      'MSHSECRET',
      'no HL7 message: MSH-1 and MSH-2 are no usable delimiters: MSH-1',
    ],
    [
      'more than can be read',
      `${HEAD}\rOBX${'|'.repeat(1_000_002)}`,
      'a message has too many parts to be read whole: fields',
    ],
  ])('%s', (what, content, reason) => {
    const folder = folderWith({});
    const path = join(folder, 'x.hl7');
    if (what === 'a directory') mkdirSync(path);
    else if (content !== undefined) writeFileSync(path, content);
    const good = fixture('ack-aa.hl7');
    const out: string[] = [];
    const err: string[] = [];
    const terminal = {
      out: (line: string) => void out.push(line),
      err: (line: string) => void err.push(line),
    };
    expect(show([path, good], {}, terminal)).toBe(2);
    expect({ out, err }).toEqual({
      out: shown([good]),
      err: [`a file could not be read: ${path}: ${reason} [GW_ERR_FILE]`],
    });
  });

  test('no file at all', async () => {
    const { code, err } = await command('show');
    expect({ code, err: err[0] }).toEqual({ code: 2, err: "error: missing required argument 'message'" });
  });
});
