// Each kind of expectation holds when it is right, and is reported where it stands when it is not.
import { describe, expect, test } from 'vitest';
import { checkPlay } from '../../../src/tools/replay/check/scenario-checks.ts';
import { TempCerts } from '../../../src/tools/replay/config/temp-certs.ts';
import { SCENARIO_SECTIONS } from '../../../src/tools/replay/scenario/keys.ts';
import { parseScenario } from '../../../src/tools/replay/scenario/load.ts';
import { play } from '../../../src/tools/replay/stage/play.ts';
import { prepare } from '../../../src/tools/replay/stage/prepare.ts';
import type { Received } from '../../../src/tools/replay/stage/staged-node.ts';
import { CONFIG, FIRST_LINE, HERE, playText } from './scenario-text.ts';

interface Case {
  readonly right: string;
  readonly wrong: string;
  /** What the report says was there. */
  readonly was: string;
}

const SENT = '  - send: ../adt-a01-admit.hl7\n    expect:\n';

/** Of a message that node a answers AE. */
const OF_A_MESSAGE: Record<string, Case> = {
  route: { right: 'messages', wrong: 'site', was: 'messages' },
  pool: { right: 'mirth', wrong: 'site', was: 'mirth' },
  node: { right: '[a, b]', wrong: 'b', was: 'a' },
  ack: { right: 'AE', wrong: 'AA', was: 'AE' },
  text: { right: 'Error Occurred', wrong: 'all well', was: '"An Error Occurred Processing Message."' },
  answer: {
    right:
      '"MSH|^~\\\\&|EHR|NORTH|ADMIT|NORTH|2020||ACK^A01^ACK|77|P|2.5.1\\nMSA|AE|AN00000001|An Error Occurred Processing Message."',
    wrong:
      '"MSH|^~\\\\&|EHR|NORTH|ADMIT|NORTH|2020||ACK^A01^ACK|77|P|2.5.1\\nMSA|AE|AN00000001|All is well."',
    was: '"An Error Occurred Processing Message."',
  },
  fields: { right: '{ MSA-2: AN00000001 }', wrong: '{ MSA-2: AN2 }', was: '"AN00000001"' },
  outcome: { right: 'answered', wrong: 'failed', was: 'answered' },
  error: { right: 'none', wrong: 'GW_ERR_ACK_TIMEOUT', was: 'none' },
  attempts: { right: '1-2', wrong: '2', was: '1' },
  deliveries: { right: '1', wrong: '0', was: '1' },
  unchanged: { right: 'true', wrong: 'false', was: 'the bytes that were sent' },
  trace: {
    right: '[forward a write ack, reply]',
    wrong: '[queue, forward a write ack, reply]',
    was: 'forward a write ack, reply',
  },
  within: { right: '10m', wrong: '100ms', was: 'ms' },
};

const OF_A_RESPONSE: Record<string, Case> = {
  status: { right: '200', wrong: '404', was: '200' },
  headers: { right: '{ X-Simulated-Node: s }', wrong: '{ X-Simulated-Node: none }', was: 's' },
  body: { right: '<title>s</title>', wrong: 'nothing of the kind', was: '<!doctype html>' },
};

const FINALLY: Record<string, Case> = {
  deliveries: { right: '{ a: 1, mirth/b: 1 }', wrong: '{ a: 2, mirth/b: 1 }', was: '1' },
  states: { right: '{ a: up }', wrong: '{ a: down }', was: 'up' },
  order: { right: 'sent', wrong: '', was: '' },
  faults: { right: 'GW_ERR_ROUTE_NONE', wrong: 'GW_ERR_ACK_TIMEOUT', was: 'none' },
};

