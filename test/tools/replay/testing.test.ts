// The test helper that the package exports: what a test of a config can do with a stage.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { GatewayError } from '../../../src/errors.ts';
import {
  openStage,
  playScenarios,
  type StageSettings,
  type TestStage,
} from '../../../src/tools/replay/testing.ts';
import { connectSender } from '../../helpers/sender.ts';

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../../fixtures/${name}`, import.meta.url));
const ADMIT = fixture('adt-a01-admit.hl7');

const config = (more = ''): { text: string } => ({
  text: `listeners: { adt: { bind: 0.0.0.0:2575 }, web: { protocol: http, bind: 0.0.0.0:8080 } }
pools:
  mirth: { nodes: { a: { url: mllp://h:1 }, b: { url: mllp://h:2 } }, balance: round-robin, health: { type: none }, timeouts: { ack: 1s } }
  lab: { nodes: { a: { url: mllp://h:3 } } }
routes: [${more}{ name: all, to: mirth }]
`,
});

async function opened(settings: Partial<StageSettings> = {}): Promise<TestStage> {
  const stage = await openStage({ config: config(), env: {}, ...settings });
  onTestFinished(() => stage.close());
  return stage;
}

test('scenarios are in virtual time, and in real time while a stage is open in the same process', async () => {
  const play = async (): Promise<unknown> =>
    (await playScenarios([fixture('scenarios/no-route.yaml')], { env: {} })).map(({ verdict, clock }) => [
      verdict,
      clock,
    ]);
  expect(await play()).toEqual([['good', 'virtual']]);
  await using stage = await openStage({ config: config(), env: {} });
  expect(await play()).toEqual([['good', 'real']]);
  expect(await stage.send(ADMIT)).toMatchObject([{ ack: 'AA' }]);
  await stage.close();
  const [played, another] = await Promise.all([play(), opened()]);
  expect(played).toEqual([['good', 'virtual']]);
  expect(await another.send(ADMIT)).toMatchObject([{ ack: 'AA' }]);
});

describe('a stage', () => {
  test('sends files and messages over any listener, and says what came of each', async () => {
    const stage = await opened();
    const [first] = await stage.send(ADMIT);
    expect(first).toMatchObject({
      ...{ controlId: 'AN00000001', route: 'all', pool: 'mirth', node: 'a', ack: 'AA', attempts: 1 },
      ...{ outcome: 'answered', error: 'none', deliveries: 1, unchanged: true, status: undefined },
      trace: ['forward a write ack', 'reply'],
    });
    expect(first?.field('MSA-2')).toBe('AN00000001');
    const message = Buffer.from('MSH|^~\\&|A|B|C|D|2020||ADT^A01|X1|P|2.5\r');
    expect(await stage.send(message, { listener: 'web' })).toMatchObject([
      { controlId: 'X1', node: 'b', status: 200 },
    ]);
    expect(stage.received('mirth/b')).toEqual([message]);
    expect(stage.notes).toEqual([]);
  });

  test('nodes die, come back, and behave as they are told', async () => {
    const stage = await opened();
    await stage.kill('mirth/a');
    expect(await stage.send(ADMIT)).toMatchObject([{ node: 'b', attempts: 2 }]);
    await stage.start('mirth/a');
    stage.behave('b', { answers: 'AE' });
    stage.behave('mirth/a', { does: 'hang', messages: 1 });
    const answers = [await stage.send(ADMIT), await stage.send(ADMIT)]
      .flat()
      .map(({ ack, error }) => [ack, error]);
    expect(answers).toContainEqual(['AE', 'none']);
    expect(answers).toContainEqual(['none', 'GW_ERR_ACK_TIMEOUT']);
  });

  test('another config is taken up while it runs', async () => {
    const stage = await opened();
    expect(await stage.reload(config('{ name: admissions, when: { MSH-9.1: ADT }, to: lab }, '))).toEqual([
      'routes.admissions: new',
    ]);
    expect(await stage.send(ADMIT)).toMatchObject([{ route: 'admissions', pool: 'lab' }]);
  });

  test('its ports are there for other senders', async () => {
    const stage = await opened({ speed: 10 });
    await using sender = await connectSender(stage.portOf('adt'));
    expect((await sender.exchange('MSH|^~\\&|A|B|C|D|2020||ADT^A01|X2|P|2.5\r')).toString()).toContain(
      'MSA|AA|X2',
    );
    await stage.wait(10);
    expect(() => stage.portOf('lab')).toThrow('no listener "lab"');
  });

  test('a name that is no node’s, or two nodes’, is an error', async () => {
    const stage = await opened();
    expect(() => stage.received('c')).toThrow('no node "c"');
    expect(() => stage.received('a')).toThrow('two pools have a node "a"');
    await expect(stage.send('gone.hl7')).rejects.toThrow(GatewayError);
  });

  test('nothing is left of its certificates when it is closed', async () => {
    const secure = config().text.replace('2575 }', '2575, tls: { cert: /gone/x.pem, key: /gone/x.key } }');
    const stage = await openStage({ config: { text: secure }, env: {} });
    expect(await stage.send(ADMIT, { listener: 'adt' })).toMatchObject([{ ack: 'AA' }]);
    const folder = stage.folder;
    expect(folder !== undefined && existsSync(folder)).toBe(true);
    await stage.close();
    expect(existsSync(folder ?? '')).toBe(false);
  });
});
