// The .deb, installed on a bare Debian machine without a network: what is inside is enough.
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DebianMachine, whyNoDebian } from '../helpers/debian-machine.ts';
import { until } from '../helpers/until.ts';
import { makeDebian } from './package-deb.ts';

const skipped = whyNoDebian === undefined ? '' : ` (skipped: ${whyNoDebian})`;

test.skipIf(whyNoDebian !== undefined)(
  `a .deb is installed, serves and is removed${skipped}`,
  async ({ skip }) => {
    await using machine = await DebianMachine.boot();
    if (machine === undefined) return skip('no mirror of Debian can be reached');
    const folder = join(machine.shared, 'one');
    mkdirSync(folder);
    const file = await makeDebian(folder, '0.0.1');
    const install = await machine.must(`dpkg -i /mnt/one/${file}`);
    expect(install).toContain('systemctl enable --now hl7-gateway');

    expect(await machine.must('hl7-gateway --version')).toBe('0.0.1\n');
    expect(await machine.must('stat -c "%U:%G %a" /etc/hl7-gateway /etc/hl7-gateway/gateway.yaml')).toBe(
      'root:hl7-gateway 750\nroot:hl7-gateway 640\n',
    );
    expect(await machine.must('hl7-gateway check -c /etc/hl7-gateway/gateway.yaml')).toContain(': good;');
    // The fixtures, parse threads and what else is found by where the code is.
    expect(await machine.must('hl7-gateway demo --once --port 0')).toContain('accepted by a node');
    expect(
      await machine.must('cd /root && hl7-gateway certs init && ls certs/dev && hl7-gateway replay --help'),
    ).toContain('--junit');

    // Ten minutes of a new user: two simulated Mirths, the config as it comes, a message.
    for (const port of [6661, 6662])
      await machine.must(`systemd-run -q hl7-gateway node --listen mllp://127.0.0.1:${port}`);
    await machine.must('systemctl enable --now hl7-gateway');
    const message = '/usr/lib/hl7-gateway/package/fixtures/adt-a01-admit.hl7';
    const send = `for i in $(seq 100); do hl7-gateway send ${message} --to mllp://127.0.0.1:2575 && exit; done; exit 1`;
    expect(await machine.must(send)).toMatch(/\bAA\b/);
    expect(await machine.must('systemctl is-active hl7-gateway')).toBe('active\n');
    const pid = (await machine.must('systemctl show -p MainPID --value hl7-gateway')).trim();
    expect(await machine.must(`cat /proc/${pid}/status`)).toMatch(/^CapBnd:\t0000000000000400$/m);
    expect(await machine.must(`readlink /proc/${pid}/exe`)).toMatch(
      /releases\/0\.0\.1-[0-9a-f]{12}\/bin\/node/,
    );

    // A port below 1024, by a reload.
    await machine.must(`sed -i 's/127.0.0.1:2575/127.0.0.1:575/' /etc/hl7-gateway/gateway.yaml`);
    await machine.must('systemctl reload hl7-gateway');
    expect(await machine.must(send.replace(':2575', ':575'))).toMatch(/\bAA\b/);

    expect(exposure(await machine.must('systemd-analyze security hl7-gateway'))).toBeLessThanOrEqual(1.8);

    await machine.must('dpkg -r hl7-gateway');
    const kept = await machine.must(
      `find / -xdev -name '*hl7-gateway*' -not -path '/mnt/*' -not -path '/var/lib/dpkg/*' -not -path '/var/log/journal/*' | sort`,
    );
    expect(kept.trim().split('\n')).toEqual([
      '/etc/hl7-gateway',
      '/etc/logrotate.d/hl7-gateway',
      '/var/lib/hl7-gateway',
      '/var/log/hl7-gateway',
    ]);
    await machine.must('dpkg -P hl7-gateway');
    expect((await machine.run('ls -d /etc/hl7-gateway /var/lib/hl7-gateway')).status).not.toBe(0);
    expect((await machine.run('getent passwd hl7-gateway')).status).not.toBe(0);
  },
  600_000,
);

