// Messages, subjects, conditions and nodes in one line each, for the tests of this folder.

import type { Candidate } from '../../routing/candidate.ts';
import type { MessageView, Peer, RequestView } from '../../routing/message-view.ts';
import { NodeSelector } from '../../routing/node-selector.ts';
import type { Condition, PoolConfig, RouteConfig, Subject, ValueTest } from '../../src/config/config.ts';
import { parseFieldPath } from '../../src/hl7/field-path.ts';
import { readHeader } from '../../src/hl7/header.ts';

export const ORU = 'MSH|^~\\&|LAB|NORTH|||20260101||ORU^R01|42|P|2.5.1\rPID|1||11^^^HOSP\rOBX|1|TX|||a\\T\\b';

export function view(
  message: string | Buffer = ORU,
  peer: Partial<Peer> = {},
  listener = 'adt',
): MessageView {
  const bytes = typeof message === 'string' ? Buffer.from(message) : message;
  return { header: readHeader(bytes), listener, peer: { address: '10.1.2.3', port: 40_000, ...peer } };
}

/** `headers`: by name in lower case; cookies are read from `cookie`. */
export function request(
  line: Partial<Pick<RequestView, 'method' | 'host' | 'path'>> = {},
  headers: Readonly<Record<string, string>> = {},
): RequestView {
  return {
    method: 'GET',
    host: 'vip.example',
    path: '/',
    ...line,
    header: (name) => (Object.hasOwn(headers, name) ? headers[name] : undefined),
    cookie: (name) =>
      headers.cookie
        ?.split('; ')
        .find((pair) => pair.startsWith(`${name}=`))
        ?.slice(name.length + 1),
  };
}

/** A request that is no message. */
export function proxied(http: RequestView, peer: Partial<Peer> = {}): MessageView {
  return { header: undefined, http, listener: 'web', peer: { address: '10.1.2.3', port: 40_000, ...peer } };
}

/** A message that came over HTTP. */
export function posted(http: RequestView, message = ORU): MessageView {
  return { ...view(message, {}, 'web'), http };
}

export function subject(text: string): Subject {
  const path = parseFieldPath(text);
  const [, kind, name = ''] = /^(header|cookie)\.(.+)$/.exec(text) ?? [];
  if (kind !== undefined) return { kind: kind as 'header', name };
  return path === undefined ? { kind: text as 'listener' } : { kind: 'field', path };
}

export const equals = (value: string): ValueTest => ({ kind: 'equals', value });
export const any = (...tests: ValueTest[]): ValueTest => ({ kind: 'any', tests });
export const not = (test: ValueTest): ValueTest => ({ kind: 'not', test });
export const exists = (yes = true): ValueTest => ({ kind: 'exists', exists: yes });
export const regex = (source: string, flags = ''): ValueTest => ({ kind: 'regex', source, flags });
export const cidr = (range: string): ValueTest => ({ kind: 'cidr', range });

export function condition(text: string, test: ValueTest): Condition {
  return { subject: subject(text), text, test };
}

export function route(name: string, ...when: Condition[]): RouteConfig {
  return { name, when, action: { kind: 'pool', pool: name }, http: undefined, validate: undefined };
}

export interface FakeNode extends Candidate {
  weight: number;
  inFlight: number;
  usable: boolean;
  hasRoom: boolean;
  draining: boolean;
  wantsTrial: boolean;
}

export function node(name: string, more: Partial<FakeNode> = {}): FakeNode {
  return {
    name,
    weight: 1,
    backup: false,
    inFlight: 0,
    usable: true,
    hasRoom: true,
    draining: false,
    wantsTrial: false,
    ...more,
  };
}

export function tally<T>(count: number, next: (i: number) => T): Map<T, number> {
  const counts = new Map<T, number>();
  for (let i = 0; i < count; i++) {
    const value = next(i);
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return counts;
}

export type Balance = PoolConfig['balance'];

export function poolOf(
  nodes: readonly FakeNode[],
  balance: Balance = 'round-robin',
  mode?: 'hash' | 'table',
  now?: () => number,
): NodeSelector<FakeNode> {
  const persistence = mode && { cookie: undefined, by: [], mode, idleMs: 1_000, maxSenders: 1_000 };
  return new NodeSelector({ name: 'pool', balance, persistence }, nodes, now);
}

const SENDERS = Array.from({ length: 60 }, (_, i) => `sender-${i}`);

export function placed(pool: NodeSelector<FakeNode>): (string | undefined)[] {
  return SENDERS.map((key) => pool.choose(key)?.node.name);
}
