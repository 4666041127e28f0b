// Several things made ready for another config: all of them go by it, or none.

import { expect, test } from 'vitest';
import { inTurn, type Prepare } from '../../src/admin/control/prepared.ts';
import { parseConfig } from '../../src/config/load.ts';
import { config } from '../config/config-folder.ts';

function parts(fails?: string): { readonly prepare: Prepare; readonly done: string[] } {
  const done: string[] = [];
  const part =
    (name: string): Prepare =>
    async () => {
      if (name === fails) throw new Error(name);
      done.push(`${name} ready`);
      return {
        commit: () => done.push(`${name} in force`),
        discard: async () => void done.push(`${name} discarded`),
      };
    };
  return { prepare: inTurn(part('a'), part('b'), part('c')), done };
}

const CONFIG = parseConfig(config({}), { env: {} }).config;

test('one after the other they are ready, and in force together', async () => {
  const { prepare, done } = parts();
  const prepared = await prepare(CONFIG);
  expect(done).toEqual(['a ready', 'b ready', 'c ready']);
  prepared.commit();
  expect(done.slice(3)).toEqual(['a in force', 'b in force', 'c in force']);
});

test('one that fails takes those before it back, the last first', async () => {
  const { prepare, done } = parts('c');
  await expect(prepare(CONFIG)).rejects.toThrow('c');
  expect(done).toEqual(['a ready', 'b ready', 'b discarded', 'a discarded']);
});

test('all are taken back where the gateway does not go by the config', async () => {
  const { prepare, done } = parts();
  await (await prepare(CONFIG)).discard();
  expect(done.slice(3)).toEqual(['c discarded', 'b discarded', 'a discarded']);
});
