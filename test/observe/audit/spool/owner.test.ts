// Whose a file of a spool is: alive while its process and its queue are, and nobody's after that.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { isAlive, Owner } from '../../../../src/observe/audit/spool/owner.ts';

test('an owner of this process is alive until it lets go', () => {
  const [one, other] = [new Owner(), new Owner()];
  expect(one.token).not.toBe(other.token);
  expect([isAlive(one.token), isAlive(other.token)]).toEqual([true, true]);
  one.release();
  expect([isAlive(one.token), isAlive(other.token)]).toEqual([false, true]);
  other.release();
});

test.skipIf(process.platform !== 'linux')('one of another process is alive as long as that is', async () => {
  const child = spawn('sleep', ['60']);
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child, 'spawn');
  const stat = readFileSync(`/proc/${child.pid}/stat`, 'latin1');
  const start = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  expect(isAlive(`${child.pid}-${start}-1`)).toBe(true);
  // The same id, given to another process later, or by another machine's start.
  expect(isAlive(`${child.pid}-${Number(start) - 1}-1`)).toBe(false);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(isAlive(`${child.pid}-${start}-1`)).toBe(false);
});

test('the id of this process from an earlier start is nobody', () => {
  const owner = new Owner();
  const [pid, start] = owner.token.split('-').map(Number);
  expect(isAlive(`${pid}-${(start ?? 0) + 1}-1`)).toBe(false);
  owner.release();
});

test.skipIf(process.platform !== 'linux')(
  'a process that has ended and is still listed is nobody',
  async () => {
    // The shell's child ends when there is no shell any more, which would ask how: a zombie.
    const child = spawn('sh', ['-c', 'sleep 0.3 & echo $!; exec sleep 60']);
    onTestFinished(() => void child.kill('SIGKILL'));
    const [said] = (await once(child.stdout, 'data')) as [Buffer];
    const pid = Number(said.toString());
    let stat = '';
    do stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    while (!stat.includes(') Z'));
    const start = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    expect(isAlive(`${pid}-${start}-1`)).toBe(false);
  },
);
