// `send` as a child process, against nodes of this process: what it prints of each answer, and its exit codes.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { folderWith } from '../config/config-folder.ts';
import { answers, type FaultyNode, type Script, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway } from '../helpers/gateway.ts';
import { message } from '../helpers/mllp.ts';
import { holdPort } from '../helpers/port-hold.ts';
import { command, fixture, start } from './command-line.ts';

const ADMIT = fixture('adt-a01-admit.hl7');
const RESULT = fixture('oru-r01-lab-numeric.hl7');
const MS = '\\d+\\.\\d ms';

async function against<Result>(script: Script, work: (node: FaultyNode) => Promise<Result>): Promise<Result> {
  await using node = await startFaultyNode(script);
  return await work(node);
}

test('every message accepted: each answer printed whole, a sum, exit code 0', async () => {
  await against(answers.aa(), async (node) => {
    const { code, out, err } = await command('send', ADMIT, RESULT, '--to', node.url);
    expect({ code, err }).toEqual({ code: 0, err: [] });
    expect(out).toEqual([
      expect.stringMatching(new RegExp(`^${ADMIT}  AN00000001  AA  ${MS}$`)),
      expect.stringMatching(
        /^ {4}MSH\|\^~\\&\|EHR\|NORTH\|ADMIT\|NORTH\|[\d.]+\|\|ACK\^A01\^ACK\|[\d.]+\|P\|2\.5\.1$/,
      ),
      '    MSA|AA|AN00000001',
      expect.stringMatching(new RegExp(`^${RESULT}  \\S+  AA  ${MS}$`)),
      expect.stringMatching(/^ {4}MSH\|.*\|ACK\^R01\^ACK\|[\d.]+\|P\|2\.5\.1$/),
      expect.stringMatching(/^ {4}MSA\|AA\|\S+$/),
      '2 sent, 2 accepted, 0 not',
    ]);
    expect(node.connections.total).toBe(1);
  });
});

test.for(['CA', 'AE', 'AR', 'CE', 'CR'])('an answer %s decides the exit code', async (answer) => {
  await against(answers.code(answer), async (node) => {
    const accepted = answer === 'CA';
    const { code, out, err } = await command('send', ADMIT, '--to', node.url);
    expect({ code, err }).toEqual({ code: accepted ? 0 : 1, err: [] });
    expect(out[0]).toMatch(new RegExp(`  AN00000001  ${answer}  ${MS}$`));
    expect(out.at(-1)).toBe(accepted ? '1 sent, 1 accepted, 0 not' : '1 sent, 0 accepted, 1 not');
  });
});

test('one refused message of several makes the exit code 1, and the rest is sent all the same', async () => {
  await against(answers.inSequence(answers.aa(), answers.ae(), answers.aa()), async (node) => {
    const { code, out } = await command('send', ADMIT, RESULT, ADMIT, '--to', node.url);
    expect({ code, last: out.at(-1) }).toEqual({ code: 1, last: '3 sent, 2 accepted, 1 not' });
    expect(node.controlIds).toHaveLength(3);
  });
});

test('--json prints a line for each message, with the whole answer', async () => {
  await against(answers.inSequence(answers.aa(), answers.close()), async (node) => {
    const { code, out, err } = await command('send', ADMIT, RESULT, '--to', node.url, '--json');
    expect({ code, err }).toEqual({ code: 1, err: [] });
    expect(out.map((line) => JSON.parse(line))).toEqual([
      {
        file: ADMIT,
        controlId: 'AN00000001',
        code: 'AA',
        ms: expect.any(Number),
        answer: expect.stringMatching(/^MSH\|.*\rMSA\|AA\|AN00000001$/),
      },
      { file: RESULT, controlId: expect.any(String), error: 'GW_ERR_NODE_CLOSED', text: expect.any(String) },
    ]);
  });
});

