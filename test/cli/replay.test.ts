// `replay` as a user has it: exit codes, reports, and what is said of what is wrong.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { until } from '../helpers/until.ts';
import { command, fixture, RunningCommand } from './command-line.ts';

function folder(files: Record<string, string>): string {
  const path = mkdtempSync(join(tmpdir(), 'hl7-gateway-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return path;
}

const CONFIG = `listeners: { adt: { bind: 0.0.0.0:2575 }, lab: { bind: 0.0.0.0:2576 } }
pools: { mirth: { nodes: { a: { url: mllp://10.0.0.11:6661 } } } }
routes: [{ name: lab, when: { listener: lab }, to: mirth }, { name: all, to: mirth }]
`;

describe('replay', () => {
  test('plays a shipped scenario: exit 0, a row and a sum', async () => {
    const { code, out, err } = await command('replay', fixture('scenarios/no-route.yaml'));
    expect({ code, err }).toEqual({ code: 0, err: [] });
    expect(out[1]).toMatch(/^no-route +good +1 +\d+ ms {2}virtual$/);
    expect(out.at(-1)).toBe('1 scenarios, 1 messages: 1 good');
  });

  test('a difference: exit 1, file, line and column, also as JSON and JUnit', async () => {
    const path = folder({
      'gateway.yaml': CONFIG,
      'one.yaml': `steps:\n  - send: ${fixture('adt-a01-admit.hl7')}\n    expect: { route: lab, ack: AA }\n`,
    });
    const junit = join(path, 'report.xml');
    const args = ['replay', path, '-c', join(path, 'gateway.yaml'), '--speed', '1', '--junit', junit];
    const table = await command(...args);
    expect(table.code).toBe(1);
    expect(table.out.join('\n')).toContain(
      `${join(path, 'one.yaml')}:3:22: steps[0].expect.route: AN00000001: expected lab, was all`,
    );
    expect(readFileSync(junit, 'utf8')).toContain('failures="1"');
    const json = await command(...args, '--json');
    expect(json.code).toBe(1);
    expect(json.out.map((line) => JSON.parse(line))).toMatchObject([
      { result: 'different', differences: [{ line: 3, column: 22, expected: 'lab', actual: 'all' }] },
      { scenarios: 1, different: 1 },
    ]);
  });

  test('plain messages go to the listener that is asked for', async () => {
    const path = folder({ 'gateway.yaml': CONFIG });
    const args = ['replay', fixture('adt-a01-admit.hl7'), '-c', join(path, 'gateway.yaml'), '--json'];
    const first = JSON.parse((await command(...args)).out[0] ?? '');
    expect(first).toMatchObject({ result: 'new', messages: [{ route: 'all' }] });
    const asked = JSON.parse((await command(...args, '--listener', 'lab')).out[0] ?? '');
    expect(asked).toMatchObject({ result: 'new', messages: [{ route: 'lab' }] });
    expect(await command(...args, '--listener', 'none')).toMatchObject({
      code: 2,
      err: [expect.stringContaining('the config has no listener "none"')],
    });
  });

  test.each([
    ['a file that is no HL7', { 'x.hl7': 'hello' }, 'x.hl7', /x\.hl7: no HL7 message/],
    ['a file that is not there', {}, 'gone.yaml', /gone\.yaml: no such file/],
    [
      'a broken scenario',
      { 'x.yaml': 'steps:\n  - snd: a\n' },
      'x.yaml',
      /^\S+x\.yaml:2:5: steps\[0\]: a step is/,
    ],
    ['a scenario without a config', { 'x.yaml': 'steps: []' }, 'x.yaml', /x\.yaml:1:1: config: is missing/],
    ['an empty folder', {}, '', /no scenario and no message in it/],
  ])('%s: exit 2 and one line', async (_, files, name, line) => {
    const { code, out, err } = await command('replay', join(folder(files), name));
    expect({ code, out }).toEqual({ code: 2, out: [] });
    expect(err).toHaveLength(1);
    expect(err[0]).toMatch(line);
  });

  test('leaves no key behind when it is interrupted', async () => {
    const secure = CONFIG.replace('2575 }', '2575, tls: { cert: gone.pem, key: gone.key } }');
    const path = folder({ 'gateway.yaml': secure, 'long.yaml': 'steps: [{ wait: 10m }]' });
    const keys = folder({});
    const running = new RunningCommand(['replay', path, '-c', join(path, 'gateway.yaml'), '--speed', '1'], {
      TMPDIR: keys,
    });
    const made = (): boolean => readdirSync(keys).some((name) => name.startsWith('hl7-gateway-replay-'));
    await until(made, { deadlineMs: 15_000, what: 'a folder of throw-away certificates' });
    expect((await running.stop('SIGINT')).code).toBe(130);
    expect(made()).toBe(false);
  });

  test('numbers that make no sense are refused', async () => {
    const { code, err } = await command('replay', fixture('scenarios'), '--speed', '0');
    expect({ code, first: err[0] }).toMatchObject({
      code: 2,
      first: expect.stringContaining('from 1 to 1000'),
    });
  });
});
