// F116, the process: an error that nobody caught is logged with its stack and nothing else, the gateway is not live any more,
// answers what is in work and ends with exit code 1. F124: SIGUSR1 opens no debugger.
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { stackOf } from '../../src/observe/log/stack.ts';
import { RunningCommand } from '../cli/command-line.ts';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { message, msaOf } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { uncaughtIn } from '../helpers/uncaught.ts';
import { gate, until } from '../helpers/until.ts';
import { addresses, runConfig } from './process-room.ts';

const THROWER = new URL('../cli/processes/throw-on-signal.ts', import.meta.url);

function startThrowing(config: string): RunningCommand {
  const gateway = new RunningCommand(['run', '-c', config], {
    NODE_OPTIONS: `--import ${fileURLToPath(THROWER)}`,
  });
  gateway.mayBeUncaught = true;
  return gateway;
}

test.for([
  ['SIGWINCH', 'uncaughtException', 'TypeError'],
  ['SIGIO', 'unhandledRejection', 'RangeError'],
] as const)(
  'F116 what nobody caught (%s) is logged, and ends it in order',
  async ([signal, origin, cause]) => {
    const hold = gate();
    await using node = await startFaultyNode(answers.after(hold));
    const gateway = startThrowing(
      runConfig({ nodes: { a: node.url }, more: { shutdown: { timeout: '10s' } } }),
    );
    const { mllp, admin } = await addresses(gateway);
    await using sender = await connectSender(mllp);
    await sender.send(message({ controlId: 'UNCAUGHT-1' }));
    await node.received(1);
    const live = async (): Promise<number> => (await fetch(`http://127.0.0.2:${admin}/livez`)).status;
    expect(await live()).toBe(200);

    gateway.child.kill(signal);
    await gateway.line(/"msg":"draining"/);
    // It is not live from then on, while what is in work is answered.
    expect(await live()).toBe(503);
    gateway.child.kill(signal);
    await until(() => gateway.out.filter((line) => line.includes('uncaught error')).length === 2);
    hold.open();
    expect(msaOf(await sender.nextAck(15_000))).toEqual({ code: 'AA', controlId: 'UNCAUGHT-1' });

    const { code, signal: endedBy, out, err } = await gateway.ended();
    expect({ code, endedBy, err }).toEqual({ code: 1, endedBy: null, err: [] });
    const lines = out.map((line) => JSON.parse(line) as Record<string, unknown>);
    const [first] = lines.filter(({ level }) => level === 'fatal');
    expect(first).toMatchObject({ code: 'GW_ERR_INTERNAL', origin, cause });
    const stack = first?.stack as string[];
    expect(stack[0]).toBe(cause);
    expect(stack.some((frame) => frame.includes('throw-on-signal.ts:'))).toBe(true);
    if (signal === 'SIGWINCH') expect(stack).toContain('caused by Error [EPLANTED]');
    expect(out.join('\n')).not.toMatch(/PLANTED(?!\])|MSH/);
    expect(lines.at(-1)).toMatchObject({ msg: 'stopped', clean: true });
  },
);

test('F116 the stack that is logged has no text of the error, whatever that looks like', () => {
  const text = 'PATIENT\n    at PID (NAME)\n\n    at file:///x.ts:1:1';
  const thrown = new SyntaxError(text, { cause: new Error('', { cause: 'PATIENT' }) });
  const stack = stackOf(thrown);
  expect(stack.join('\n')).not.toMatch(/PATIENT|PID|NAME|x\.ts/);
  expect(stack[0]).toBe('SyntaxError');
  expect(stack[1]).toMatch(/^at .*uncaught\.test\.ts:\d+:\d+/);
  expect(stack.at(-1)).toBe('caused by string');
});

test('F116 an error that nobody caught fails the test of whoever started the process', async () => {
  const { err } = await new RunningCommand(['--help'], {}).ended();
  expect(uncaughtIn('', err.join('\n'))).toBeUndefined();
  const crashing = new RunningCommand(['--help'], { NODE_OPTIONS: '--import data:text/javascript,throw(1)' });
  crashing.mayBeUncaught = true;
  expect(uncaughtIn('', (await crashing.ended()).err.join('\n'))).toContain('Node.js v');
});

test('F124 SIGUSR1 opens no debugger, and the gateway goes on', async () => {
  await using node = await startFaultyNode();
  const gateway = new RunningCommand(['run', '-c', runConfig({ nodes: { a: node.url } })]);
  const { mllp } = await addresses(gateway);
  gateway.child.kill('SIGUSR1');
  await gateway.line(/SIGUSR1/);
  await using sender = await connectSender(mllp);
  expect(msaOf(await sender.exchange(message(), 15_000))?.code).toBe('AA');
  const { code, err } = await gateway.stop();
  // Node.js says on stderr where its debugger listens.
  expect({ code, err }).toEqual({ code: 0, err: [] });
});
