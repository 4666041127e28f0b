// The configs of docs/topologies.md are taken as they stand there, on machines that have the addresses which the page gives them.
import { readFileSync } from 'node:fs';
import type os from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { keepalivedText } from '../../src/cluster/keepalived.ts';
import { layer4 } from '../../src/cluster/layer4.ts';
import { formatProblem, parseConfig } from '../../src/config/load.ts';
import { ROOT } from '../helpers/product-files.ts';
import { folderOf, TLS_FILES } from './config-folder.ts';

/** Of gw1, on both arms; a `source` has to be one of them. */
const OWN = ['10.0.0.3', '10.1.0.3', '10.1.0.31', '10.1.0.32'];

vi.mock('node:os', async (original) => ({
  ...(await original<typeof os>()),
  networkInterfaces: () => ({ eth1: OWN.map((address) => ({ address, family: 'IPv4' })) }),
}));

const PAGE = readFileSync(join(ROOT, 'docs/topologies.md'), 'utf8');
const ENV = { HOSTNAME: 'gw1', INSIDE_ADDRESS: '10.1.0.3', OUTSIDE_ADDRESS: '10.0.0.3' };
const FOLDER = folderOf({ ...TLS_FILES, 'secrets/admin.token': 'a-token-of-this-page\n' });

const sections = PAGE.split(/^## /m).slice(1);
const configs = sections.flatMap((section) => {
  const [title = ''] = section.split('\n');
  return [...section.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, text = '']) => ({ title, text }));
});

/** The kernel of the test's machine has it off, as most do, and the page says to set it. */
const NONLOCAL = /is a VIP, and while another member has it nobody can listen there/;

function load(text: string) {
  return parseConfig(text, { env: ENV, file: join(FOLDER, 'gateway.yaml') });
}

test('each topology has a picture, a config, what the node sees, and what is lost', () => {
  expect(sections.length).toBeGreaterThan(7);
  expect(configs.map(({ title }) => title)).toEqual(sections.map((section) => section.split('\n')[0]));
  for (const section of sections) {
    expect(section).toMatch(/^```\n[\s\S]*?[─┬│>]/m);
    expect(section).toMatch(/the node sees/i);
    expect(section).toMatch(/what is lost|dies/i);
  }
});

test.each(configs)('$title: check takes it', ({ text }) => {
  const warnings = load(text).warnings.map(formatProblem);
  expect(warnings.filter((warning) => !NONLOCAL.test(warning))).toEqual([]);
});

test.each(configs.filter(({ text }) => text.includes('cluster:')))(
  '$title: keepalived.conf can be made',
  ({ text }) => {
    expect(keepalivedText(load(text).config)).toMatch(/vrrp_instance/);
  },
);

test('what stands at Layer 4 there can be handed over', () => {
  const { text = '' } = configs.find(({ title }) => title === 'Layer 4') ?? {};
  const { config } = load(text);
  for (const listeners of [[], ['dicom'], ['hl7']])
    expect(layer4(config, { forwarding: 'nat', listeners }).refusals).toEqual([]);
  expect(layer4(config, { forwarding: 'dr', listeners: ['dicom'] }).refusals).toEqual([]);
});
