// `record` as a child process: what it writes and prints, and its exit codes, also where the input is bad.
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { TOKEN } from '../admin/admin-room.ts';
import { openTapRoom } from '../admin/tap-room.ts';
import { folderWith } from '../config/config-folder.ts';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { ackFor, frame } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { until } from '../helpers/until.ts';
import { pcap, TcpConversation } from '../tools/record/pcap-writer.ts';
import { command, fixture, start } from './command-line.ts';

const TEXT =
  'MSH|^~\\&|A|B|C|D|2026||ADT^A01|ID1|P|2.5\rPID|1||100001^^^NORTH||SMITHSON^ANNA||19520417\rZPI|1|x\r';

function captured(messages = 1): Buffer {
  const tcp = new TcpConversation();
  const packets = tcp.open();
  for (let i = 0; i < messages; i++) {
    const sent = Buffer.from(TEXT.replace('ID1', `ID${i + 1}`));
    packets.push(tcp.send('client', frame(sent)), tcp.send('server', frame(ackFor(sent))));
  }
  return pcap(packets.map((ip, i) => ({ ms: 1_790_000_000_000 + i, ip })));
}

function folderOf(bytes: Buffer): { file: string; output: string; folder: string } {
  const folder = folderWith({});
  const file = join(folder, 'line.pcap');
  writeFileSync(file, bytes);
  return { file, output: join(folder, 'out'), folder };
}

test('--pcap: de-identified, with a report that counts by field', async () => {
  const { file, output } = folderOf(captured());
  const { code, out, err } = await command('record', '--pcap', file, '-o', output);
  expect({ code, err }).toEqual({ code: 0, err: [] });
  expect(out).toEqual([
    '5 packets, 1 connections, 1 of them with messages',
    'field  pseudonyms  dates moved  blanked  dropped',
    'MSH-7              2',
    'PID-3  1',
    'PID-5  2',
    'PID-7              1',
    'ZPI                                      1',
    `1 messages in ${output}, 1 with an answer`,
  ]);
  expect(readdirSync(output).toSorted()).toEqual([
    'answers.mllp',
    'messages-0001.hl7',
    'recording.jsonl',
    'report.json',
  ]);
  const text = readFileSync(join(output, 'messages-0001.hl7'), 'latin1');
  expect(text).toMatch(
    /^\x0bMSH\|\^~\\&\|A\|B\|C\|D\|202[56]\|\|ADT\^A01\|ID1\|P\|2\.5\rPID\|1\|\|\d{8}\^\^\^NORTH\|\|[A-Z]{8}\^[A-Z]{8}\|\|195\d{5}\r\x1c\r$/,
  );
  expect(JSON.parse(readFileSync(join(output, 'report.json'), 'utf8'))).toMatchObject({
    raw: false,
    messages: 1,
    answered: 1,
    replaced: { 'PID-5': { pseudonym: 2 }, ZPI: { dropped: 1 } },
  });
  // Nobody else on the machine reads it.
  expect(statSync(output).mode & 0o777).toBe(0o700);
  for (const name of readdirSync(output)) expect(statSync(join(output, name)).mode & 0o777).toBe(0o600);
});

test('the same key, the same pseudonyms; without one they differ', async () => {
  const key = join(folderWith({ key: 'a key of some length\n' }), 'key');
  const runs: string[] = [];
  for (const args of [['--pseudonym-key', key], ['--pseudonym-key', key, '--keep-segment', 'ZPI'], []]) {
    const { file, output } = folderOf(captured());
    expect((await command('record', '--pcap', file, '-o', output, ...args)).code).toBe(0);
    runs.push(readFileSync(join(output, 'messages-0001.hl7'), 'latin1'));
  }
  expect(runs[1]?.replace('ZPI|1|x\r', '')).toBe(runs[0]);
  expect(runs[1]).toContain('ZPI|1|x\r');
  expect(runs[2]).not.toBe(runs[0]);
});

test('a capture that is cut off: what was before is written; one line, exit code 1', async () => {
  const bytes = captured(3);
  const { file, output } = folderOf(bytes.subarray(0, bytes.length - 40));
  const { code, out, err } = await command('record', '--pcap', file, '-o', output, '--json');
  expect(code).toBe(1);
  expect(err).toEqual([
    `${file} is cut off: it ends in the middle of a packet; what was before that is recorded`,
  ]);
  expect(JSON.parse(out[0] ?? '')).toMatchObject({ messages: 3, answered: 2, truncated: expect.any(String) });
});

test('what is no capture leaves no folder', async () => {
  const { output } = folderOf(Buffer.alloc(0));
  const { code, err } = await command('record', '--pcap', fixture('adt-a01-admit.hl7'), '-o', output);
  expect([code, existsSync(output)]).toEqual([2, false]);
  expect(err).toEqual([expect.stringMatching(/it is neither pcap nor pcapng \[GW_ERR_FILE\]$/)]);
});

