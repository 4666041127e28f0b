// deploy/compose: its commands, configs, ports and names are those of the product, and of each other.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { ROOT } from '../helpers/product-files.ts';
import { composed, containerOf, deployed, manifests, parsedAs } from './manifests.ts';

const { services } = composed('compose/compose.yaml');
const FOLDER = join(ROOT, 'deploy/compose');
const { config, warnings } = loadConfig(join(FOLDER, 'gateway.yaml'), { env: {} });
const ofGateway = Object.entries<{ image: string; command: string[]; ports?: string[]; volumes?: string[] }>(
  services,
).filter(([, { image }]) => image === 'hl7-gateway');

test('a pair of gateways, two Mirths, and who looks at them', () => {
  expect(Object.keys(services)).toEqual([
    'gateway-1',
    'gateway-2',
    'mirth-a',
    'mirth-b',
    'jaeger',
    'prometheus',
    'grafana',
  ]);
});

test('the config is good; its admin API has neither token nor TLS, which it says', () => {
  expect(warnings.map(({ key }) => key)).toEqual(['admin.token', 'admin.insecure']);
  expect(config.admin?.token).toBeUndefined();
});

test('commands are ones that the command line takes', async () => {
  const commands = await Promise.all(ofGateway.map(([, { command }]) => parsedAs(command)));
  expect(commands).toEqual(['run', 'run', 'node', 'node']);
  const exec = /node \/gateway\/dist\/main\.js (send .*)$/m.exec(deployed('compose/compose.yaml'))?.[1];
  expect(await parsedAs(exec?.split(' ') ?? [])).toBe('send');
});

test('each node is a service that listens there, and each port is one of a listener', () => {
  const [listener] = config.listeners;
  for (const { host, port } of config.pools.flatMap(({ nodes }) => nodes)) {
    expect(services[host].command).toContain(`mllp://0.0.0.0:${port}`);
  }
  for (const name of ['gateway-1', 'gateway-2'])
    expect(services[name].ports[0].split(':').at(-1)).toBe(String(listener?.bind.port));
  expect(containerOf().ports).toEqual([listener?.bind.port]);
});

test('every file that is mounted is there', () => {
  const volumes = Object.values<{ volumes?: string[] }>(services).flatMap(({ volumes: all = [] }) => all);
  expect(volumes.length).toBeGreaterThan(4);
  for (const volume of volumes)
    expect(existsSync(join(FOLDER, volume.split(':')[0] ?? '')), volume).toBe(true);
});

test('the image is built of what is there', () => {
  const { build } = services['gateway-1'];
  expect(existsSync(join(FOLDER, build.context, build.dockerfile))).toBe(true);
});

test('Prometheus asks the admin API of both, by the rules of the product', () => {
  const [prometheus] = manifests('compose/prometheus.yaml');
  const targets = prometheus.scrape_configs[0].static_configs[0].targets;
  expect(targets).toEqual(['gateway-1', 'gateway-2'].map((name) => `${name}:${config.admin?.bind.port}`));
  const mounts: string[] = services.prometheus.volumes;
  const inside = mounts.map((mount) => mount.split(':')[1]);
  expect(inside).toEqual(expect.arrayContaining(prometheus.rule_files));
  expect(services.prometheus.command).toEqual([`--config.file=${inside[0]}`]);
});

test('Grafana finds Prometheus, and the dashboard', () => {
  const [source] = manifests('compose/grafana/provisioning/datasources/prometheus.yaml');
  expect(source.datasources[0].url).toBe('http://prometheus:9090');
  const [provider] = manifests('compose/grafana/provisioning/dashboards/hl7-gateway.yaml');
  const mount = services.grafana.volumes.find((volume: string) => volume.startsWith('../grafana:'));
  expect(mount.split(':')[1]).toBe(provider.providers[0].options.path);
  expect(services.grafana.environment.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH).toBe(
    `${mount.split(':')[1]}/hl7-gateway.json`,
  );
});

test('Jaeger listens where the gateways send traces', () => {
  expect(config.traces?.endpoint).toBe('http://jaeger:4318');
  expect(services.jaeger.command[0]).toContain('http.endpoint=0.0.0.0:4318');
});
