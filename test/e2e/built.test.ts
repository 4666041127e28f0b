// The gateway as `npm run build` makes it for the package: a bundle. What a bundler breaks quietly works: parse workers, what is
// loaded when it is first needed, files that are found by where the code is.
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { said } from '../helpers/expect-relay.ts';
import { startFaultyNode } from '../helpers/faulty-node.ts';
import { message } from '../helpers/mllp.ts';
import { startCollector } from '../helpers/otlp-collector.ts';
import { connectSender } from '../helpers/sender.ts';
import { startGatewayProcess } from './child.ts';
import { buildPackage, type PackageBuild } from './package-build.ts';

/** Of the package's files and of Node.js's modules. */
const LATE =
  /^(admin-server|hl7-standard|http-.*|mirth-check|node-forge|opentelemetry-.*|piscina|re2js|reverse-proxy|syslog-sink|undici)\.js$/;
const LATE_BUILTINS =
  /^NativeModule (assert|http|http2|https|tls|worker_threads|zlib|internal\/deps\/undici\/undici)$/;

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

  test('traces go to a collector by gRPC', async () => {
    await using node = await startFaultyNode();
    await using collector = await startCollector('grpc');
    const config = {
      listeners: { in: { bind: '127.0.0.1:0' } },
      pools: { a: { nodes: { a: { url: node.url } } } },
      routes: [{ name: 'rest', to: 'a' }],
      telemetry: { traces: { endpoint: collector.url, protocol: 'grpc' } },
    };
    await using gateway = await startGatewayProcess(config, [], built.main);
    await using sender = await connectSender(gateway.port);
    expect(said(await sender.exchange(message({ controlId: 'T1' }), 15_000))).toBe('AA T1');
    // What is owed to a collector is sent before the end.
    gateway.kill('SIGTERM');
    expect(await gateway.exited).toEqual({ code: 0, signal: null });
    expect(collector.spans.map(({ name }) => name)).toContain('mllp rest');
  });

  test('nothing is loaded from a package that is not in it, but compiled code', () => {
    const outside = new Set<string>();
    for (const file of readdirSync(built.dist).filter((name) => name.endsWith('.js'))) {
      const text = readFileSync(join(built.dist, file), 'utf8');
      const loads = /(?<![\w.#])require\("([^".][^"]*)"\)|\bimport\("([^".][^"]*)"\)/g;
      for (const [, required, dynamic] of text.matchAll(loads)) outside.add((required ?? dynamic) as string);
    }
    const isBuiltin = (name: string): boolean => name.startsWith('node:') || builtinModules.includes(name);
    expect([...outside].filter((name) => !isBuiltin(name)).toSorted()).toEqual(['@napi-rs/nice']);
  });

  test('what MLLP does not need is not loaded to carry its messages', async () => {
    await using node = await startFaultyNode();
    const config = {
      listeners: { in: { bind: '127.0.0.1:0' } },
      pools: { a: { nodes: { a: { url: node.url } } } },
      routes: [{ name: 'rest', to: 'a' }],
    };
    const [probe, seen] = [join(built.dist, 'probe.cjs'), join(built.dist, 'probe.json')];
    writeFileSync(
      probe,
      `process.on('exit', () => require('node:fs').writeFileSync(${JSON.stringify(seen)}, JSON.stringify({
        files: Object.keys(require.cache), modules: process.moduleLoadList })));
      require('./main.js');`,
    );
    await using gateway = await startGatewayProcess(config, [], probe);
    await using sender = await connectSender(gateway.port);
    expect(said(await sender.exchange(message({ controlId: 'M1' }), 15_000))).toBe('AA M1');
    gateway.kill('SIGTERM');
    expect(await gateway.exited).toEqual({ code: 0, signal: null });
    const loaded = JSON.parse(readFileSync(seen, 'utf8')) as { files: string[]; modules: string[] };
    const files = loaded.files.map((file) => basename(file));
    expect(files).toContain('main.js');
    expect(files.filter((name) => LATE.test(name))).toEqual([]);
    expect(loaded.modules).toContain('NativeModule net');
    expect(loaded.modules.filter((name) => LATE_BUILTINS.test(name))).toEqual([]);
  });

  test('hl7-gateway/testing has the names of its source', async () => {
    const names = async (file: string): Promise<string[]> => {
      const { default: _, 'module.exports': __, ...named } = (await import(file)) as Record<string, unknown>;
      return Object.keys(named).toSorted();
    };
    const source = join(import.meta.dirname, '../../src/tools/replay/testing.ts');
    expect(await names(join(built.dist, 'testing.js'))).toEqual(await names(source));
  });

  test('its command starts Node.js with the collector at hand, which large bodies want (decision 13)', async () => {
    expect(readFileSync(built.main, 'latin1').split('\n')[0]).toBe('#!/usr/bin/env -S node --expose-gc');
    chmodSync(built.main, 0o755);
    const { stdout } = await promisify(execFile)(built.main, ['--version'], {
      env: { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` },
    });
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test('what was compiled is kept beside it, unless the environment names another folder', async () => {
    const cache = join(built.dist, '.compile-cache');
    const { NODE_COMPILE_CACHE: _, ...env } = process.env;
    await promisify(execFile)(process.execPath, [built.main, '--version'], {
      env: { ...env, NODE_COMPILE_CACHE: `${cache}-2` },
    });
    expect(existsSync(cache)).toBe(false);
    await promisify(execFile)(process.execPath, [built.main, '--version'], { env });
    expect(existsSync(cache)).toBe(true);
  });
});
