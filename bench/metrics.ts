// What counting costs: one message in the gateway's own counters, beside the same in OpenTelemetry's instruments; and one
// scrape of many series. `node bench/metrics.ts`
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { MessageCounts } from '../src/observe/metrics/gateway/message-counts.ts';
import { SECONDS } from '../src/observe/metrics/histogram.ts';
import { metricsText } from '../src/observe/metrics/text.ts';
import { Message, type Origin } from '../src/relay/message.ts';

const ROUNDS = 5;
const MESSAGES = 500_000;
/** Different series, as many as a gateway with a few listeners, routes and nodes has. */
const KINDS = 24;
const TRACE = '0af7651916cd43dd8448eb211c80319c';

function messages(): Message[] {
  return Array.from({ length: KINDS }, (_, i) => {
    const origin = { listener: `listener-${i % 3}` } as unknown as Origin;
    const message = new Message(Buffer.alloc(0), origin);
    Object.assign(message, {
      route: { name: `route ${i % 4}` },
      pool: { name: `pool-${i % 2}` },
      settledAt: message.receivedAt + 3 + i,
      outcome: { kind: 'answered', ack: { code: 'AA' } },
    });
    message.beginAttempt(`node-${i % 6}`, '');
    Object.assign(message.lastAttempt ?? {}, {
      writtenAt: message.receivedAt,
      endedAt: message.receivedAt + 2 + i,
    });
    return message;
  });
}

class Reader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

function best(name: string, once: (message: Message) => void): void {
  const all = messages();
  let bestNs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const from = process.hrtime.bigint();
    for (let i = 0; i < MESSAGES; i++) once(all[i % KINDS] as Message);
    bestNs = Math.min(bestNs, Number(process.hrtime.bigint() - from) / MESSAGES);
  }
  process.stdout.write(`${name.padEnd(60)} ${bestNs.toFixed(0).padStart(6)} ns a message\n`);
}

const own = new MessageCounts(() => undefined);
best('own counters: outcome, two histograms', (one) => own.add(one));
const traced = new MessageCounts(() => TRACE);
best('the same, each with an exemplar', (one) => traced.add(one));

const meter = new MeterProvider({ readers: [new Reader()] }).getMeter('bench');
const counter = meter.createCounter('messages');
const advice = { advice: { explicitBucketBoundaries: [...SECONDS] } };
const ack = meter.createHistogram('ack', advice);
const whole = meter.createHistogram('whole', advice);
best('OpenTelemetry: attributes made for each', ({ origin, route, pool, attempts }) => {
  const [node] = attempts;
  const where = { listener: origin.listener, pool: pool?.name ?? '' };
  counter.add(1, { ...where, route: route?.name ?? '', node: node?.node ?? '', outcome: 'accepted' });
  ack.record(0.002, { pool: where.pool, node: node?.node ?? '' });
  whole.record(0.003, where);
});
const kept = new Map(
  messages().map(({ origin, route, pool, attempts }) => {
    const where = { listener: origin.listener, pool: pool?.name ?? '' };
    const node = attempts[0]?.node ?? '';
    const message = { ...where, route: route?.name ?? '', node, outcome: 'accepted' };
    return [`${origin.listener}${node}${route?.name}`, { message, ack: { pool: where.pool, node }, where }];
  }),
);
best('OpenTelemetry: attributes kept', ({ origin, route, attempts }) => {
  const labels = kept.get(`${origin.listener}${attempts[0]?.node}${route?.name}`);
  if (labels === undefined) return;
  counter.add(1, labels.message);
  ack.record(0.002, labels.ack);
  whole.record(0.003, labels.where);
});

const many = new MessageCounts(() => TRACE);
const [sample] = messages();
for (let i = 0; i < 1000 && sample !== undefined; i++) {
  Object.assign(sample.attempts[0] ?? {}, { node: `node-${i}` });
  many.add(sample);
}
const there = { listener: () => true, route: () => true, pool: () => true, node: () => true };
for (const format of ['prometheus', 'openmetrics'] as const) {
  const from = performance.now();
  const text = metricsText(many.families(there), format);
  const ms = performance.now() - from;
  process.stdout.write(
    `a scrape of 1000 nodes as ${format}: ${ms.toFixed(0)} ms, ${text.split('\n').length} lines\n`,
  );
}