test('a message that is not answered in time is named, and exit code 1', async () => {
  await against(answers.none(), async (node) => {
    const { code, out, err } = await command('send', ADMIT, '--to', node.url, '--timeout', '50ms');
    expect({ code, err }).toEqual({ code: 1, err: [] });
    expect(out).toEqual([
      `${ADMIT}  AN00000001  no answer: a node did not answer within timeouts.ack (node 127.0.0.1:${node.port})`,
      '1 sent, 0 accepted, 1 not',
    ]);
  });
});

test('an answer cannot write to the terminal', async () => {
  await against(answers.aa({ text: 'all \x1b[2Jgone' }), async (node) => {
    const { out } = await command('send', ADMIT, '--to', node.url);
    expect(out).toContain('    MSA|AA|AN00000001|all \\u{1b}[2Jgone');
  });
});

test('a port that refuses: one line says so, exit code 1', async () => {
  // An own port, kept from everyone else and without a listener.
  const node = await startFaultyNode();
  const { port } = node;
  await node.close();
  const hold = await holdPort('127.0.0.1', port);
  try {
    const { code, out, err } = await command('send', ADMIT, '--to', `mllp://127.0.0.1:${port}`);
    expect({ code, err }).toEqual({ code: 1, err: [] });
    expect(out).toEqual([
      `${ADMIT}  AN00000001  no answer: a node could not be connected to (node 127.0.0.1:${port}): ECONNREFUSED`,
      '1 sent, 0 accepted, 1 not',
    ]);
  } finally {
    await hold.release();
  }
});

describe('a file that holds no message is exit code 2 and one line, and nothing is sent', () => {
  let folder: string;
  beforeEach(() => {
    folder = folderWith({ 'text.txt': 'hello world\n', 'empty.hl7': '', 'blank.hl7': '\n\n' });
    mkdirSync(join(folder, 'folder'));
    // No MSH by any chance: the first byte is not M, and no line begins with it.
    const random = Buffer.from(Array.from({ length: 300 }, (_, i) => 0x80 | ((i * 73) & 0x7f)));
    writeFileSync(join(folder, 'random.bin'), random);
  });

  test.for([
    ['random.bin', 'no HL7 message: the first segment is not MSH'],
    ['text.txt', 'no HL7 message: the first segment is not MSH'],
    ['blank.hl7', 'no HL7 message: the first segment is not MSH'],
    ['empty.hl7', 'it is empty'],
    ['gone.hl7', 'no such file'],
    ['folder', 'it is a directory, not a file'],
  ] as const)('%s', async ([name, why]) => {
    await against(answers.aa(), async (node) => {
      const file = join(folder, name);
      // The good one first: the command reads all before it sends any.
      expect(await command('send', ADMIT, file, '--to', node.url)).toEqual({
        code: 2,
        signal: null,
        out: [],
        err: [`a file could not be read: ${file}: ${why} [GW_ERR_FILE]`],
      });
      expect(node.accepted).toBe(0);
    });
  });
});

test('a reader that goes away early ends the command without a stack trace', async () => {
  await against(answers.aa(), async (node) => {
    const folder = folderWith({
      'many.hl7': Array.from({ length: 200 }, () => message().toString()).join(''),
    });
    const running = start('send', join(folder, 'many.hl7'), '--to', node.url);
    await running.line(/ {2}AA {2}/);
    running.child.stdout?.destroy();
    const { code, err } = await running.ended();
    expect({ code, err }).toEqual({ code: 1, err: [] });
  });
});

describe('F90 a message that asks for no answer where all is well', () => {
  test('send waits no longer than for silence, says none, and it counts as good', async () => {
    await using node = await startFaultyNode(answers.none());
    await using gw = await startGateway({ nodes: [node.url] });
    const file = fixture('adt-a08-no-ack-expected.hl7');
    const { code, out } = await command('send', file, '--to', `mllp://127.0.0.1:${gw.port()}`);
    expect(out.some((line) => / none /.test(line))).toBe(true);
    expect({ code, last: out.at(-1) }).toEqual({ code: 0, last: '1 sent, 1 accepted, 0 not' });
  });
});
