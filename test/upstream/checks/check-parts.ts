// A check as a config makes it, asked once; and what came of it in one line.

import { NodeTls } from '../../../certs/node-tls.ts';
import { parseConfig } from '../../../src/config/load.ts';
import type { Check, CheckResult } from '../../../src/upstream/checks/check.ts';
import { createCheck } from '../../../src/upstream/checks/create-check.ts';
import { simpleConfig } from '../../helpers/gateway.ts';

export type NodeEntry = Parameters<typeof simpleConfig>[0]['nodes'][number];

/** The check of the pool's first node. */
export function checkOf(health: Record<string, unknown>, node: NodeEntry = 'mllp://127.0.0.1:1'): Check {
  const { config } = parseConfig(simpleConfig({ nodes: [node], pool: { health } }), { env: {} });
  const [pool] = config.pools;
  const [first] = pool?.nodes ?? [];
  if (pool === undefined || first === undefined) throw new Error('no node');
  const parts = createCheck(pool, first, first.tls && new NodeTls(first.tls, first.host));
  if (parts === undefined) throw new Error('no check');
  return parts.check;
}

/** `passed`, `passed: note`, `full`, or why it failed. */
export function worded(verdict: CheckResult): string {
  if (verdict.kind === 'failed') return verdict.reason;
  if (verdict.kind === 'unknown') return `unknown: ${verdict.reason}`;
  if (verdict.kind === 'full' || verdict.note === undefined) return verdict.kind;
  return `passed: ${verdict.note}`;
}

export async function asked(check: Check, signal = new AbortController().signal): Promise<string> {
  return worded(await check.ask(signal));
}
