// `run` as a child process: a start that cannot work is one clear line, and a signal ends it at a message boundary.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { endOther } from '../../src/cli/run/run.ts';
import { createLog } from '../../src/observe/log/log.ts';
import { made } from '../certs/made.ts';
import { folderWith } from '../config/config-folder.ts';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { message, msaOf } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { gate } from '../helpers/until.ts';
import { command, type Ended, start } from './command-line.ts';

function configFile(text: string, files: Readonly<Record<string, string>> = {}): string {
  return join(folderWith({ 'gateway.yaml': text, ...files }), 'gateway.yaml');
}

const good = (nodeUrl: string, bind = '127.0.0.1:0', more = ''): string => `listeners:
  in: { bind: "${bind}"${more} }
pools:
  p: { nodes: { a: { url: "${nodeUrl}" } } }
routes:
  - to: p
`;

const ANY = 'mllp://127.0.0.1:1';

function refused(code: number, ...err: unknown[]): Ended {
  return { code, signal: null, out: [], err: err as string[] };
}

test('a port in use is exit code 1 and one line that names listener, address and what to do', async () => {
  await using other = await startFaultyNode();
  const { code, err } = await command('run', '-c', configFile(good(ANY, `127.0.0.1:${other.port}`)));
  expect({ code, err }).toEqual({
    code: 1,
    err: [
      `the address could not be listened on: listener in on 127.0.0.1:${other.port}: the port is in use; stop what holds it or choose another [GW_ERR_LISTEN]`,
    ],
  });
});

test('an address that this machine does not have is exit code 1 and one line', async () => {
  // 192.0.2.0/24 is for documentation (RFC 5737), so no machine has it.
  const { code, err } = await command('run', '-c', configFile(good(ANY, '192.0.2.1:2575')));
  expect({ code, err }).toEqual({
    code: 1,
    err: [
      'the address could not be listened on: listener in on 192.0.2.1:2575: this machine has no such address [GW_ERR_LISTEN]',
    ],
  });
});

test('a certificate that is not there is exit code 2 and one line', async () => {
  const text = good(ANY, '127.0.0.1:0', ', tls: { cert: gone.pem, key: vip.key }');
  expect(await command('run', '-c', configFile(text, { 'vip.key': '' }))).toEqual(
    refused(
      2,
      expect.stringMatching(
        /gateway\.yaml:2:\d+: listeners\.in\.tls\.cert: the file "gone\.pem" does not exist/,
      ),
    ),
  );
});

test('a certificate that is none is exit code 2 and one line', async () => {
  const text = good(ANY, '127.0.0.1:0', ', tls: { cert: vip.pem, key: vip.key }');
  expect(await command('run', '-c', configFile(text, { 'vip.pem': 'hello', 'vip.key': 'hello' }))).toEqual(
    refused(
      2,
      expect.stringMatching(/^a certificate or key file is not usable: .*vip\.pem: .* \[GW_ERR_TLS_FILE\]$/),
    ),
  );
});

test('broken YAML is exit code 2 and one line with its place', async () => {
  expect(await command('run', '-c', configFile('listeners: [\n'))).toEqual(
    refused(2, expect.stringMatching(/gateway\.yaml:2:1: not valid YAML: /)),
  );
});

test('an unknown key is exit code 2 and a line that says what was meant', async () => {
  expect(await command('run', '-c', configFile(`${good(ANY)}shutdwn: { timeout: 1s }\n`))).toEqual(
    refused(2, expect.stringMatching(/gateway\.yaml:7:1: shutdwn: unknown key; did you mean "shutdown"\?$/)),
  );
});

test('the config is gateway.yaml in the working directory unless told', async () => {
  // The repository's own top folder has none.
  expect(await command('run')).toEqual(refused(2, 'gateway.yaml: the config file does not exist'));
});

async function listening(gateway: ReturnType<typeof start>): Promise<number> {
  const [line] = await gateway.line(/^\{.*"msg":"listening"\}$/);
  const { address } = JSON.parse(line) as { address: string };
  return Number(address.split(':').at(-1));
}

