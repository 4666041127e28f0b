// What a request that is proxied brings along: from the listener, and from its route and pool.
// Types alone; what is done with it stands in reverse-proxy.ts and forwarding.ts.
import type { Socket } from 'node:net';
import type { AddressRanges } from '../../../src/addresses.ts';
import type { RouteConfig } from '../../../src/config/config.ts';
import type { HttpScheduler, ProxiedRequest } from '../../../src/relay/http-scheduler.ts';
import type { ClientRequest } from '../client-request.ts';
import type { AnyServerResponse } from '../client-response.ts';
import type { TranslationOptions } from './translation.ts';

export interface ForwardingOptions extends TranslationOptions {
  readonly response: AnyServerResponse;
  /** Bytes that can be sent again; undefined: the body is streamed, if there is one. */
  readonly body: Buffer | undefined;
  readonly bodyTimeoutMs: number;
  /** F69: a client that takes nothing of its response for so long. */
  readonly writeTimeoutMs: number;
  /** Set where the client asks for another protocol: gives its socket away once a node agrees. */
  readonly tunnel: ((node: Socket, head: Buffer, fields: string[]) => void) | undefined;
  /** The connection shall end behind this response. */
  readonly mustClose: () => boolean;
  readonly over: (record: ProxiedRequest) => void;
  /** Where a reload sends it another way: begins that. Undefined: its way is the same. @throws GatewayError it has none now */
  readonly reroute: () => (() => void) | undefined;
}

export interface RouteTarget {
  readonly route: RouteConfig;
  readonly pool: HttpScheduler;
}

export interface ProxyRequest
  extends Pick<ForwardingOptions, 'tunnel' | 'mustClose' | 'over' | 'bodyTimeoutMs' | 'writeTimeoutMs'> {
  readonly request: ClientRequest;
  readonly response: AnyServerResponse;
  readonly way: RouteTarget;
  /** By the config in force, when it is asked; the same one if it has not changed. @throws GatewayError */
  readonly wayNow: () => RouteTarget;
  readonly listener: string;
  readonly trusted: AddressRanges;
}