test.skipIf(whyNoDebian !== undefined)(
  `an upgrade under load loses nothing, a gateway that hangs is started again${skipped}`,
  async ({ skip }) => {
    await using machine = await DebianMachine.boot();
    if (machine === undefined) return skip('no mirror of Debian can be reached');
    const files: string[] = [];
    for (const version of ['0.0.1', '0.0.2']) {
      const folder = join(machine.shared, version);
      mkdirSync(folder);
      files.push(`/mnt/${version}/${await makeDebian(folder, version)}`);
    }
    const show = async (property: string): Promise<string> =>
      (await machine.must(`systemctl show -p ${property} --value hl7-gateway`)).trim();
    const becomes = async (property: string, is: (value: string) => boolean): Promise<string> => {
      for (let value = await show(property), tries = 0; ; value = await show(property), tries++) {
        if (is(value)) return value;
        if (tries > 1000) throw new Error(`${property} stays ${value}`);
        await machine.run('sleep 0.1');
      }
    };
    await machine.must(`dpkg -i ${files[0]}`);
    for (const port of [6661, 6662])
      await machine.must(`systemd-run -q -u node${port} hl7-gateway node --listen mllp://127.0.0.1:${port}`);
    await machine.must('systemctl start hl7-gateway');
    expect(await show('ActiveState')).toBe('active');
    expect(await show('StatusText')).toBe('takes messages');
    const first = await show('MainPID');

    copyFileSync(join(import.meta.dirname, 'lockstep-acked.cjs'), join(machine.shared, 'sender.cjs'));
    const runtime = '/usr/lib/hl7-gateway/package';
    await machine.must(
      `systemd-run -q -u sender -E LD_LIBRARY_PATH=${runtime}/lib ${runtime}/bin/node /mnt/sender.cjs 2575 /mnt/stop /mnt/result.json`,
    );
    await machine.must(`dpkg -i ${files[1]}`);
    const second = await becomes('MainPID', (pid) => pid !== first && pid !== '0');
    for (let tries = 0; (await machine.run(`test -e /proc/${first}`)).status === 0; tries++) {
      expect(tries).toBeLessThan(1000);
      await machine.run('sleep 0.1');
    }
    expect(await machine.must(`readlink /proc/${second}/exe`)).toContain('/releases/0.0.2-');
    expect(await show('ActiveState')).toBe('active');
    expect(await show('NRestarts')).toBe('0');
    await machine.run('sleep 1');
    writeFileSync(join(machine.shared, 'stop'), '');
    const result = join(machine.shared, 'result.json');
    await until(() => existsSync(result), { deadlineMs: 60_000 });
    const { acked, wrong } = JSON.parse(readFileSync(result, 'utf8')) as { acked: string[]; wrong: string[] };
    expect(wrong).toEqual([]);
    expect(acked.length).toBeGreaterThan(20);
    const taken = await machine.must('journalctl --no-pager -o cat -u node6661 -u node6662');
    const delivered = new Set([...taken.matchAll(/\bID\d+\b/g)].map(([id]) => id));
    expect(acked.filter((id) => !delivered.has(id))).toEqual([]);

    // systemd sees a loop that does not turn.
    await machine.must(
      'mkdir -p /run/systemd/system/hl7-gateway.service.d && printf "[Service]\nWatchdogSec=3\n" > /run/systemd/system/hl7-gateway.service.d/soon.conf && systemctl daemon-reload && systemctl restart hl7-gateway',
    );
    const hung = await show('MainPID');
    await machine.must(`kill -STOP ${hung}`);
    await becomes('NRestarts', (count) => count === '1');
    await becomes('ActiveState', (state) => state === 'active');
    expect(await show('MainPID')).not.toBe(hung);
    await machine.must('systemctl stop hl7-gateway');
    expect(await show('Result')).toBe('success');
  },
  600_000,
);

/** The lower, the less a process that is taken over can do. */
function exposure(analysis: string): number {
  return Number(/Overall exposure level for .*: ([\d.]+)/.exec(analysis)?.[1] ?? Number.NaN);
}
