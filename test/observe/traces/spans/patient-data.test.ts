// Patient data is planted wherever a message, a request or an answer can hold it, and looked for in all that leaves the
// gateway for people to read: every span as the collector gets it, with its resource, and the log from debug up.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readMessageFile } from '../../../../src/hl7/message-file.ts';
import { file } from '../../../faults/batch-room.ts';
import { request } from '../../../faults/http-room.ts';
import { answers, type Script, startFaultyNode } from '../../../helpers/faulty-node.ts';
import type { TestGateway } from '../../../helpers/gateway.ts';
import { frame, headerField, message } from '../../../helpers/mllp.ts';
import { type OtlpCollector, startCollector } from '../../../helpers/otlp-collector.ts';
import { connectClient } from '../../../helpers/raw-http-client.ts';
import { startRawNode } from '../../../helpers/raw-http-node.ts';
import { connectSender } from '../../../helpers/sender.ts';
import { until } from '../../../helpers/until.ts';
import { acks, ask, httpAnswer, post } from '../../../http-hl7/room.ts';
import { startTraced } from './room.ts';

const PLANTED = ['ZEBRAFINCH', 'Quillon', '4711-0815-77', '12 Nightshade', '19431224', 'chronic melancholy'];
const [FAMILY, GIVEN, ID, STREET, BORN, NOTE] = PLANTED;
const SEGMENTS = [
  `PID|1||${ID}^^^HOSP^MR||${FAMILY}^${GIVEN}||${BORN}|M|||${STREET} Lane^^TOWN`,
  `NK1|1|${FAMILY}^MARLA|SPO`,
  `OBX|1|TX|NOTE||${NOTE}||||||F`,
  `ZPI|1|${FAMILY}|${ID}`,
];
const planted = (controlId: string) => message({ controlId, segments: SEGMENTS });

function expectNothingOf(collector: OtlpCollector, gw: TestGateway): void {
  expect(collector.spans.length).toBeGreaterThan(0);
  const spans = JSON.stringify(collector.spans, (_, value) => (typeof value === 'bigint' ? '' : value));
  const said = `${spans}\n${JSON.stringify(gw.log)}`;
  for (const one of [...PLANTED, encodeURIComponent(STREET ?? '')]) expect(said).not.toContain(one);
}

