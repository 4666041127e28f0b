// What members' configs have to say alike: comments, secrets and what each says of itself on purpose make no difference, all else does.
import { describe, expect, test } from 'vitest';
import { shownText } from '../../src/admin/effective-config.ts';
import { sharedDifferences, sharedDigest } from '../../src/admin/shared-config.ts';

const CLUSTER = {
  members: [
    { name: 'gw1', address: '10.0.0.3', priority: 150, admin: undefined, token: undefined },
    { name: 'gw2', address: 'fd00::4', priority: 100, admin: undefined, token: undefined },
  ],
  vips: [{ address: '10.0.0.5', prefix: 24, interface: 'eth1' }],
};

const shown = (text: string) => shownText(text, new Map());
const digest = (text: string) => sharedDigest(text, CLUSTER);

describe('the same', () => {
  test.each<[what: string, one: string, other: string]>([
    ['comments and order of lines aside', 'a: 1 # x\nb: 2', '# y\na: 1\nb: 2'],
    ['the name of the member', 'cluster: { member: gw1 }', 'cluster: { member: "${HOSTNAME}" }'],
    ['secrets', 'admin: { token: one }', 'admin: { token: other }'],
    [
      'where each listens, of its own addresses',
      'admin: { bind: "10.0.0.3:9600" }',
      'admin: { bind: "[fd00::4]:9600" }',
    ],
    [
      'the same of its other arm',
      'listeners: { a: { bind: "10.1.0.3:1" } }',
      'listeners: { a: { bind: "10.1.0.4:1" } }',
    ],
    [
      'where its connections come from',
      'pools: { p: { source: 10.1.0.3 } }',
      'pools: { p: { source: 10.1.0.4 } }',
    ],
    ['its name in a path', 'state: { file: /var/gw1/state.json }', 'state: { file: /var/gw2/state.json }'],
    [
      'files called after it',
      'admin: { tls: { cert: certs/gw1.crt.pem } }',
      'admin: { tls: { cert: certs/gw2.crt.pem } }',
    ],
  ])('%s', (_, one, other) => {
    expect(digest(one)).toBe(digest(other));
    expect(sharedDifferences(shown(one), shown(other), CLUSTER)).toEqual([]);
  });
});

describe('not the same', () => {
  test.each<[what: string, one: string, other: string, paths: readonly string[]]>([
    [
      'a node',
      'pools: { p: { nodes: { a: { url: x } } } }',
      'pools: { p: { nodes: { a: { url: y } } } }',
      ['pools.p.nodes.a.url'],
    ],
    [
      'a node that only one has',
      'pools: { p: { nodes: { a: { w: 1 } } } }',
      'pools: { p: { nodes: { a: { w: 1 }, b: { w: 1 } } } }',
      ['pools.p.nodes.b'],
    ],
    [
      'a Mirth beside each member',
      'pools: { p: { nodes: { a: { url: "mllp://10.0.0.3:1" } } } }',
      'pools: { p: { nodes: { a: { url: "mllp://[fd00::4]:1" } } } }',
      ['pools.p.nodes.a.url'],
    ],
    [
      'a port',
      'listeners: { a: { bind: "10.1.0.3:1" } }',
      'listeners: { a: { bind: "10.1.0.4:2" } }',
      ['listeners.a.bind'],
    ],
    [
      'all addresses and one',
      'listeners: { a: { bind: "0.0.0.0:1" } }',
      'listeners: { a: { bind: "10.1.0.4:1" } }',
      ['listeners.a.bind'],
    ],
    [
      'the VIP and an own address',
      'listeners: { a: { bind: "10.0.0.5:1" } }',
      'listeners: { a: { bind: "10.1.0.4:1" } }',
      ['listeners.a.bind'],
    ],
    [
      'the order of routes',
      'routes: [{ to: a }, { to: b }]',
      'routes: [{ to: b }, { to: a }]',
      ['routes[0].to', 'routes[1].to'],
    ],
    ['a pool that is called as a member', 'routes: [{ to: gw1 }]', 'routes: [{ to: gw2 }]', ['routes[0].to']],
    [
      'a priority',
      'cluster: { members: { gw1: { priority: 1 } } }',
      'cluster: { members: { gw1: { priority: 2 } } }',
      ['cluster.members.gw1.priority'],
    ],
    ['a word that only begins as a name', 'state: { file: /gw10 }', 'state: { file: /gw20 }', ['state.file']],
    ['an address that only begins as one', 'audit: { x: 10.0.0.30 }', 'audit: { x: 10.0.0.40 }', ['audit.x']],
  ])('%s', (_, one, other, paths) => {
    expect(digest(one)).not.toBe(digest(other));
    expect(sharedDifferences(one, other, CLUSTER)).toEqual(paths);
  });
});