test.for([
  [[], /record wants one of --pcap and --admin/],
  [['--pcap', 'x', '--admin', 'http://127.0.0.1:1'], /record wants one of --pcap and --admin/],
  [['--pcap', 'nowhere.pcap'], /nowhere\.pcap: no such file/],
  [['--pcap', 'x', '--keep-segment', 'NTE'], /--keep-segment takes Z segments/],
  [['--pcap', 'x', '--raw', '--same-length'], /--raw changes nothing/],
  [['--admin', 'http://10.0.0.1:9600'], /messages cross the network as they are over http/],
  [['--admin', 'http://127.0.0.1:1', '--chunks'], /--chunks and --port go with --pcap/],
] as const)('bad usage: %j', async ([args, words]) => {
  const output = join(folderWith({}), 'out');
  const { code, err } = await command('record', ...args, '-o', output);
  expect([code, existsSync(output)]).toEqual([2, false]);
  expect(err.join('\n')).toMatch(words);
});

test('a folder with something in it, and a short key', async () => {
  const { file, folder, output } = folderOf(captured());
  const full = await command('record', '--pcap', file, '-o', folder);
  expect([full.code, full.err]).toEqual([
    2,
    [expect.stringMatching(/is not empty; a recording gets a folder of its own/)],
  ]);
  const key = join(folderWith({ key: 'short' }), 'key');
  const short = await command('record', '--pcap', file, '-o', output, '--pseudonym-key', key);
  expect([short.code, short.err]).toEqual([2, [expect.stringMatching(/has fewer than 16 bytes/)]]);
});

test('--admin: a gateway without a tap, and none at all: one line, exit code 1, no folder', async () => {
  await using node = await startFaultyNode(answers.aa());
  const room = await openTapRoom(node, { tap: false });
  const folder = folderWith({ token: TOKEN });
  const output = join(folder, 'out');
  const off = await command(
    'record',
    '--admin',
    room.url,
    '--token-file',
    join(folder, 'token'),
    '-o',
    output,
  );
  expect([off.code, off.err, existsSync(output)]).toEqual([
    1,
    [expect.stringMatching(/the config has no admin\.tap: true/)],
    false,
  ]);
  const none = await command('record', '--admin', 'http://127.0.0.1:1', '-o', output);
  expect([none.code, none.err, existsSync(output)]).toEqual([
    1,
    [expect.stringMatching(/nothing listens there/)],
    false,
  ]);
});

test('--admin: Ctrl-C ends it with what there is; nobody is in it', async () => {
  await using node = await startFaultyNode(answers.aa());
  const room = await openTapRoom(node);
  const folder = folderWith({ token: TOKEN });
  const output = join(folder, 'out');
  const run = start(
    'record',
    '--admin',
    room.url,
    '--token-file',
    join(folder, 'token'),
    '-o',
    output,
    '--for',
    '10m',
  );
  await until(() => room.log.some(({ msg }) => msg === 'admin: tap begun'), { deadlineMs: 15_000 });
  await using sender = await connectSender(room.port('in'));
  await sender.exchange(Buffer.from(TEXT));
  const index = join(output, 'recording.jsonl');
  await until(() => existsSync(index) && readFileSync(index, 'utf8').includes('\n'));
  const { code, out, err } = await run.stop('SIGINT');
  expect({ code, err }).toEqual({ code: 0, err: [] });
  expect(out.at(-1)).toBe(`1 messages in ${output}, 1 with an answer`);
  expect(readFileSync(join(output, 'messages-0001.hl7'), 'latin1')).not.toMatch(/SMITHSON|100001|19520417/);
  await until(() => room.log.some(({ end }) => end === 'reader'));
});

test('--admin: the gateway goes away: what came is written; one line, exit code 1', async () => {
  await using node = await startFaultyNode(answers.aa());
  const folder = folderWith({ token: TOKEN });
  const config = {
    listeners: { in: { bind: '127.0.0.1:0' } },
    pools: { p: { nodes: { a: { url: node.url } } } },
    routes: [{ to: 'p', name: 'all' }],
    admin: { bind: '127.0.0.1:0', token: TOKEN, tap: true },
  };
  writeFileSync(join(folder, 'gateway.yaml'), JSON.stringify(config));
  const gateway = start('run', '-c', join(folder, 'gateway.yaml'));
  const [, address = ''] = await gateway.line(/"address":"([^"]+)","msg":"admin API listening"/);
  const [, port = ''] = await gateway.line(/"listener":"in","address":"[^"]*:(\d+)"/);
  const output = join(folder, 'out');
  const run = start(
    'record',
    '--admin',
    `http://${address}`,
    '--token-file',
    join(folder, 'token'),
    '-o',
    output,
  );
  await gateway.line(/admin: tap begun/);
  await using sender = await connectSender(Number(port));
  await sender.exchange(Buffer.from(TEXT));
  const index = join(output, 'recording.jsonl');
  await until(() => existsSync(index) && readFileSync(index, 'utf8').includes('\n'));
  await gateway.stop('SIGKILL');
  const { code, out, err } = await run.ended();
  expect([code, out.at(-1)]).toEqual([1, `1 messages in ${output}, 1 with an answer`]);
  expect(err).toEqual([expect.stringMatching(/^the gateway's tap ended before its time/)]);
});
