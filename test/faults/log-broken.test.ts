// F117: whatever becomes of standard output while the gateway runs, messages go on, lines that cannot be written are dropped
// and counted, memory is bounded, and SIGTERM ends it.
import { closeSync, openSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { RunningCommand } from '../cli/command-line.ts';
import { startFaultyNode } from '../helpers/faulty-node.ts';
import { message, msaOf } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { until } from '../helpers/until.ts';
import { Scrape } from '../observe/metrics/gateway/scrape.ts';
import { addressesOf, runConfig } from './process-room.ts';

const LONG = { timeout: 90_000 };
/** Far more than a pipe holds: each is a line of some 400 bytes. */
const MESSAGES = 400;

interface Case {
  /** What its standard output is. */
  readonly stdout: () => number | 'pipe';
  /** When it listens, what happens to it. */
  readonly breaks?: (gateway: RunningCommand) => void;
  /** Lines are known to be lost; with a pipe that nobody reads only when it is full. */
  readonly reason: 'failed' | undefined;
}

function opened(path: string, flags: string): number {
  const fd = openSync(path, flags);
  onTestFinished(() => closeSync(fd));
  return fd;
}

const CASES: Readonly<Record<string, Case>> = {
  'a full disk (ENOSPC)': { stdout: () => opened('/dev/full', 'a'), reason: 'failed' },
  // Nothing is mapped at the first address of a process, so a write there is an input/output error.
  'a broken disk (EIO)': { stdout: () => opened(`/proc/${process.pid}/mem`, 'r+'), reason: 'failed' },
  'a descriptor that cannot be written to (EBADF)': {
    stdout: () => opened('/dev/null', 'r'),
    reason: 'failed',
  },
  'a pipe whose reader is gone (EPIPE)': {
    stdout: () => 'pipe',
    breaks: (gateway) => void gateway.child.stdout?.destroy(),
    reason: 'failed',
  },
  'a pipe whose reader stands still': {
    stdout: () => 'pipe',
    breaks: (gateway) => void gateway.child.stdout?.pause(),
    reason: undefined,
  },
};

test.for(Object.entries(CASES))('F117 %s', LONG, async ([, { stdout, breaks, reason }]) => {
  await using node = await startFaultyNode();
  const config = runConfig({ nodes: { a: node.url } });
  const gateway = new RunningCommand(['run', '-c', config], {}, stdout());
  const { mllp, admin } = await addressesOf(gateway.child.pid ?? 0);
  breaks?.(gateway);
  await using sender = await connectSender(mllp);
  const exchange = async (): Promise<void> => {
    for (let i = 0; i < MESSAGES; i++)
      expect(msaOf(await sender.exchange(message({ controlId: `F117-${i}` }), 30_000))?.code).toBe('AA');
  };
  const dropped = async (): Promise<number> => {
    const scrape = new Scrape(await (await fetch(`http://127.0.0.2:${admin}/metrics`)).text());
    return scrape.value('hl7_gateway_log_lines_dropped_total', { reason: reason ?? 'slow' }) ?? Number.NaN;
  };
  await exchange();
  await exchange();
  expect(node.messages).toHaveLength(2 * MESSAGES);
  if (reason !== undefined) await until(async () => (await dropped()) >= MESSAGES, { deadlineMs: 30_000 });
  else expect(await dropped()).toBe(0);

  const { code, signal, err } = await gateway.stop();
  expect({ code, signal, err }).toEqual({ code: 0, signal: null, err: [] });
});

test('F117 standard output that is closed', LONG, async () => {
  await using node = await startFaultyNode();
  const config = runConfig({ nodes: { a: node.url } });
  // Node.js opens /dev/null in its place before anything else could get its number.
  const gateway = new RunningCommand(['run', '-c', config], {}, 'closed');
  const { mllp } = await addressesOf(gateway.child.pid ?? 0);
  await using sender = await connectSender(mllp);
  expect(msaOf(await sender.exchange(message(), 30_000))?.code).toBe('AA');
  const { code, signal, err } = await gateway.stop();
  expect({ code, signal, err }).toEqual({ code: 0, signal: null, err: [] });
});
