// The gateway as `npm run build` makes it for the package: JavaScript, and parse workers that are found and started.
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, realpathSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { said } from '../helpers/expect-relay.ts';
import { startFaultyNode } from '../helpers/faulty-node.ts';
import { message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { startGatewayProcess } from './child.ts';

const ROOT = resolve(import.meta.dirname, '../..');
/** Where the dependencies are found from. */
const FOLDER = join(realpathSync(join(ROOT, 'node_modules')), '.cache', `built-${process.pid}`);

beforeAll(async () => {
  mkdirSync(FOLDER, { recursive: true });
  cpSync(join(ROOT, 'package.json'), join(FOLDER, 'package.json'));
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  const args = [tsc, '-p', join(ROOT, 'tsconfig.build.json'), '--outDir', join(FOLDER, 'dist')];
  await promisify(execFile)(process.execPath, args);
}, 60_000);

afterAll(() => rmSync(FOLDER, { recursive: true, force: true }));

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
    await using gateway = await startGatewayProcess(config, [], join(FOLDER, 'dist/src/main.js'));
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
