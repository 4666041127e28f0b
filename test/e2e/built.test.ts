// The gateway as `npm run build` makes it for the package: JavaScript, and parse workers that are found and started.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { said } from '../helpers/expect-relay.ts';
import { startFaultyNode } from '../helpers/faulty-node.ts';
import { message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { startGatewayProcess } from './child.ts';
import { buildPackage, type PackageBuild } from './package-build.ts';

let built: PackageBuild;
beforeAll(async () => {
  built = await buildPackage();
}, 120_000);
afterAll(() => built[Symbol.dispose]());

describe('built', () => {
  test.each(['auto', 'always'])('parsing.offload: %s', async (offload) => {
    await using node = await startFaultyNode();
    await using urgent = await startFaultyNode();
    const config = {
      listeners: { in: { bind: '127.0.0.1:0' } },
      pools: { a: { nodes: { a: { url: node.url } } }, b: { nodes: { b: { url: urgent.url } } } },
      routes: [
        { name: 'urgent', when: { 'OBX-5': '/URGENT/' }, to: 'b' },
        { name: 'rest', to: 'a' },
      ],
      parsing: { offload, inlineLimit: '2KiB' },
    };
    await using gateway = await startGatewayProcess(config, [], built.main);
    await using sender = await connectSender(gateway.port);
    const sized = (controlId: string, text: string): Buffer =>
      message({ controlId, segments: [`OBX|1|TX|||${text}`], size: 5000 });
    expect(said(await sender.exchange(sized('L1', 'URGENT'), 15_000))).toBe('AA L1');
    expect(said(await sender.exchange(sized('L2', 'later'), 15_000))).toBe('AA L2');
    expect([urgent.controlIds, node.controlIds]).toEqual([['L1'], ['L2']]);
    // Its threads do not keep it.
    gateway.kill('SIGTERM');
    expect(await gateway.exited).toEqual({ code: 0, signal: null });
    expect(gateway.stderr).toBe('');
  });
});
