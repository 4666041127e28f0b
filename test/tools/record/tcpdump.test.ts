// A capture by tcpdump itself, of traffic through the kernel: what was sent is recorded byte for byte. Skipped by name where
// tcpdump is not installed, or may not capture.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readHeader } from '../../../src/hl7/header.ts';
import { readLiveMessages } from '../../../src/tools/replay/live/messages.ts';
import { command } from '../../cli/command-line.ts';
import { folderWith } from '../../config/config-folder.ts';
import { answers, startFaultyNode } from '../../helpers/faulty-node.ts';
import { connectSender } from '../../helpers/sender.ts';
import { until } from '../../helpers/until.ts';
import { generate } from './generated.ts';

const CAPTURES = spawnSync('tcpdump', ['-i', 'lo', '-c', '1', '-w', '/dev/null', 'port', '1'], {
  timeout: 500,
});
// Killed by the timeout: it was capturing.
const works = CAPTURES.signal !== null || CAPTURES.status === 0;

test.skipIf(!works)('tcpdump of two senders at once', async () => {
  await using node = await startFaultyNode(answers.aa());
  const folder = folderWith({});
  const file = join(folder, 'line.pcap');
  const args = [
    '-i',
    'lo',
    '-U',
    '--immediate-mode',
    // A frame of its ring is as large as the most that is taken of a packet: 262,144 bytes unless it is told otherwise.
    '-s',
    '65600',
    '-B',
    '65536',
    '-Z',
    'root',
    '-w',
    file,
    'tcp',
    'port',
    String(node.port),
  ];
  const tcpdump = spawn('tcpdump', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  onTestFinished(() => void tcpdump.kill('SIGKILL'));
  await once(tcpdump.stderr, 'data');
  await using a = await connectSender(node.port);
  await using b = await connectSender(node.port);
  const [first, second] = [generate(20, 5), generate(20, 6)].map((all) => all.map(({ bytes }) => bytes)) as [
    Buffer[],
    Buffer[],
  ];
  for (let i = 0; i < 20; i++)
    await Promise.all([a.exchange(first[i] as Buffer), b.exchange(second[i] as Buffer)]);
  // What is still with the kernel when tcpdump is told to end is not in the file. The answers to the last come last.
  const last = [first, second].map((all) => `MSA|AA|${readHeader(all.at(-1) as Buffer).controlId}`);
  await until(() => last.every((answer) => readFileSync(file).includes(answer)), { deadlineMs: 15_000 });
  tcpdump.kill('SIGINT');
  await once(tcpdump, 'close');
  const output = join(folder, 'out');
  const { code } = await command('record', '--pcap', file, '-o', output, '--raw');
  expect(code).toBe(0);
  const got = readLiveMessages([output]).messages.map(({ bytes }) => bytes.toString('latin1'));
  expect(got.toSorted()).toEqual([...first, ...second].map((bytes) => bytes.toString('latin1')).toSorted());
});
