// `--update`: what came out is written as what is expected, comments stay, and played again it is good.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { replay } from '../../../src/cli/replay/replay.ts';
import { updatedSource } from '../../../src/tools/replay/update.ts';
import { CONFIG, playText } from './scenario-text.ts';

const fixture = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`../../../fixtures/${name}`, import.meta.url)), 'latin1');

const own = (text: string | undefined): string => text?.slice(CONFIG.length) ?? '';

describe('a scenario', () => {
  test('gets the values that came out, and keeps its comments and the rest', async () => {
    const text = `# first\nsteps:\n  # why\n  - send: ../adt-a01-admit.hl7 # what\n    expect:\n      node: b # wrong\n      ack: AA\n      attempts: 1-3 # a range\nexpect: { deliveries: { a: 0 } } # in the end\n`;
    const { text: updated, left } = updatedSource(await playText(text, 1));
    expect(left).toEqual([]);
    expect(own(updated)).toBe(text.replace('node: b', 'node: a').replace('a: 0', 'a: 1'));
    expect((await playText(own(updated))).verdict).toBe('good');
  });

  test('that says nothing of a step gets what came out, of each message where they differ', async () => {
    const one = updatedSource(await playText('steps:\n  - send: ../adt-a01-admit.hl7\n'));
    expect(own(one.text)).toContain(
      '    expect:\n      route: messages\n      pool: mirth\n      node: a\n      ack: AA\n',
    );
    const two = updatedSource(
      await playText('steps:\n  - send: [../adt-a01-admit.hl7, ../adt-a03-discharge.hl7]\n'),
    );
    expect(own(two.text).match(/node: \w/g)).toEqual(['node: a', 'node: b']);
    expect((await playText(own(two.text))).verdict).toBe('good');
  });

  test('names both nodes where one expectation is of several messages', async () => {
    const text =
      'steps:\n  - send: [../adt-a01-admit.hl7, ../adt-a03-discharge.hl7]\n    expect: { node: a }\n';
    expect(own(updatedSource(await playText(text, 1)).text)).toContain('expect: { node: [a, b] }');
  });

  test('leaves alone what one value cannot say', async () => {
    const text =
      'nodes: { b: { answers: AE } }\nsteps:\n  - send: [../adt-a01-admit.hl7, ../adt-a03-discharge.hl7]\n    expect: { ack: AA }\n';
    const { text: updated, left } = updatedSource(await playText(text, 1));
    expect(updated).toBeUndefined();
    expect(left).toMatchObject([{ key: 'steps[0].expect.ack', message: 'AN00000003' }]);
  });

  test('that is good is not touched', async () => {
    const text = 'steps:\n  - { send:   ../adt-a01-admit.hl7,   expect: { ack: AA } }\n';
    expect(updatedSource(await playText(text))).toEqual({ text: undefined, left: [] });
  });

  test('keeps its layout in flow and in block lists', async () => {
    const text = `nodes: { a: { answers: AE } }
steps:
  - {  send:   ../adt-a01-admit.hl7 }   # says nothing
  - send: [ ../adt-a03-discharge.hl7 ]
    expect:
      node:
        - a
        - none
      answer: |
        MSH|^~\\&|EHR|NORTH|ADMIT|NORTH|2020||ACK^A03^ACK|77|P|2.4
        MSA|AA|AN00000003
      ack: AA
`;
    const result = await playText(text.replace('MSA|AA', 'MSA|AR'), 1);
    const updated = own(updatedSource(result).text);
    expect(updated).toContain(
      '  - {  send:   ../adt-a01-admit.hl7, expect: { route: messages, pool: mirth, node: a, ack: AE } }   # says nothing\n',
    );
    expect(updated).toContain('      node:\n        b\n      answer: "MSH|');
    expect(updated).toContain('MSA|AA|AN00000003\\n"\n      ack: AA\n');
    expect((await playText(updated)).verdict).toBe('good');
  });
});

describe('a message file', () => {
  test('gets an expectation file beside it, and is held to that from then on', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'hl7-gateway-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const config = (balance: string): string => `listeners: { adt: { bind: 0.0.0.0:2575 } }
pools: { mirth: { nodes: { a: { url: mllp://10.0.0.11:6661, weight: ${balance} }, b: { url: mllp://10.0.0.12:6661 } }, health: { type: none } } }
routes: [{ name: all, to: mirth }]
`;
    writeFileSync(join(folder, 'gateway.yaml'), config('1'));
    writeFileSync(
      join(folder, 'two.hl7'),
      fixture('adt-a01-admit.hl7') + fixture('adt-a03-discharge.hl7'),
      'latin1',
    );
    const out: string[] = [];
    const terminal = { out: (line: string) => void out.push(line), err: () => {} };
    const options = { config: join(folder, 'gateway.yaml') };
    expect(await replay([folder], options, terminal)).toBe(0);
    expect(out.join('\n')).toContain('1 without expectations (--update writes them)');
    expect(out.join('\n')).toContain('AN00000001: route all, pool mirth, node a, answer AA');
    expect(await replay([folder], { ...options, update: true }, terminal)).toBe(0);
    const written = readFileSync(join(folder, 'two.expect.yaml'), 'utf8');
    expect(written).toContain('send: "two.hl7"');
    expect(written.match(/MSA\|AA\|AN0000000\d/g)).toHaveLength(2);
    expect(await replay([folder], options, terminal)).toBe(0);
    expect(out.at(-1)).toBe('1 scenarios, 2 messages: 1 good');
    writeFileSync(join(folder, 'gateway.yaml'), config('0'));
    expect(await replay([folder], options, terminal)).toBe(1);
    expect(out.join('\n')).toMatch(
      /two\.expect\.yaml:\d+:\d+: steps\[0\]\.expect\[0\]\.node: AN00000001: expected a, was b/,
    );
  });
});
