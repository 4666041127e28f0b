// What a message that was posted leaves in memory: nothing that V8 keeps until it collects the whole heap.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { HttpPostPlans, type Posted } from '../../routing/http-post-plan.ts';
import { NO_TRACES } from '../../routing/trace-sampler.ts';
import { parseConfig } from '../../src/config/load.ts';
import { readHeader } from '../../src/hl7/header.ts';
import { TraceContext } from '../../src/observe/traces/trace-context.ts';

const MESSAGES = 512;
/** Of the heap, for each message: what it takes is told from what else there is. */
const NUMBERS = 4_000;
const MESSAGE_BYTES = NUMBERS * 8;
/** So many of them may be on the stack, or in what V8 has not looked at. */
const SOME = 64;
const MESSAGE = 'MSH|^~\\&|A|B|C|D|2026||ADT^A01|X1|P|2.5\r';

setFlagsFromString('--expose-gc');
const gc: (options: { type: 'minor' }) => void = runInNewContext('globalThis.gc');

const ROUTES = (rules: string): string => `
listeners: { in: { bind: "127.0.0.1:0" } }
routes: [{ name: all, to: p${rules} }]
pools: { p: { nodes: { a: { url: "http://127.0.0.1:1" } } } }`;

it.each([
  ['without rules', ''],
  ['with a rule on a header', ', http: { request: { set: { X-Id: "${request.id}" } } }'],
])('%s', (_, rules) => {
  const { routes } = parseConfig(ROUTES(rules), { env: {} }).config;
  const plans = new HttpPostPlans(routes, NO_TRACES);
  const post = (): void => {
    const message: Posted & { readonly numbers: readonly number[] } = {
      numbers: Array.from({ length: NUMBERS }, (__, n) => n + 0.5),
      origin: { listener: 'in', peer: { address: '127.0.0.1', port: 1 } },
      header: readHeader(Buffer.from(MESSAGE)),
      route: routes[0],
      trace: new TraceContext(),
      lastAttempt: undefined,
    };
    const fields = plans.for(message).headers('a');
    expect(fields).toContain('x-forwarded-for');
    if (rules !== '')
      expect(fields[fields.map((name) => name.toLowerCase()).indexOf('x-id') + 1]).toMatch(/^[0-9a-f-]{36}$/);
  };
  gc({ type: 'minor' });
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < MESSAGES; i++) post();
  gc({ type: 'minor' });
  gc({ type: 'minor' });
  const kept = (process.memoryUsage().heapUsed - before) / MESSAGE_BYTES;
  expect(kept).toBeLessThan(SOME);
});
