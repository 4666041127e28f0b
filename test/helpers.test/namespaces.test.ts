// Machines in network namespaces: they reach each other, cables can be pulled, and nothing is left of them.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { Network, whyNoNamespaces } from '../helpers/namespaces.ts';
import { until } from '../helpers/until.ts';

function namespaces(): readonly string[] {
  const { stdout } = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' });
  return stdout.split('\n').filter((line) => line.startsWith(`h7gw-${process.pid}-`));
}

const NEIGHBOURS = `require('node:net').createServer((s) => s.end('hello')).listen(7000, '::', () => console.log('listening'))`;
const ASKS = (host: string) =>
  `const s = require('node:net').connect({ port: 7000, host: '${host}', timeout: 1000 });
   s.on('timeout', () => s.destroy(new Error('late')));
   s.on('error', ({ code, message }) => console.log(code ?? message));
   s.on('data', (d) => console.log(String(d)));`;

const why = whyNoNamespaces === undefined ? '' : ` (skipped: ${whyNoNamespaces})`;

describe.skipIf(whyNoNamespaces !== undefined)(`machines in namespaces${why}`, () => {
  test('reach each other by both families, until the cable is pulled or says nothing', async () => {
    let pid = 0;
    {
      await using network = new Network();
      const lan = network.switch();
      const host = (name: string, n: number) =>
        network.host(name, {
          interfaces: { eth0: { on: lan, addresses: [`198.18.0.${n}/24`, `fd00:7::${n}/64`] } },
        });
      const [one, other] = [host('one', 1), host('other', 2)];
      const server = one.spawn(process.execPath, ['-e', NEIGHBOURS], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      pid = server.pid ?? 0;
      await once(server.stdout ?? server, 'data');
      const ask = (address: string) => other.runAsync(process.execPath, '-e', ASKS(address));
      expect(await ask('198.18.0.1')).toBe('hello\n');
      expect(await ask('fd00:7::1')).toBe('hello\n');
      expect(one.link('eth0').addresses).toEqual(expect.arrayContaining(['198.18.0.1', 'fd00:7::1']));
      one.link('eth0').silence();
      expect(await ask('198.18.0.1')).toMatch(/late|EHOSTUNREACH/);
      one.link('eth0').mend();
      await until(async () => (await ask('198.18.0.1')) === 'hello\n');
      one.link('eth0').pull();
      expect(one.run('ip', '-br', 'link', 'show', 'eth0')).toContain('NO-CARRIER');
      server.kill('SIGSTOP');
      expect(namespaces()).toHaveLength(3);
    }
    expect(namespaces()).toEqual([]);
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });

  test('have settings of their own', async () => {
    await using network = new Network();
    const host = network.host('one', { interfaces: {}, sysctl: { 'net.ipv4.ip_nonlocal_bind': 1 } });
    expect(host.run('cat', '/proc/sys/net/ipv4/ip_nonlocal_bind')).toBe('1\n');
  });

  test('a command that fails says why', async () => {
    await using network = new Network();
    const host = network.host('one', { interfaces: {} });
    expect(() => host.run('ip', 'link', 'show', 'eth9')).toThrow(/ip netns exec .* eth9/);
  });
});
