// What a request that is proxied brings along from its listener.
// Types alone; what is done with it stands in reverse-proxy.ts and proxy-session.ts.
import type { Socket } from 'node:net';
import type { AddressRanges } from '../../../src/addresses.ts';
import type { HttpScheduler, ProxiedRequest } from '../../../src/relay/http-scheduler.ts';
import type { RouteTarget } from '../../../src/relay/node-scheduler.ts';
import type { ClientRequest } from '../client-request.ts';
import type { AnyServerResponse } from '../client-response.ts';

export interface ProxyRequest {
  readonly request: ClientRequest;
  readonly response: AnyServerResponse;
  readonly target: RouteTarget<HttpScheduler>;
  /** Where a reload may send it another way: by the config in force. @throws GatewayError it has none now */
  readonly decideAgain: (record: ProxiedRequest) => RouteTarget<HttpScheduler> | undefined;
  readonly listener: string;
  readonly trusted: AddressRanges;
  readonly bodyTimeoutMs: number;
  /** F69: a client that takes nothing of its response for so long. */
  readonly writeTimeoutMs: number;
  /** Set where the client asks for another protocol: gives its socket away once a node agrees. */
  readonly tunnel: ((node: Socket, head: Buffer, fields: string[]) => void) | undefined;
  /** The connection shall end behind this response. */
  readonly mustClose: () => boolean;
  readonly over: (record: ProxiedRequest) => void;
}
