// Replaced files are noticed, whatever way it was done, and only when they are left alone again. Looks by hand.
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FileWatch } from '../../certs/file-watch.ts';

let folder: string;
let cert: string;
let key: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hl7-gateway-watch-'));
  [cert, key] = [join(folder, 'cert'), join(folder, 'key')];
  writeFileSync(cert, 'old 1');
  writeFileSync(key, 'old 2');
  utimesSync(cert, 1_000, 1_000);
});
afterEach(() => rmSync(folder, { recursive: true }));

function watching(...files: string[]) {
  const onChange = vi.fn();
  const onStill = vi.fn();
  const watch = new FileWatch(() => files, { onChange, onStill });
  // Its own timer is not what is tested.
  watch.start(1_000_000);
  watch.stop();
  return { watch, onChange, onStill };
}

describe('notices', () => {
  test.each<[how: string, replace: () => void]>([
    ['written in place', () => writeFileSync(cert, 'something new')],
    [
      'renamed over',
      () => {
        writeFileSync(`${cert}.new`, 'old 1');
        renameSync(`${cert}.new`, cert);
      },
    ],
    ['removed', () => rmSync(cert)],
    [
      'a folder in its place',
      () => {
        rmSync(cert);
        mkdirSync(cert);
      },
    ],
    [
      // `cp -p` of a file of the same size and age.
      'the same size and time of modification',
      () => {
        writeFileSync(cert, 'new 1');
        utimesSync(cert, 1_000, 1_000);
      },
    ],
    ['made readable', () => chmodSync(cert, 0o640)],
    [
      'copied over',
      () => {
        writeFileSync(`${cert}.new`, 'old 1');
        copyFileSync(`${cert}.new`, cert);
      },
    ],
  ])('%s', (_, replace) => {
    const { watch, onChange } = watching(cert, key);
    replace();
    watch.check();
    expect(onChange).not.toHaveBeenCalled();
    watch.check();
    expect(onChange).toHaveBeenCalledTimes(1);
    watch.check();
    watch.check();
    expect(onChange).toHaveBeenCalledTimes(1);
  });

  test('a symbolic link that is turned to another folder, as Kubernetes does with secrets', () => {
    for (const name of ['v1', 'v2']) {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, 'tls.crt'), 'the same');
    }
    symlinkSync('v1', join(folder, '..data'));
    symlinkSync(join('..data', 'tls.crt'), join(folder, 'tls.crt'));
    const { watch, onChange } = watching(join(folder, 'tls.crt'));
    symlinkSync('v2', join(folder, '..data.new'));
    renameSync(join(folder, '..data.new'), join(folder, '..data'));
    watch.check();
    watch.check();
    expect(onChange).toHaveBeenCalledTimes(1);
  });

  test('a file that is missing at start, once it is there', () => {
    rmSync(cert);
    const { watch, onChange } = watching(cert);
    writeFileSync(cert, 'new');
    watch.check();
    watch.check();
    expect(onChange).toHaveBeenCalledTimes(1);
  });
});

test('a pair that is replaced one after the other is waited for', () => {
  const { watch, onChange, onStill } = watching(cert, key);
  writeFileSync(cert, 'new, and longer');
  watch.check();
  writeFileSync(key, 'new, and longer');
  watch.check();
  expect(onChange).not.toHaveBeenCalled();
  expect(onStill).not.toHaveBeenCalled();
  watch.check();
  expect(onChange).toHaveBeenCalledTimes(1);
  expect(onStill).not.toHaveBeenCalled();
});

test('a file that is still being written is waited for', () => {
  const { watch, onChange } = watching(cert);
  for (let length = 1; length < 6; length++) {
    writeFileSync(cert, 'x'.repeat(10 + length));
    watch.check();
  }
  expect(onChange).not.toHaveBeenCalled();
  watch.check();
  expect(onChange).toHaveBeenCalledTimes(1);
});

test('nothing changed: it says so at each look, and calls nothing a change', () => {
  const { watch, onChange, onStill } = watching(cert, key);
  for (let i = 0; i < 3; i++) watch.check();
  expect(onChange).not.toHaveBeenCalled();
  expect(onStill).toHaveBeenCalledTimes(3);
});

test('by its own clock it looks every two seconds, and stopped no more', () => {
  vi.useFakeTimers();
  try {
    const onStill = vi.fn();
    const watch = new FileWatch(() => [cert], { onChange: vi.fn(), onStill });
    watch.start();
    vi.advanceTimersByTime(6_000);
    expect(onStill).toHaveBeenCalledTimes(3);
    watch.stop();
    vi.advanceTimersByTime(6_000);
    expect(onStill).toHaveBeenCalledTimes(3);
  } finally {
    vi.useRealTimers();
  }
});
