// The systemd units of the package: one of several instances differs from the single one by its name alone, and both are hardened.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../../helpers/product-files.ts';

const file = (name: string): string => join(ROOT, 'deploy/systemd', name);
const text = (name: string): string => readFileSync(file(name), 'utf8');

test('hl7-gateway@.service is hl7-gateway.service with a config, a state and a runtime folder of its own', () => {
  const plain = text('hl7-gateway@.service')
    .replace('HL7 gateway %i', 'HL7 gateway')
    .replace('/etc/hl7-gateway/%i.yaml', '/etc/hl7-gateway/gateway.yaml')
    .replace('RuntimeDirectory=hl7-gateway-%i', 'RuntimeDirectory=hl7-gateway')
    .replace('StateDirectory=hl7-gateway/%i', 'StateDirectory=hl7-gateway');
  expect(plain).toBe(text('hl7-gateway.service'));
});

const analyses = spawnSync('systemd-analyze', ['security', '--help']).status === 0;

test.skipIf(!analyses)('systemd-analyze security: 1.8 at most (skipped where there is no systemd)', () => {
  const args = ['security', '--offline=true', file('hl7-gateway.service')];
  const { stdout } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
  expect(Number(/Overall exposure level for .*: ([\d.]+)/.exec(stdout)?.[1])).toBeLessThanOrEqual(1.8);
});
