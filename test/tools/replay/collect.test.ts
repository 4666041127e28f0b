// What `replay` makes of the paths that it is given: message files of every form, folders, configs that lie in them.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ConfigError } from '../../../src/config/load.ts';
import { collectScenarios } from '../../../src/tools/replay/collect.ts';
import { frame } from '../../helpers/mllp.ts';

const fixture = (name: string): Buffer => readFileSync(new URL(`../../../fixtures/${name}`, import.meta.url));

function folder(files: Record<string, string | Buffer>): string {
  const path = mkdtempSync(join(tmpdir(), 'hl7-gateway-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(path, name, '..'), { recursive: true });
    writeFileSync(join(path, name), content);
  }
  return path;
}

const A = fixture('adt-a01-admit.hl7');
const B = fixture('adt-a03-discharge.hl7');
const lines = (bytes: Buffer, end: string): Buffer =>
  Buffer.from(bytes.toString('latin1').replace(/\r\n|\r|\n/g, end), 'latin1');

const options = { env: {}, config: 'gateway.yaml' };

describe('a message file', () => {
  test.each([
    ['CR', Buffer.concat([A, B]), [A, B]],
    ['LF', Buffer.concat([lines(A, '\n'), lines(B, '\n')]), [lines(A, '\n'), lines(B, '\n')]],
    ['CRLF', Buffer.concat([lines(A, '\r\n'), lines(B, '\r\n')]), [lines(A, '\r\n'), lines(B, '\r\n')]],
    ['MLLP frames', Buffer.concat([frame(A), frame(B)]), [A, B]],
    ['a batch', fixture('batch-adt.hl7'), [fixture('batch-adt.hl7')]],
  ])('%s: each message as it lies there', (_, content, messages) => {
    const path = folder({ 'x.hl7': content });
    const [scenario] = collectScenarios([join(path, 'x.hl7')], options);
    const [step] = scenario?.steps ?? [];
    const sent = step?.kind === 'send' ? step.messages.map(({ payload }) => payload) : [];
    expect(sent.map((one) => one.toString('latin1'))).toEqual(messages.map((one) => one.toString('latin1')));
    expect(scenario).toMatchObject({ file: join(path, 'x.expect.yaml'), name: 'x' });
  });

  test('with its expectations beside it is played once, whichever of the two is named', () => {
    const path = folder({ 'x.hl7': A, 'x.expect.yaml': 'name: held\nsteps:\n  - send: x.hl7\n' });
    for (const paths of [[path], [join(path, 'x.hl7')], [join(path, 'x.expect.yaml'), join(path, 'x.hl7')]])
      expect(collectScenarios(paths, options).map(({ name }) => name)).toEqual(['held']);
  });
});

describe('a folder', () => {
  const files = {
    'gateway.yaml': 'listeners: {}\n',
    'other.yaml': 'listeners: {}\nroutes: []\n',
    'one.hl7': A,
    'deep/two.hl7': B,
    'deep/play.yml': 'steps:\n  - send: two.hl7\n',
    'notes.txt': 'no',
  };

  test('gives its scenarios and messages, with those of its folders, and no config', () => {
    const path = folder(files);
    const names = collectScenarios([path], { env: {}, config: join(path, 'gateway.yaml') }).map(
      ({ name }) => name,
    );
    expect(names.sort()).toEqual(['one', 'play', 'two']);
  });

  test('gives its scenarios only, where no config was given', () => {
    const names = collectScenarios([folder(files)], { env: {}, config: undefined }).map(({ name }) => name);
    expect(names).toEqual(['play']);
  });

  test('names what is wrong in all of its files at once', () => {
    const path = folder({ 'a.yaml': 'step: []\n', 'b.yaml': 'steps: 1\n' });
    try {
      collectScenarios([path], options);
      expect.fail();
    } catch (thrown) {
      if (!(thrown instanceof ConfigError)) throw thrown;
      expect([...new Set(thrown.problems.map(({ file }) => basename(file)))]).toEqual(['a.yaml', 'b.yaml']);
    }
  });
});
