// The buffers of bodies that have gone by are collected after 16 MiB of them, and not before.
// Promises that what is seen is that collection: what is made here is far less than V8 would look at by itself.
import { expect, test } from 'vitest';
import { spend } from '../../listeners/http/spent-buffers.ts';
import { turns, until } from '../helpers/until.ts';

const MIB = 1024 * 1024;

/** Bytes of buffers that nobody knows any more. */
function litter(): void {
  for (let i = 0; i < 100; i++) Buffer.from(new ArrayBuffer(64 * 1024));
}

test('spent buffers are collected every 16 MiB', async () => {
  for (let time = 0; time < 2; time++) {
    const before = process.memoryUsage().arrayBuffers;
    litter();
    spend(8 * MIB);
    spend(8 * MIB - 1);
    await turns(3);
    expect(process.memoryUsage().arrayBuffers).toBeGreaterThan(before + 5 * MIB);
    spend(1);
    await until(() => process.memoryUsage().arrayBuffers < before + MIB);
  }
  expect(Reflect.get(globalThis, 'gc')).toBeUndefined();
});