const FIXTURES = join(import.meta.dirname, '../../../../fixtures');
const fixtures = readdirSync(FIXTURES, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.hl7'))
  .flatMap((name) => readMessageFile(join(FIXTURES, name)).map((bytes, i) => ({ name, i, bytes })));

it('every fixture, with a patient planted at its end', { timeout: 60_000 }, async () => {
  await using collector = await startCollector();
  await using node = await startFaultyNode();
  await using gw = await startTraced(collector, {
    nodes: [node.url],
    // One of the fixtures asks for no answer, and the node answers all.
    pool: { persistence: { by: ['PID-3.1', 'PID-5'] }, acknowledgement: 'always' },
    listener: { missingControlId: 'forward' },
  });
  expect(fixtures.length).toBeGreaterThan(10);
  for (const { bytes, name, i } of fixtures) {
    await using sender = await connectSender(gw.port());
    const end = Buffer.from(
      `\r${SEGMENTS.map((one) => one.replaceAll('|', headerField(bytes, 1) || '|')).join('\r')}\r`,
    );
    await sender.send(Buffer.concat([bytes, end]));
    await Promise.race([sender.nextAck(), sender.closed]);
    expect(gw.messages.length, `${name} ${i}`).toBeGreaterThan(0);
  }
  await collector.traces(gw.messages.length);
  expectNothingOf(collector, gw);
});

describe('over MLLP', () => {
  // What a node says that answers no message is waited behind.
  const IMPATIENT = { timeouts: { ack: '100ms' } };
  const scripts: readonly (readonly [what: string, script: Script, pool: Record<string, unknown>])[] = [
    ['answers AA', answers.aa(), {}],
    ['answers AE with the name in its text', answers.ae({ text: `no ward for ${FAMILY}` }), {}],
    ['echoes the message', answers.echo(), IMPATIENT],
    ['answers rubbish that holds the name', answers.payload(Buffer.from(`ERROR ${FAMILY} ${ID}`)), IMPATIENT],
    ['answers to the name instead of the id', answers.aa({ controlId: FAMILY ?? '' }), IMPATIENT],
    ['closes', answers.close(), {}],
    ['never answers', answers.none(), IMPATIENT],
  ];
  it.each(scripts)('a node that %s', async (_, script, pool) => {
    await using collector = await startCollector();
    await using node = await startFaultyNode(script);
    const persistence = { by: ['PID-5.1', 'PID-3'] };
    await using gw = await startTraced(collector, { nodes: [node.url], pool: { persistence, ...pool } });
    await using sender = await connectSender(gw.port());
    await sender.send(planted('PHI-1'));
    const trace = await collector.trace();
    expect(trace.root.attributes['gateway.sticky.key']).toMatch(/^[0-9a-f]{16}$/);
    expectNothingOf(collector, gw);
  });

  const faults: readonly (readonly [what: string, bytes: Buffer])[] = [
    ['no MSH', frame(`PID|1||${ID}||${FAMILY}^${GIVEN}\r`)],
    ['no control id', frame(message({ controlId: '', segments: SEGMENTS }))],
    ['no frame at all', Buffer.from(`PID|1||${ID}||${FAMILY}\r`.repeat(20))],
    ['a start block inside', frame(Buffer.concat([planted('PHI-3'), Buffer.from(`\x0b${FAMILY}`)]))],
    [
      'too large',
      Buffer.concat([Buffer.from('\x0b'), planted('PHI-4'), Buffer.from(NOTE?.repeat(400) ?? '')]),
    ],
    ['rejected on a name', frame(message({ app: 'REJECT', segments: SEGMENTS }))],
    ['invalid', frame(message({ app: 'STRICT', segments: SEGMENTS }))],
    ['no route', frame(message({ app: 'NOWHERE', segments: SEGMENTS }))],
    ['a batch', frame(file(planted('B-1').toString('latin1'), planted('B-2').toString('latin1')))],
  ];
  it.each(faults)('a message with %s', async (_, bytes) => {
    await using collector = await startCollector();
    await using node = await startFaultyNode();
    await using gw = await startTraced(collector, {
      nodes: [node.url],
      listener: { limits: { maxFrame: '4KiB', maxJunk: '64' }, batch: 'split' },
      routes: [
        { name: 'one', when: { 'PID-5.1': FAMILY, 'MSH-3': 'REJECT' }, reject: { code: 'AR' } },
        {
          name: 'strict',
          when: { 'MSH-3': 'STRICT' },
          to: 'pool',
          validate: { fields: ['PID-30'], tables: { 'PID-5.1': ['OTHER'] } },
        },
        { name: 'all', when: { 'MSH-3': { not: 'NOWHERE' } }, to: 'pool' },
      ],
    });
    await using sender = await connectSender(gw.port());
    await sender.write(bytes);
    await collector.trace();
    expectNothingOf(collector, gw);
  });
});

describe('over HTTP', () => {
  it('a message, and whatever its request says', async () => {
    for (const script of [
      acks(),
      acks({ text: FAMILY ?? '' }),
      (c: { write(b: Buffer): unknown }) => c.write(httpAnswer(500, FAMILY)),
    ]) {
      await using collector = await startCollector();
      await using node = await startRawNode(script);
      await using gw = await startTraced(collector, {
        nodes: [node.url],
        listener: { protocol: 'http' },
        pool: { health: { type: 'none' } },
      });
      await using client = await connectClient(gw.port());
      const fields = [
        `X-Patient: ${FAMILY}`,
        `Cookie: p=${ID}`,
        `User-Agent: ${GIVEN}`,
        `Traceparent: ${FAMILY}`,
      ];
      const path = `/hl7/${FAMILY}?name=${GIVEN}`;
      await ask(client, post(planted('PHI-5'), { path, fields }));
      await collector.trace();
      expectNothingOf(collector, gw);
    }
  });

  it('a proxied request, and what its node answers', async () => {
    const script = (c: { write(b: Buffer): unknown }) =>
      c.write(httpAnswer(404, `${FAMILY}`, [`X-Patient: ${GIVEN}`]));
    await using collector = await startCollector();
    await using node = await startRawNode(script);
    await using gw = await startTraced(collector, {
      nodes: [node.url],
      listener: { protocol: 'http' },
      pool: { health: { type: 'none' }, persistence: { by: ['path'] } },
    });
    await using client = await connectClient(gw.port());
    const line = `POST /patients/${FAMILY}/${ID}?name=${GIVEN} HTTP/1.1`;
    const lines = [`X-Patient: ${FAMILY}`, `Cookie: p=${ID}`, 'Content-Length: 10'];
    await ask(client, request(line, lines, FAMILY));
    await ask(client, request(`GET /patients/${FAMILY} HTTP/1.1`, ['Expect: something']));
    await collector.traces(2);
    expectNothingOf(collector, gw);
  });
});

describe('control ids made of a record number', () => {
  it('are hashed in spans and in the log alike, where the config says so', async () => {
    await using collector = await startCollector();
    await using node = await startFaultyNode();
    await using gw = await startTraced(collector, {
      nodes: [node.url],
      listener: { batch: 'split' },
      telemetry: { controlIds: 'hash', hashKey: 'k' },
    });
    await using sender = await connectSender(gw.port());
    await sender.exchange(planted(ID ?? ''));
    await sender.exchange(file(planted(`${ID}`).toString('latin1')).replaceAll('F-1', ID ?? ''));
    await collector.traces(3);
    await until(() => gw.messages.length === 3);
    expectNothingOf(collector, gw);
    const [first] = await collector.traces(1);
    const line = gw.log.find(({ trace_id }) => trace_id === first?.root.traceId);
    expect(line?.controlId).toBe(first?.root.attributes['hl7.message.control_id']);
    expect(line?.controlId).toMatch(/^[0-9a-f]{16}$/);
  });
});
