// What the HTTP fault tests set up again and again: recording nodes, a gateway with an HTTP listener before them, and
// raw clients to it.
import { type SimpleConfig, startGateway, type TestGateway } from '../helpers/gateway.ts';
import { connectClient, type RawClient } from '../helpers/raw-http-client.ts';
import { type RawNode, type RawNodeOptions, type RawScript, startRawNode } from '../helpers/raw-http-node.ts';
import type { TlsFolder } from '../helpers/tls-folder.ts';

export interface HttpRoom extends AsyncDisposable {
  readonly gw: TestGateway;
  readonly node: RawNode;
  /** Node b and so on, where there are more than one. */
  readonly nodes: readonly RawNode[];
  connect(): Promise<RawClient>;
}

export interface HttpRoomOptions extends Omit<Partial<SimpleConfig>, 'nodes'> {
  readonly script?: RawScript;
  readonly node?: RawNodeOptions;
  /** With it the listener speaks TLS; clients then ask for HTTP/1. */
  readonly tls?: TlsFolder;
  /** How many nodes there are, all with the same script. */
  readonly count?: number;
  /** More keys of each node. */
  readonly nodeKeys?: Record<string, unknown>;
}

export async function openHttpRoom(options: HttpRoomOptions = {}): Promise<HttpRoom> {
  const { script, node: nodeOptions, tls, count = 1, nodeKeys, listener, pool, ...rest } = options;
  const nodes: RawNode[] = [];
  for (let i = 0; i < count; i++) nodes.push(await startRawNode(script, nodeOptions));
  const gw = await startGateway({
    nodes: nodes.map(({ url }) => ({ url, ...nodeKeys })),
    listener: { protocol: 'http', ...(tls === undefined ? {} : { tls: { ...tls.files.good } }), ...listener },
    pool: { health: { type: 'none' }, ...pool },
    ...rest,
  });
  const clients: RawClient[] = [];
  return {
    gw,
    node: nodes[0] as RawNode,
    nodes,
    async connect() {
      const client = await connectClient(
        gw.port(),
        tls === undefined
          ? {}
          : { tls: { ca: tls.caPem, servername: 'localhost', ALPNProtocols: ['http/1.1'] } },
      );
      clients.push(client);
      return client;
    },
    [Symbol.asyncDispose]: async () => {
      for (const client of clients) await client[Symbol.asyncDispose]();
      await gw[Symbol.asyncDispose]();
      for (const node of nodes) await node[Symbol.asyncDispose]();
    },
  };
}

/** `http.path`: nothing is refused or changed that only some nodes read otherwise (F122). */
export const FORWARD_ALL = {
  encodedSlash: 'forward',
  parameters: 'forward',
  blanks: 'forward',
  trailingDots: 'forward',
} as const;

export const GET = 'GET / HTTP/1.1\r\nHost: vip.test\r\n\r\n';

/** A request with these lines behind Host. */
export function request(startLine: string, lines: readonly string[] = [], body = ''): string {
  return `${[startLine, 'Host: vip.test', ...lines].join('\r\n')}\r\n\r\n${body}`;
}
