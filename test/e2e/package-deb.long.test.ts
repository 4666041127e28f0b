// The .deb, installed on a bare Debian machine without a network: what is inside is enough.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DebianMachine, whyNoDebian } from '../helpers/debian-machine.ts';
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

/** The lower, the less a process that is taken over can do. */
function exposure(analysis: string): number {
  return Number(/Overall exposure level for .*: ([\d.]+)/.exec(analysis)?.[1] ?? Number.NaN);
}
