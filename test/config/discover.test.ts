// `pools.NAME.discover`: what it may say, what it makes of defaults, and what is wrong with it.
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { openFilesNeeded } from '../../src/open-files.ts';
import { folderOf, outcome } from './config-folder.ts';

const FOLDER = folderOf({ 'nodes.yaml': 'a: mllp://h:1\n' });

const text = (discover: string, more = '') =>
  `listeners: { l: { bind: ":1" } }\npools: { p: { discover: ${discover}${more} } }\nroutes: [{ to: p }]\n`;
const problems = (discover: string, more = '') => outcome(text(discover, more), FOLDER).errors;
const pool = (discover: string, more = '', top = '') =>
  parseConfig(text(discover, more) + top, { env: {}, file: `${FOLDER}/gateway.yaml` }).config.pools[0];

test.each(['{ srv: _mllp._tcp.mirth.example }', '{ dns: "mirth.example:6661" }', '{ file: nodes.yaml }'])(
  '%s needs no nodes',
  (discover) => {
    expect(outcome(text(discover), FOLDER)).toEqual({ errors: [], warnings: [] });
    expect(pool(discover)?.protocol).toBe('mllp');
  },
);

test('the protocol of the pool is that of what is found; defaults are those of nodes, beside what it says itself', () => {
  const top =
    'defaults: { nodes: { weight: 7, tls: { insecure: true } }, pools: { contentType: text/plain } }\n';
  const web = pool('{ dns: "h:1", protocol: https, node: { backup: true } }', '', top);
  expect(web).toMatchObject({ protocol: 'http', contentType: 'text/plain' });
  expect(web?.discover?.template).toMatchObject({ weight: 7, backup: true, tls: { insecure: true } });
  expect(pool('{ dns: "h:1" }', '', top)?.discover?.template).toMatchObject({ weight: 7, tls: undefined });
});

test('each node that may be found counts as open files', () => {
  const { config } = parseConfig(text('{ dns: "h:1", max: 10 }'), { env: {} });
  const other = parseConfig(text('{ dns: "h:1", max: 20 }'), { env: {} }).config;
  expect(openFilesNeeded(other) - openFilesNeeded(config)).toBe(80);
});

describe('what is wrong', () => {
  test.each([
    ['{}', '2:15: pools.p.discover: takes one of dns, srv and file'],
    [
      '{ dns: "h:1", srv: _a._tcp.h }',
      '2:44: pools.p.discover.srv: takes one of dns, srv and file, not dns and srv',
    ],
    [
      '{ dns: h }',
      '2:32: pools.p.discover.dns: must be a host name and a port such as mirth.example:6661, not "h"',
    ],
    [
      '{ dns: "10.0.0.1:1" }',
      '2:32: pools.p.discover.dns: must be a name, as an address needs no look-up: it belongs into nodes, not "10.0.0.1:1"',
    ],
    [
      '{ srv: mirth.example }',
      '2:32: pools.p.discover.srv: must be a name such as _mllp._tcp.mirth.example, not "mirth.example"',
    ],
    [
      '{ file: none.yaml }',
      '2:33: pools.p.discover.file: the file "none.yaml" does not exist (relative paths start at the config file\'s folder)',
    ],
    ['{ file: nodes.yaml, minTtl: 1s }', '2:53: pools.p.discover.minTtl: is for dns and srv'],
    ['{ dns: "h:1", minTtl: 10m }', '2:47: pools.p.discover.minTtl: is longer than maxTtl'],
    ['{ dns: "h:1", max: 0 }', '2:44: pools.p.discover.max: must be an integer from 1 to 256, not "0"'],
    [
      '{ dns: "h:1", servers: [dns.example] }',
      '2:49: pools.p.discover.servers: must be addresses such as 10.0.0.53, not "dns.example"',
    ],
    [
      '{ dns: "h:1", node: { url: "mllp://h:1" } }',
      '2:39: pools.p.discover.node: takes no url: it is what is discovered',
    ],
    [
      '{ dns: "h:1", node: { wieght: 1 } }',
      '2:47: pools.p.discover.node.wieght: unknown key; did you mean "weight"?',
    ],
    [
      '{ dns: "h:1", node: { tls: { insecure: true } } }',
      '2:47: pools.p.discover.node.tls: the url says mllp://, which is without TLS; write mllps:// or leave tls out',
    ],
  ])('%s', (discover, error) => {
    expect(problems(discover)).toEqual([`gateway.yaml:${error}`]);
  });

  test('nodes that speak something else, or go by the port', () => {
    expect(problems('{ dns: "h:1" }', ', nodes: { a: { url: "http://h:1" } }').join()).toContain(
      'pools.p.discover: finds nodes that speak mllp where a speaks http',
    );
    expect(problems('{ dns: "h:1" }', ', nodes: { a: { url: "mllp://h" } }').join()).toContain(
      'pools.p.discover: does not go with nodes that take the port',
    );
  });

  test('a pool that has neither', () => {
    expect(outcome(text('').replace('discover: ', ''), FOLDER).errors).toEqual([
      'gateway.yaml:2:10: pools.p.nodes: is required',
    ]);
  });
});
