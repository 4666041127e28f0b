// A member that ends while a sender waits for its answer, on machines of their own (network namespaces): the VIP moves at once, and the
// answer comes all the same, from an address that is another machine's by then (IP_TRANSPARENT). A process that may not do that answers
// first, and lets the VIP go behind it.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { clientSourceTrouble } from '../../src/platform/client-source.ts';
import { Network, whyNoNamespaces } from '../helpers/namespaces.ts';
import { COMMAND } from '../helpers/product-command.ts';
import { until } from '../helpers/until.ts';
import { Child } from './child.ts';

const why =
  whyNoNamespaces ??
  clientSourceTrouble() ??
  (spawnSync('setpriv', ['--version']).status === 0 ? undefined : 'no setpriv (util-linux)');

const VIPS = ['10.0.0.5/24', 'fd00:a::5/64'];

/** Answers when a line comes to its standard input. */
const NODE = `
const net = require('node:net');
const waiting = [];
process.stdin.on('data', () => { for (const answer of waiting.splice(0)) answer(); });
net.createServer((socket) => {
  socket.on('error', () => {});
  socket.on('data', () => {
    console.log('message');
    waiting.push(() => socket.write('\\x0bMSH|^~\\\\&|B|B|A|A|20260101||ACK|1|P|2.5\\rMSA|AA|4711\\r\\x1c\\r'));
  });
}).listen(6661, '::', () => console.log('listening'));`;

const SENDER = `
const net = require('node:net');
const [host] = process.argv.slice(1);
const socket = net.connect(2575, host);
socket.on('error', (error) => console.log('error ' + error.code));
socket.on('data', (bytes) => console.log('answer ' + /MSA\\|(..)\\|(\\d+)/.exec(bytes.toString('latin1')).slice(1).join(' ')));
socket.on('close', () => console.log('closed'));
socket.write('\\x0bMSH|^~\\\\&|A|A|B|B|20260101||ADT^A01|4711|P|2.5\\r\\x1c\\r');`;

describe.skipIf(why !== undefined)(
  `a VIP that moves${why === undefined ? '' : ` (skipped: ${why})`}`,
  { timeout: 120_000 },
  () => {
    test.each([
      { family: 4, vip: '10.0.0.5', may: true },
      { family: 6, vip: 'fd00:a::5', may: true },
      { family: 4, vip: '10.0.0.5', may: false },
    ])('IPv$family, with the capability: $may', async ({ vip, may }) => {
      await using network = new Network();
      const folder = mkdtempSync(join(tmpdir(), 'hl7-gateway-vip-'));
      using _ = { [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
      const lan = network.switch();
      const machine = (name: string, n: number) =>
        network.host(name, {
          interfaces: { eth0: { on: lan, addresses: [`10.0.0.${n}/24`, `fd00:a::${n}/64`] } },
        });
      const [gateway, other, client, mirth] = [
        machine('gw1', 3),
        machine('gw2', 4),
        machine('sender', 20),
        machine('node', 11),
      ];
      const track = join(folder, 'vrrp');
      const file = join(folder, 'gateway.yaml');
      writeFileSync(
        file,
        stringify({
          listeners: { adt: { bind: '[::]:2575' } },
          pools: { p: { nodes: { a: { url: 'mllp://10.0.0.11:6661' } } } },
          routes: [{ to: 'p' }],
          cluster: {
            name: 'c',
            member: 'gw1',
            members: { gw1: { address: '10.0.0.3', priority: 2 }, gw2: { address: '10.0.0.4', priority: 1 } },
            vips: VIPS.map((address) => ({ address, interface: 'eth0' })),
            track,
            drainTimeout: '20s',
          },
        }),
      );
      for (const address of VIPS) gateway.link('eth0').addAddress(address);
      const node = mirth.spawn(process.execPath, ['-e', NODE], { stdio: ['pipe', 'pipe', 'inherit'] });
      const nodeLines: string[] = [];
      createInterface({ input: node.stdout as NonNullable<typeof node.stdout> }).on('line', (line) =>
        nodeLines.push(line),
      );
      await until(() => nodeLines.includes('listening'));
      const without = '-net_admin,-net_raw';
      const capabilities = may
        ? []
        : ['setpriv', `--bounding-set=${without}`, `--inh-caps=${without}`, '--ambient-caps=-all'];
      await using child = new Child(['run', '-c', file], COMMAND, (command, args) => {
        const [first = command, ...rest] = [...capabilities, command, ...args];
        return gateway.spawn(first, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
      });
      await child.line(({ msg }) => msg === 'listening', 'its address');
      await until(() => readFileSync(track, 'utf8') === '0\n');
      const sender = client.spawn(process.execPath, ['-e', SENDER, vip], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const said: string[] = [];
      createInterface({ input: sender.stdout as NonNullable<typeof sender.stdout> }).on('line', (line) =>
        said.push(line),
      );
      await until(() => nodeLines.includes('message'));
      child.kill('SIGTERM');
      await child.line(({ msg }) => msg === 'draining', 'its drain');
      if (may) {
        await until(() => readFileSync(track, 'utf8') === '1\n');
        for (const address of VIPS) {
          gateway.run('ip', 'addr', 'del', address, 'dev', 'eth0');
          other.link('eth0').addAddress(address);
        }
        // As keepalived does with its gratuitous ARP: the sender looks for the address anew.
        client.run('ip', 'neigh', 'flush', 'dev', 'eth0');
      } else expect(readFileSync(track, 'utf8')).toBe('0\n');
      node.stdin?.write('now\n');
      await until(() => said.includes('answer AA 4711'));
      await until(() => said.includes('closed'));
      expect(await child.exited).toMatchObject({ code: 0 });
      expect(readFileSync(track, 'utf8')).toBe('1\n');
    });
  },
);
