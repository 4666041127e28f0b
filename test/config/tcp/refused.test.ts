// What `protocol: tcp` cannot have is refused at its place, one line for each mistake.
import { expect, test } from 'vitest';
import { ConfigError, formatProblem, parseConfig } from '../../../src/config/load.ts';

function errorsOf(parts: {
  listener?: object;
  pool?: object;
  node?: string;
  routes?: object[];
}): readonly string[] {
  const text = JSON.stringify({
    listeners: { raw: { protocol: 'tcp', bind: ':1', ...parts.listener }, hl7: { bind: ':2' } },
    pools: {
      p: { nodes: { a: { url: parts.node ?? 'tcp://h:3' } }, ...parts.pool },
      m: { nodes: { a: { url: 'mllp://h:4' } } },
    },
    routes: parts.routes ?? [{ when: { listener: 'raw' }, to: 'p' }, { to: 'm' }],
  });
  try {
    parseConfig(text, { env: {} });
    return [];
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    return thrown.problems.map(formatProblem);
  }
}

test('a good one has no error', () => {
  expect(errorsOf({})).toEqual([]);
  expect(errorsOf({ node: 'tls://h:3', pool: { persistence: { by: ['source'] }, balance: 'hash' } })).toEqual(
    [],
  );
});

test.each([
  [{ listener: { batch: 'split' } }, 'listeners.raw.batch: is for protocol mllp and http only'],
  [{ listener: { onRejected: 'AE' } }, 'listeners.raw.onRejected: is for protocol mllp and http only'],
  [{ listener: { http: { keepAlive: '1s' } } }, 'listeners.raw.http.keepAlive: is for protocol http only'],
  [{ listener: { limits: { maxFrame: '1MiB' } } }, 'listeners.raw.limits.maxFrame: is for protocol mllp'],
  [
    { listener: { allow: [{ source: '10.0.0.1', 'MSH-3': 'LAB' }] } },
    'listeners.raw.allow[0].MSH-3: MSH-3 is no part',
  ],
  [{ pool: { ordering: 'connection' } }, 'pools.p.ordering: is for mllp://'],
  [{ pool: { retry: { attempts: 3 } } }, 'pools.p.retry.attempts: is for mllp://'],
  [{ pool: { acknowledgement: 'never' } }, 'pools.p.acknowledgement: is for mllp://'],
  [{ pool: { persistence: { by: ['MSH-3'] } } }, 'pools.p.persistence.by: is no part of a connection'],
  [{ pool: { persistence: { cookie: 'NODE' } } }, 'pools.p.persistence.cookie: needs http://'],
  [{ pool: { health: { type: 'tls' } } }, 'pools.p.health.type: a TLS handshake needs'],
  [
    { routes: [{ when: { listener: 'raw', 'MSH-9.1': 'ADT' }, to: 'p' }, { to: 'm' }] },
    'routes[0].when.MSH-9.1: MSH-9.1 is no part of a connection',
  ],
  [
    { routes: [{ when: { listener: 'raw' }, to: 'p', validate: { segments: ['PID'] } }, { to: 'm' }] },
    'routes[0].validate: is for messages and requests',
  ],
  [{ routes: [{ to: 'p' }, { to: 'm' }] }, 'routes[0].to: leads what comes by listener hl7'],
  [{ routes: [{ to: 'm' }, { to: 'p' }] }, 'routes[0].to: leads connections of listener raw'],
])('%j', (parts, error) => {
  expect(
    errorsOf(parts).some((line) => line.includes(error)),
    errorsOf(parts).join('\n'),
  ).toBe(true);
});
