// F114: conditions that compare with more or less than is there, and nodes that are the gateway itself; and near misses.
import { expect, test } from 'vitest';
import { config, folderOf, outcome } from './config-folder.ts';

function warningsOf(text: string): readonly string[] {
  const { errors, warnings } = outcome(text, folderOf({}));
  expect(errors).toEqual([]);
  return warnings.map((line) => line.replace(/^gateway\.yaml:\d+:\d+: /, ''));
}

const when = (condition: string): string => config({ routes: `- { when: { ${condition} }, to: p }` });

const WHOLE = (path: string, value: string): string => {
  const [type, event] = value.split('^');
  return `is compared with the whole field, and most senders put the structure behind it (${value}^…); write ${path}.1: ${type} and ${path}.2: ${event}`;
};
const COMPONENT = (path: string, first: string): string =>
  `is compared with the whole component, and a third subcomponent makes it another; ${path}.1: ${first} is the first alone`;
const NO_COMPONENT = 'a component holds no "^", unless the sender escapes it';
const NO_SUBCOMPONENT = 'a subcomponent holds no "&" and no "^", unless the sender escapes it';

test.each<[string, string, string]>([
  ['MSH-9: ADT^A01', 'MSH-9', WHOLE('MSH-9', 'ADT^A01')],
  ['MSH-9: [ADT^A01^ADT_A01, ORU^R01]', 'MSH-9', WHOLE('MSH-9', 'ORU^R01')],
  ['MSH-9: { not: ADT^A01 }', 'MSH-9', WHOLE('MSH-9', 'ADT^A01')],
  ['MSH-9: { not: [ADT, ADT^A01] }', 'MSH-9', WHOLE('MSH-9', 'ADT^A01')],
  ['MSH-9: "/^ADT\\\\^A01$/"', 'MSH-9', WHOLE('MSH-9', 'ADT^A01')],
  ['PID-3.4: NORTH&1.2.3', 'PID-3.4', COMPONENT('PID-3.4', 'NORTH')],
  ['"PID-3[2].4": [ SOUTH, "NORTH&1.2.3" ]', 'PID-3[2].4', COMPONENT('PID-3[2].4', 'NORTH')],
  ['MSH-9.1: ADT^A01', 'MSH-9.1', NO_COMPONENT],
  ['MSH-3.1: { not: "A^1.2^ISO" }', 'MSH-3.1', NO_COMPONENT],
  ['PID-3.4.1: NORTH&1.2.3', 'PID-3.4.1', NO_SUBCOMPONENT],
  ['PID-3.4.1: A^B', 'PID-3.4.1', NO_SUBCOMPONENT],
])('F114 %s is warned of', (condition, key, message) => {
  expect(warningsOf(when(condition))).toEqual([`routes[0].when.${key}: ${message}`]);
});

test('F114 in a table of validate, and in the rules of a listener, too', () => {
  const table = config({ routes: '- { to: p, validate: { tables: { MSH-9: [ADT^A01] } } }' });
  expect(warningsOf(table)).toEqual([`routes[0].validate.tables.MSH-9: ${WHOLE('MSH-9', 'ADT^A01')}`]);
  const allow = config({ listener: 'allow: [{ source: 10.0.0.1, MSH-9: ADT^A01 }]' });
  expect(warningsOf(allow)).toEqual([`listeners.l.allow[0].MSH-9: ${WHOLE('MSH-9', 'ADT^A01')}`]);
});

test.each([
  'MSH-9: ADT^A01^ADT_A01',
  'MSH-9: ADT',
  'MSH-9: "/^ADT\\\\^A01/"',
  'MSH-9: "/^ADT\\\\^A01(\\\\^|$)/"',
  'MSH-9: "/^(ADT|ORU)/"',
  'MSH-9.1: ADT, MSH-9.2: A01',
  'MSH-2: "^~\\\\&"',
  'MSH-3: A^1.2.3',
  'MSH-4: NORTH&1.2.3',
  'PID-3.4: TEST',
  'PID-3.4: { not: TEST }',
  'PID-3.4: NORTH&1.2.3&ISO',
  'PID-3.4.1: NORTH',
  'MSH-9: { exists: true }',
  'MSH-9: ""',
])('F114 %s is not', (condition) => {
  expect(warningsOf(when(condition))).toEqual([]);
});

const ring = (bind: string, url: string, top = ''): string =>
  config({ top }).replace('":1"', `"${bind}"`).replace('mllp://h:1', url);

const ITSELF = 'pools.p.nodes.a: is listener l of this gateway: it would send its messages to itself';

test.each([
  ['10.0.0.1:2575', 'mllp://10.0.0.1:2575'],
  ['10.0.0.1:2575', 'mllps://10.0.0.1:2575'],
  ['vip.test:2575', 'mllp://VIP.test:2575'],
  ['127.0.0.1:2575', 'mllp://127.0.0.1:2575'],
  ['127.0.0.1:2575', 'mllp://localhost:2575'],
  ['127.0.0.1:2575', 'mllp://0.0.0.0:2575'],
  ['127.0.0.1:2575', 'mllp://[::ffff:127.0.0.1]:2575'],
  ['localhost:2575', 'mllp://127.0.0.1:2575'],
  ['[::1]:2575', 'mllp://localhost:2575'],
  ['[::1]:2575', 'mllp://[::]:2575'],
  ['localhost:2575', 'mllp://[::1]:2575'],
  [':2575', 'mllp://127.0.0.1:2575'],
  [':2575', 'mllp://127.0.0.2:2575'],
  ['0.0.0.0:2575', 'mllp://localhost:2575'],
  ['0.0.0.0:2575', 'http://localhost:2575'],
  ['[::]:2575', 'mllp://127.0.0.1:2575'],
  ['[::]:2575', 'mllp://[::1]:2575'],
])('F114 a listener on %s and a node %s are one', (bind, url) => {
  expect(warningsOf(ring(bind, url))).toContain(ITSELF);
});

test.each([
  ['127.0.0.1:2575', 'mllp://127.0.0.1:2576'],
  ['127.0.0.1:2575', 'mllp://127.0.0.2:2575'],
  ['127.0.0.2:2575', 'mllp://localhost:2575'],
  ['127.0.0.1:2575', 'mllp://[::1]:2575'],
  ['0.0.0.0:2575', 'mllp://[::1]:2575'],
  ['0.0.0.0:2575', 'mllp://10.0.0.1:2575'],
  ['[::]:2575', 'mllp://mirth.test:2575'],
  ['10.0.0.1:2575', 'mllp://localhost:2575'],
  ['10.0.0.1:2575', 'mllp://10.0.0.2:2575'],
  [':0', 'mllp://127.0.0.1:2575'],
])('F114 a listener on %s and a node %s are two', (bind, url) => {
  expect(warningsOf(ring(bind, url))).toEqual([]);
});

test('F114 a node that is the admin API', () => {
  const top = 'admin: { bind: "127.0.0.1:9600", token: sixteen-and-some-more }';
  expect(warningsOf(ring(':1', 'http://localhost:9600', top))).toContain(
    'pools.p.nodes.a: is the admin API of this gateway: it would send its messages to itself',
  );
});
