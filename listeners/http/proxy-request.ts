// What a request that is proxied brings along: from the listener, and from its route and pool.
// Types alone; what is done with it stands in reverse-proxy.ts and forwarding.ts.
import type { Socket } from 'node:net';
import type { AddressRanges } from '../../src/addresses.ts';
import type { RouteConfig } from '../../src/config/config.ts';
import type { HttpPool } from '../../src/relay/http-pool.ts';
import type { Proxied } from '../../src/relay/proxied.ts';
import type { ClientRequest } from './client-request.ts';
import type { Outgoing } from './client-response.ts';
import type { TranslationOptions } from './translation.ts';

export interface ForwardingOptions extends TranslationOptions {
  readonly response: Outgoing;
  /** Bytes that can be sent again; undefined: the body is streamed, if there is one. */
  readonly body: Buffer | undefined;
  readonly bodyTimeoutMs: number;
  /** F69: a client that takes nothing of its response for so long. */
  readonly writeTimeoutMs: number;
  /** Set where the client asks for another protocol: gives its socket away once a node agrees. */
  readonly tunnel: ((node: Socket, head: Buffer, fields: string[]) => void) | undefined;
  /** The connection shall end behind this response. */
  readonly mustClose: () => boolean;
  readonly over: (record: Proxied) => void;
  /** Where a reload sends it another way: begins that. Undefined: its way is the same. @throws GatewayError it has none now */
  readonly reroute: () => (() => void) | undefined;
}

export interface Way {
  readonly route: RouteConfig;
  readonly pool: HttpPool;
}

export interface ProxyRequest
  extends Pick<ForwardingOptions, 'tunnel' | 'mustClose' | 'over' | 'bodyTimeoutMs' | 'writeTimeoutMs'> {
  readonly request: ClientRequest;
  readonly response: Outgoing;
  readonly way: Way;
  /** By the config in force, when it is asked; the same one if it has not changed. @throws GatewayError */
  readonly wayNow: () => Way;
  readonly listener: string;
  readonly trusted: AddressRanges;
}