describe('of a message', () => {
  test.each(Object.entries(OF_A_MESSAGE))('%s', async (key, { right, wrong, was }) => {
    const delay = key === 'within' ? ', delay: 500ms' : '';
    const head = `nodes: { a: { answers: AE${delay} } }\nsteps:\n`;
    expect((await playText(`${head}${SENT}      ${key}: ${right}\n`)).differences).toEqual([]);
    const { differences, verdict } = await playText(`${head}${SENT}      ${key}: ${wrong}\n`);
    expect(verdict).toBe('different');
    expect(differences).toHaveLength(1);
    const [one] = differences;
    expect(one).toMatchObject({ line: FIRST_LINE + 4, message: 'AN00000001' });
    expect(one?.key).toMatch(new RegExp(`^steps\\[0\\]\\.expect\\.${key}`));
    expect(one?.column).toBeGreaterThan(7);
    expect(one?.actual).toContain(was);
  });

  test.each(Object.entries(OF_A_RESPONSE))('%s of a response', async (key, { right, wrong, was }) => {
    const head = 'senders: { user: { listener: web } }\nsteps:\n  - request: {}\n    expect:\n';
    expect((await playText(`${head}      ${key}: ${right}\n`)).differences).toEqual([]);
    const { differences } = await playText(`${head}      ${key}: ${wrong}\n`);
    expect(differences).toMatchObject([{ line: FIRST_LINE + 4, message: 'GET /' }]);
    expect(differences[0]?.actual).toContain(was);
  });

  test('sameNode', async () => {
    const text = (same: boolean): string =>
      `steps:\n  - send: [../adt-a01-admit.hl7, ../adt-a03-discharge.hl7]\n    expect: { sameNode: ${same} }\n`;
    expect((await playText(text(false))).differences).toEqual([]);
    const { differences } = await playText(text(true));
    expect(differences).toMatchObject([{ line: FIRST_LINE + 2, expected: 'one node', actual: 'a, b' }]);
  });

  test('an answer’s date and control id are compared only when asked for', async () => {
    const answer = OF_A_MESSAGE.answer?.right ?? '';
    const text = `nodes: { a: { answers: AE } }\nsteps:\n${SENT}      answer: ${answer}\n`;
    expect((await playText(text)).differences).toEqual([]);
    const { differences } = await playText(text, 1, ['MSH-7', 'MSH-10']);
    expect(differences.map(({ key }) => key.split(' ')[1])).toEqual(['MSH-7', 'MSH-10']);
  });

  test('no kind is without a test', () => {
    const tested = [...Object.keys(OF_A_MESSAGE), ...Object.keys(OF_A_RESPONSE), 'sameNode'];
    expect(tested.sort()).toEqual(Object.keys(SCENARIO_SECTIONS.message).sort());
    expect(Object.keys(FINALLY).sort()).toEqual(Object.keys(SCENARIO_SECTIONS.finally).sort());
  });

  test('a list is of the first message, the second and so on, and has to be as long', async () => {
    const send = '  - send: [../adt-a01-admit.hl7, ../adt-a03-discharge.hl7]\n    expect:\n';
    const good = await playText(`steps:\n${send}      - { node: a }\n      - { node: b }\n`);
    expect(good.differences).toEqual([]);
    const bad = await playText(`steps:\n${send}      - { node: a }\n      - { node: a }\n`);
    expect(bad.differences).toMatchObject([{ line: FIRST_LINE + 4, message: 'AN00000003', actual: 'b' }]);
    const short = await playText(`steps:\n${send}      - { node: a }\n`);
    expect(short.differences).toMatchObject([{ expected: '1 messages', actual: '2' }]);
  });
});

describe('in the end', () => {
  const steps = 'steps:\n  - send: [../adt-a01-admit.hl7, ../adt-a03-discharge.hl7]\n';

  test.each(['deliveries', 'states', 'faults'])('%s', async (key) => {
    const { right, wrong, was } = FINALLY[key] as Case;
    if (key !== 'faults')
      expect((await playText(`${steps}expect:\n  ${key}: ${right}\n`)).differences).toEqual([]);
    const { differences } = await playText(`${steps}expect:\n  ${key}: ${wrong}\n`);
    expect(differences).toMatchObject([{ line: FIRST_LINE + 3, message: undefined, actual: was }]);
    expect(differences[0]?.key).toMatch(new RegExp(`^expect\\.${key}`));
  });

  test('faults that the log holds', async () => {
    const cut =
      'steps:\n  - send: ../adt-a01-admit.hl7\n    cutOff: 50\nexpect: { faults: GW_ERR_FRAME_TRUNCATED }\n';
    expect((await playText(cut)).differences).toEqual([]);
  });

  test('order: a message that nodes have before one that was sent earlier over its connection', async () => {
    const text = `${CONFIG}${steps}expect: { order: sent }\n`;
    const throwAway = new TempCerts();
    const prepared = prepare(parseScenario(text, HERE, {}), { env: {}, throwAway });
    const played = await play(prepared, throwAway);
    expect(checkPlay(played, []).differences).toEqual([]);
    // What a gateway would have done that lets messages overtake each other.
    const [first, second] = played.received as [Received, Received];
    const received = [
      { ...second, order: first.order },
      { ...first, order: second.order },
    ];
    expect(checkPlay({ ...played, received }, []).differences).toMatchObject([
      { line: FIRST_LINE + 2, key: 'expect.order', message: 'AN00000003' },
    ]);
  });

  test('what a reload has changed, and one that is refused', async () => {
    const reload = 'steps:\n  - reload: { pools: { mirth: { balance: least-in-flight } } }\n    changes: ';
    expect((await playText(`${reload}"pools.mirth: changed"\n`)).differences).toEqual([]);
    const { differences } = await playText(`${reload}"pools.mirth: gone"\n`);
    expect(differences).toMatchObject([{ line: FIRST_LINE + 2, actual: 'pools.mirth: changed' }]);
  });
});