test.for(['SIGTERM', 'SIGINT'] as const)(
  '%s: what is in work is answered, then exit code 0',
  async (signal) => {
    const hold = gate();
    await using node = await startFaultyNode(answers.after(hold));
    const gateway = start('run', '-c', configFile(good(node.url)));
    await using sender = await connectSender(await listening(gateway));
    const sent = message({ controlId: 'R-1' });
    await sender.send(sent);
    await node.received(1);
    const stopped = gateway.stop(signal);
    await gateway.line(/"msg":"draining"/);
    hold.open();
    const answer = await sender.nextAck();
    expect(msaOf(answer)).toEqual({ code: 'AA', controlId: 'R-1' });
    const { code, out, err } = await stopped;
    expect({ code, err }).toEqual({ code: 0, err: [] });
    expect(node.messages.map(({ payload }) => payload)).toEqual([sent]);
    const log = out.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(log.map(({ msg }) => msg)).toEqual(['listening', 'started', 'draining', 'message', 'stopped']);
    expect(log[3]).toMatchObject({ controlId: 'R-1', node: 'a', outcome: 'answered', reply: 'AA' });
  },
);

test('what cannot be answered in shutdown.timeout is cut, and the exit code says so', async () => {
  await using node = await startFaultyNode(answers.none());
  const gateway = start('run', '-c', configFile(`${good(node.url)}shutdown: { timeout: 50ms }\n`));
  await using sender = await connectSender(await listening(gateway));
  await sender.send(message());
  await node.received(1);
  expect(await gateway.stop()).toMatchObject({ code: 1, signal: null, err: [] });
  // Not the node's answer, which never comes: the sender was cut off.
  expect((await sender.closed).code).toBeUndefined();
  expect(sender.acks).toEqual([]);
});

test('a second signal ends it at once', async () => {
  await using node = await startFaultyNode(answers.none());
  const gateway = start('run', '-c', configFile(good(node.url)));
  await using sender = await connectSender(await listening(gateway));
  await sender.send(message());
  await node.received(1);
  gateway.child.kill('SIGTERM');
  await gateway.line(/"msg":"draining"/);
  expect(await gateway.stop('SIGTERM')).toMatchObject({ code: 143 });
});

test('SIGHUP leaves it running, and the log says what is loaded and what is not', async () => {
  await using node = await startFaultyNode();
  const { certPem, keyPem } = made({ cn: 'vip' });
  const text = good(node.url, '127.0.0.1:0', ', tls: { cert: vip.pem, key: vip.key }');
  const gateway = start('run', '-c', configFile(text, { 'vip.pem': certPem, 'vip.key': keyPem }));
  const port = await listening(gateway);
  gateway.child.kill('SIGHUP');
  await gateway.line(/"by":"SIGHUP".*"msg":"reload"/);
  await gateway.line(/"changes":\[\],"msg":"config loaded"/);
  await gateway.line(/"where":"listeners\.in","msg":"certificates loaded"/);
  await using sender = await connectSender(port, { tls: { rejectUnauthorized: false, servername: '' } });
  expect(msaOf(await sender.exchange(message()))?.code).toBe('AA');
  expect(await gateway.stop()).toMatchObject({ code: 0, err: [] });
});

test('without TLS, SIGHUP ends nothing either', async () => {
  await using node = await startFaultyNode();
  const gateway = start('run', '-c', configFile(good(node.url)));
  const port = await listening(gateway);
  gateway.child.kill('SIGHUP');
  await gateway.line(/SIGHUP/);
  await using sender = await connectSender(port);
  expect(msaOf(await sender.exchange(message()))?.code).toBe('AA');
});

test('--replace: a process that has ended by itself meanwhile ends nothing else', async () => {
  const other = spawn(process.execPath, ['-e', ''], { stdio: 'ignore' });
  await once(other, 'exit');
  const log: Record<string, unknown>[] = [];
  endOther(
    other.pid ?? 0,
    createLog({ level: 'info', format: 'json' }, { write: (line) => void log.push(JSON.parse(line)) }),
  );
  expect(log).toMatchObject([{ level: 'warn', pid: other.pid, code: 'ESRCH' }]);
});
