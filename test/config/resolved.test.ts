// What `check --resolved` prints says the same as the config that it was made of, and no secret.
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { loadConfig, parseConfig, parseWhole } from '../../src/config/load.ts';
import { resolvedConfig } from '../../src/config/resolved.ts';
import { explainer } from '../../src/relay/explain.ts';
import { message } from '../helpers/mllp.ts';

const ENV = { HOST: 'mirth-1', SECRET: 'of-the-environment' };

function resolved(text: string) {
  const { config, tree } = parseWhole(text, { env: ENV });
  const data = resolvedConfig(tree, config);
  return { config, data, again: parseConfig(stringify(data), { env: ENV }).config };
}

test('includes, defaults and variables are in it, and it loads as the same config', () => {
  const { config, data, again } = resolved(`
defaults: { nodes: { weight: 4 }, pools: { timeouts: { ack: 9s } } }
listeners: { l: { bind: ":1" }, w: { bind: "[::1]:2", protocol: http } }
pools:
  p: { nodes: { a: { url: "mllp://\${HOST}:1" }, b: { url: "mllp://h:2", weight: 0 } } }
  w: { nodes: { a: { url: "http://h:1" } }, health: { type: http, status: "200" } }
routes:
  - { name: "odd $\${X} 007", when: { listener: l, MSH-3: [A, "007", "true"] }, to: p }
  - { when: { listener: w }, to: w, http: { rewrite: { path: ["^/a", /b] } } }
  - reject: { text: "1.50" }
`);
  expect(again).toEqual(config);
  expect(JSON.stringify(data)).not.toContain('defaults');
  expect(data).toMatchObject({ pools: { p: { nodes: { a: { url: 'mllp://mirth-1:1', weight: 4 } } } } });
});

test('a range is a listener, a pool and a route for each port', () => {
  const { config, again } = resolved(`
listeners: { in: { bind: ":6661-6663" }, in-b: { bind: "[::1]:7001-7002" }, one: { bind: ":8001" } }
pools:
  m: { nodes: { a: { url: "mllp://h" }, b: { url: "mllp://h:+1000", healthUrl: "https://h:8443/x" } }, health: { type: mirth } }
  web: { nodes: { a: { url: "mllp://h:9" } } }
routes:
  - { name: some, when: { listener: [in-6661, in-b], MSH-9.1: ADT }, to: m }
  - { name: not, when: { listener: { not: in } }, to: web }
  - { name: rest, to: m }
`);
  expect(again.listeners).toEqual(config.listeners);
  expect(again.pools).toEqual(config.pools);
  const options = { source: '127.0.0.1', path: '/', host: 'h' };
  const [one, other] = [explainer(config, options), explainer(again, options)];
  for (const listener of config.listeners) {
    for (const type of ['ADT^A01', 'ORU^R01']) {
      const bytes = message({ type });
      const [was, is] = [one('f', bytes, listener), other('f', bytes, listener)];
      expect([listener.name, is.pool]).toEqual([listener.name, was.pool]);
      expect(is.route?.replace(/ \(.*/, '')).toBe(was.route);
    }
  }
});

test('the example of many channels', () => {
  const file = join(import.meta.dirname, '../../examples/many-channels/gateway.yaml');
  const { config, tree } = loadConfig(file, { env: {} });
  const again = parseConfig(stringify(resolvedConfig(tree, config)), { env: {} }).config;
  expect(again.listeners).toEqual(config.listeners);
  expect(again.pools).toEqual(config.pools);
  expect(again.routes.length).toBe(31);
});

test('no secret is in it, but where one stands', () => {
  const { data } = resolved(`
listeners: { l: { bind: ":1" } }
pools:
  p:
    nodes: { a: { url: "http://h:1" } }
    health: { type: http, user: u, password: 'hidden-1', headers: { X-Key: hidden-2 } }
routes:
  - { to: p, http: { request: { set: { Authorization: "Bearer hidden-3 \${SECRET}" } } } }
admin: { token: "\${SECRET}" }
`);
  expect(JSON.stringify(data)).not.toMatch(/hidden|of-the-env/);
  expect(data).toMatchObject({
    admin: { token: '${SECRET}' },
    pools: { p: { health: { user: 'u', password: '***', headers: { 'X-Key': '***' } } } },
  });
});
