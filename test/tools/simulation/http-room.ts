// A simulated HTTP node for one test, and curl as its client.
// Promises: the node is stopped with the test; curl's answer is status, header fields in lower case, and body.
import { onTestFinished } from 'vitest';
import { MIRTH_HTTP_DEFAULTS } from '../../../src/tools/simulation/mirth-defaults.ts';
import {
  SimulatedHttpNode,
  type SimulatedHttpNodeOptions,
} from '../../../src/tools/simulation/simulated-http-node.ts';
import type { OnMessage } from '../../../src/tools/simulation/simulated-node.ts';
import { runTool } from '../../helpers/openssl.ts';

export async function startHttpNode(
  over: Partial<SimulatedHttpNodeOptions> = {},
  onMessage?: OnMessage,
): Promise<{ node: SimulatedHttpNode; url: string }> {
  const node = new SimulatedHttpNode({ ...MIRTH_HTTP_DEFAULTS, ...over }, onMessage);
  await node.start();
  onTestFinished(() => node.stop());
  const protocol = over.tls === undefined ? 'http' : 'https';
  return { node, url: `${protocol}://127.0.0.1:${node.port}` };
}

export interface CurlAnswer {
  readonly status: number;
  readonly fields: ReadonlyMap<string, string>;
  readonly body: string;
}

/** `-i -s` and a deadline stand before `args`. */
export async function curl(...args: readonly string[]): Promise<CurlAnswer> {
  const { code, text } = await runTool('curl', ['-i', '-s', '-S', '--max-time', '10', ...args]);
  if (code !== 0) throw new Error(`curl ${args.join(' ')} ended with ${code}: ${text}`);
  const [, head = '', body = ''] =
    /^(?:HTTP\/1\.1 100 Continue\r\n\r\n)?(.*?)\r\n\r\n(.*)$/s.exec(text) ?? [];
  const [first = '', ...lines] = head.split('\r\n');
  const fields = new Map(lines.map((line) => line.split(/: ?(.*)/s) as [string, string]));
  return {
    status: Number(first.split(' ')[1]),
    fields: new Map([...fields].map(([name, value]) => [name.toLowerCase(), value])),
    body,
  };
}
