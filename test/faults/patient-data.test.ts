// Patient data is planted wherever a message or an answer can hold it, and then looked for in everything that the
// gateway says of messages: logs at every level, answers that it makes itself, errors.
import { describe, expect, it } from 'vitest';
import { readHeader } from '../../src/hl7/header.ts';
import { answers, type Script, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway, type TestGateway } from '../helpers/gateway.ts';
import { frame, message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { until } from '../helpers/until.ts';

const PLANTED = [
  'ZEBRAFINCH',
  'Quillon',
  '4711-0815-77',
  '12 Nightshade Lane',
  '19431224',
  'chronic melancholy',
];
const [FAMILY, GIVEN, ID, STREET, BORN, NOTE] = PLANTED;

const SEGMENTS = [
  `PID|1||${ID}^^^HOSP^MR||${FAMILY}^${GIVEN}||${BORN}|M|||${STREET}^^TOWN`,
  `NK1|1|${FAMILY}^MARLA|SPO`,
  `OBX|1|TX|NOTE||${NOTE}||||||F`,
  `ZPI|1|${FAMILY}|${ID}`,
];

const good = (controlId: string) => message({ controlId, segments: SEGMENTS });
const text = `PID|1||${ID}||${FAMILY}^${GIVEN}\rOBX|1|TX|||${NOTE}\r`;

/** Whatever the gateway can say: its log with every error's text, and the answers that it made itself. */
function expectNothingOf(gw: TestGateway, own: readonly Buffer[] = []): void {
  const said = [JSON.stringify(gw.log), ...own.map((answer) => answer.toString('latin1'))].join('\n');
  for (const planted of PLANTED) expect(said).not.toContain(planted);
}

describe('what a node does', () => {
  // F86: what a node says that answers no message is waited behind.
  const IMPATIENT = { timeouts: { ack: '100ms' } };
  const scripts: readonly (readonly [what: string, script: Script, pool: Record<string, unknown>])[] = [
    ['answers AA', answers.aa(), {}],
    ['answers AE with the name in its text', answers.ae({ text: `no ward for ${FAMILY}` }), {}],
    ['echoes the message', answers.echo(), IMPATIENT],
    ['answers rubbish that holds the name', answers.payload(Buffer.from(`ERROR ${FAMILY} ${ID}`)), IMPATIENT],
    ['names the patient before the answer', answers.junkBefore(Buffer.from(`${FAMILY} ${NOTE}`)), {}],
    ['answers another message', answers.wrongControlId(), IMPATIENT],
    ['closes', answers.close(), {}],
    ['never answers', answers.none(), IMPATIENT],
    ['answers twice', answers.twice(), {}],
  ];

  it.each(scripts)('%s', async (_, script, pool) => {
    await using node = await startFaultyNode(script);
    await using gw = await startGateway({ nodes: [node.url], pool });
    await using sender = await connectSender(gw.port());
    await sender.send(good('PHI-1'));
    await until(() => gw.messages.length === 1);
    expect(gw.log.some(({ controlId }) => controlId === 'PHI-1')).toBe(true);
    expectNothingOf(gw);
  });

  it('no node is there, and the sender gets an AE', async () => {
    await using node = await startFaultyNode();
    await node.refuse();
    await using gw = await startGateway({
      nodes: [node.url],
      listener: { onUnavailable: 'AE' },
      pool: { queue: { timeout: '100ms' } },
    });
    await using sender = await connectSender(gw.port());
    await sender.send(good('PHI-2'));
    const answer = await sender.nextAck();
    expect(readHeader(answer).text(10)).not.toBe('');
    expectNothingOf(gw, [answer]);
  });
});

describe('what a sender does', () => {
  const faults: readonly (readonly [what: string, bytes: Buffer])[] = [
    ['no MSH', frame(text)],
    ['no control id', frame(message({ controlId: '', segments: SEGMENTS }))],
    ['letters as delimiters', frame(`MSHXYZ|${text}`)],
    ['no frame at all', Buffer.from(text.repeat(20))],
    ['a start block inside', frame(Buffer.concat([good('PHI-3'), Buffer.from(`\x0b${FAMILY}`)]))],
    ['too large', Buffer.concat([Buffer.from('\x0b'), good('PHI-4'), Buffer.from(NOTE?.repeat(400) ?? '')])],
    ['cut off by the next', Buffer.concat([Buffer.from('\x0b'), good('PHI-5'), frame(good('PHI-6'))])],
    [
      'rejected by a route on a name',
      frame(message({ controlId: 'PHI-7', app: 'REJECT', segments: SEGMENTS })),
    ],
    ['no route', frame(message({ controlId: 'PHI-8', app: 'NOWHERE', segments: SEGMENTS }))],
    [
      'the name in MSH-8, where security belongs',
      frame(good('PHI-9').toString('latin1').replace('||ADT', `|${FAMILY}|ADT`)),
    ],
  ];

  it.each(faults)('%s', async (_, bytes) => {
    await using node = await startFaultyNode();
    await using gw = await startGateway({
      nodes: [node.url],
      listener: { limits: { maxFrame: '4KiB', maxJunk: '64' } },
      routes: [
        {
          name: 'one name',
          when: { 'PID-5.1': FAMILY, 'MSH-3': 'REJECT' },
          reject: { code: 'AR', text: 'not here' },
        },
        { name: 'all', when: { 'MSH-3': { not: 'NOWHERE' } }, to: 'pool' },
      ],
    });
    await using sender = await connectSender(gw.port());
    await sender.write(bytes);
    sender.end();
    await sender.closed;
    await until(() => gw.log.length > 1);
    expectNothingOf(gw, node.messages.length === 0 ? sender.acks : []);
  });
});
