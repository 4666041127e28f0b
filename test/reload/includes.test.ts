// A running gateway whose config is in several files: a reload reads them all, what is watched follows what is included, and what
// is shown and compared is the whole.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FileWatch } from '../../certs/file-watch.ts';
import { GatewayControl } from '../../src/admin/gateway-control.ts';
import { sharedDigest } from '../../src/admin/shared-config.ts';
import { loadConfig } from '../../src/config/load.ts';
import { Gateway } from '../../src/gateway.ts';
import { createLog } from '../../src/observe/log/log.ts';
import { folderWith } from '../config/config-folder.ts';
import { startFaultyNode } from '../helpers/faulty-node.ts';
import { message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';

const poolText = (name: string, url: string): string =>
  `pools: { ${name}: { nodes: { a: { url: "${url}" } } } }\nroutes: [{ when: { MSH-10: /^${name}/ }, to: ${name} }]\n`;

test('a reload, the watch, the admin API and the digest see all files', async () => {
  await using a = await startFaultyNode();
  await using b = await startFaultyNode();
  const folder = folderWith({
    'gateway.yaml':
      'include: conf.d/*.yaml\ndefaults: { pools: { health: { type: none } }, nodes: { weight: 3 } }\nlisteners: { in: { bind: "127.0.0.1:0" } }\n',
    'conf.d/10-one.yaml': poolText('ONE', a.url),
  });
  const file = join(folder, 'gateway.yaml');
  const part = (name: string): string => join(folder, 'conf.d', name);
  const { config, text, includes } = loadConfig(file, { env: {} });
  const log = createLog({ level: 'silent', format: 'json' }, { write: () => {} });
  const control = new GatewayControl(() => gateway, text, log, { includes });
  const gateway: Gateway = new Gateway(config, log, { observers: control.observers });
  await gateway.start();
  try {
    let changes = 0;
    const watch = new FileWatch(() => control.configFiles, { onChange: () => changes++ });
    expect(control.configFiles).toEqual([file, part('10-one.yaml')]);
    watch.check();
    watch.check();
    writeFileSync(part('20-two.yaml'), poolText('TWO', b.url));
    watch.check();
    watch.check();
    expect(changes).toBe(2);

    const { changed } = await control.reload('file watch');
    expect(changed).toEqual(['pools.TWO: new', 'routes.route 2: new']);
    await using sender = await connectSender(gateway.listeners[0]?.port ?? 0);
    await sender.exchange(message({ controlId: 'TWO-1' }));
    expect([a.messages.length, b.messages.length]).toEqual([0, 1]);
    expect(control.effectiveConfig()).toContain(b.url);

    control.addNode('TWO', 'late', { url: 'mllp://127.0.0.1:1' }, 'test');
    expect(control.effectiveConfig()).toContain('mllp://127.0.0.1:1');
    expect(control.nodes().find(({ node }) => node === 'late')?.weight).toBe(3);

    writeFileSync(part('20-two.yaml'), 'pools: {');
    await expect(control.reload('file watch')).rejects.toThrow(/conf\.d\/20-two\.yaml:1:9: not valid YAML/);
    expect(control.configFiles).toEqual([file, part('10-one.yaml'), part('20-two.yaml')]);
    await sender.exchange(message({ controlId: 'TWO-2' }));

    rmSync(part('20-two.yaml'));
    expect((await control.reload('file watch')).changed).toEqual(['pools.TWO: gone', 'routes.route 2: gone']);
  } finally {
    await gateway.stop();
  }
});

test('a file that is missing is watched for, although the reload that named it failed', async () => {
  const folder = folderWith({
    'gateway.yaml': 'listeners: { in: { bind: "127.0.0.1:0" } }\nroutes: [{ reject: {} }]\n',
  });
  const file = join(folder, 'gateway.yaml');
  const { config, text, includes } = loadConfig(file, { env: {} });
  const log = createLog({ level: 'silent', format: 'json' }, { write: () => {} });
  const control = new GatewayControl(() => gateway, text, log, { includes });
  const gateway: Gateway = new Gateway(config, log);
  writeFileSync(file, `${text}include: more.yaml\n`);
  await expect(control.reload('test')).rejects.toThrow(
    'gateway.yaml:3:10: include: the file "more.yaml" does not exist',
  );
  expect(control.configFiles).toEqual([file, join(folder, 'more.yaml')]);
  await gateway.stop();
});

test('members whose configs are in other files say the same', () => {
  const cluster = { members: [], vips: [] };
  const one = folderWith({
    'gateway.yaml': `listeners: { in: { bind: ":1" } }\n${poolText('ONE', 'mllp://h:1')}`,
  });
  const other = folderWith({
    'gateway.yaml': 'listeners: { in: { bind: ":1" } }\ninclude: [one.yaml]\n',
    'one.yaml': `# elsewhere\n${poolText('ONE', 'mllp://h:1')}`,
  });
  const [first, second] = [one, other].map((folder) =>
    sharedDigest(loadConfig(join(folder, 'gateway.yaml'), { env: {} }).text, cluster),
  );
  expect(first).toBe(second);
});
