// deploy/kubernetes: manifests that the API server would take, and that fit the product: ports, paths, commands, times, users.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseConfig } from '../../src/config/load.ts';
import { cacheFolder, ROOT } from '../helpers/product-files.ts';
import { containerOf, deployed, manifests, parsedAs } from './manifests.ts';

const all = manifests('kubernetes/gateway.yaml');
const [monitor] = manifests('kubernetes/servicemonitor.yaml');
const of = (kind: string, name = 'hl7-gateway') =>
  all.find((one) => one.kind === kind && one.metadata.name === name);
const { spec } = of('Deployment').spec.template;
const [container] = spec.containers;
const text: string = of('ConfigMap').data['gateway.yaml'];
const { config, warnings } = parseConfig(text, { env: {}, isElsewhere: true });

/** Where kubernetes-types has each kind. */
const TYPES: Readonly<Record<string, string>> = {
  ConfigMap: 'core/v1',
  Service: 'core/v1',
  Deployment: 'apps/v1',
  PodDisruptionBudget: 'policy/v1',
  NetworkPolicy: 'networking/v1',
};

test('each has the fields of its kind, and no others', () => {
  const folder = mkdtempSync(join(cacheFolder(), 'manifests-'));
  try {
    // TypeScript refuses what a literal has too much or too little, as the API server does with strict field validation.
    const lines = all.map((manifest, i) => {
      const from = TYPES[manifest.kind];
      expect(from, manifest.kind).toBeDefined();
      return `import type { ${manifest.kind} as Kind${i} } from 'kubernetes-types/${from}';\nexport const manifest${i}: Kind${i} = ${JSON.stringify(manifest, undefined, 1)};`;
    });
    writeFileSync(join(folder, 'manifests.ts'), `${lines.join('\n')}\n`);
    const tsc = join(ROOT, 'node_modules/.bin/tsc');
    const args = [
      '--ignoreConfig',
      '--noEmit',
      '--strict',
      '--skipLibCheck',
      '--module',
      'esnext',
      '--moduleResolution',
      'bundler',
      '--types',
      '',
      join(folder, 'manifests.ts'),
    ];
    const run = (): string => {
      try {
        return execFileSync(tsc, args, { cwd: folder, encoding: 'utf8' });
      } catch (thrown) {
        return String((thrown as { stdout?: string }).stdout);
      }
    };
    expect(run()).toBe('');
    // That it would be seen.
    writeFileSync(
      join(folder, 'manifests.ts'),
      lines.join('\n').replace('"containerPort"', '"containerPrt"'),
    );
    expect(run()).toContain('"containerPrt"');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('the config is good; its admin API has no TLS, which it says', () => {
  expect(warnings.map(({ key }) => key)).toEqual(['admin.insecure']);
});

test('ports are those of the config', () => {
  const ports = Object.fromEntries(
    container.ports.map(({ name, containerPort }: { name: string; containerPort: number }) => [
      name,
      containerPort,
    ]),
  );
  expect(ports).toEqual({ mllp: config.listeners[0]?.bind.port, admin: config.admin?.bind.port });
  expect(of('Service').spec.ports).toEqual([{ name: 'mllp', port: ports.mllp, targetPort: 'mllp' }]);
  expect(of('Service', 'hl7-gateway-admin').spec.ports).toEqual([
    { name: 'admin', port: ports.admin, targetPort: 'admin' },
  ]);
  const [node] = config.pools[0]?.nodes ?? [];
  expect(of('NetworkPolicy').spec.egress[1].ports).toEqual([{ port: node?.port }]);
});

test('what is asked for by HTTP are paths of the admin API', () => {
  const paths = Object.keys(parse(deployed('../docs/openapi.yaml')).paths);
  const asked = ['startupProbe', 'livenessProbe', 'readinessProbe'].map((probe) => container[probe].httpGet);
  expect(asked.map(({ port }) => port)).toEqual(['admin', 'admin', 'admin']);
  expect(paths).toEqual(
    expect.arrayContaining([...asked.map(({ path }) => path), monitor.spec.endpoints[0].path]),
  );
});

test('commands are ones that the command line takes, in the image and here', async () => {
  const { entry, args, health } = containerOf();
  expect(await parsedAs(container.args)).toBe('run');
  expect(args).toEqual(container.args);
  expect(health.slice(0, 2)).toEqual([entry[0], entry.at(-1)]);
  expect(await parsedAs(health.slice(2))).toBe('ready');
});

test('the config and the token lie where they are looked for', () => {
  const mounts = Object.fromEntries(
    container.volumeMounts.map(({ name, mountPath }: { name: string; mountPath: string }) => [
      name,
      mountPath,
    ]),
  );
  expect(container.args.at(-1)).toBe(`${mounts.config}/gateway.yaml`);
  expect(text).toContain(`{ file: ${mounts.secrets}/admin-token }`);
  expect(container.volumeMounts.some((mount: object) => 'subPath' in mount)).toBe(false);
  expect(text).toContain('reload: { watch: true }');
});

test('the user is that of the image, and nothing can be written to', () => {
  const { runAsUser, runAsGroup, runAsNonRoot } = spec.securityContext;
  expect([`${runAsUser}:${runAsGroup}`, runAsNonRoot]).toEqual([containerOf().user, true]);
  expect(container.securityContext).toEqual({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  });
});

test('a gateway has the time that it needs to go', () => {
  const [command, flag, script] = container.lifecycle.preStop.exec.command;
  expect([command, flag]).toEqual(['node', '-e']);
  const waited = Number(/\}, (\d+)\)/.exec(script)?.[1]) / 1000;
  const drained = Number(/shutdown: \{ timeout: (\d+)s \}/.exec(text)?.[1]);
  expect(waited + drained).toBeLessThan(spec.terminationGracePeriodSeconds - 5);
});

test('selectors find what they are for', () => {
  const { labels } = of('Deployment').spec.template.metadata;
  const selectors = [
    of('Deployment').spec.selector.matchLabels,
    of('PodDisruptionBudget').spec.selector.matchLabels,
    of('NetworkPolicy').spec.podSelector.matchLabels,
    of('Service').spec.selector,
    of('Service', 'hl7-gateway-admin').spec.selector,
  ];
  for (const selector of selectors) expect(labels).toMatchObject(selector);
  expect(of('Service', 'hl7-gateway-admin').metadata.labels).toMatchObject(monitor.spec.selector.matchLabels);
  expect(of('PodDisruptionBudget').spec.minAvailable).toBeLessThan(of('Deployment').spec.replicas);
});
