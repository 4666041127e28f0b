// What every listener is, whatever it speaks: it starts, it drains, it stops.
import type { Peer } from '../routing/message-view.ts';
import { SenderPolicy } from '../routing/sender-policy.ts';
import type { ListenerConfig } from '../src/config/config.ts';
import type { Admission } from '../src/relay/route-resolver.ts';

/** A sender's connection, for people. */
export interface ConnectedSender {
  readonly peer: Peer;
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly messages: number;
  /** Not answered yet. */
  readonly pending: number;
}

/** What came on a listener's connections and belongs to no message, since it was opened. */
export interface StrayCounts {
  skippedBytes: number;
  emptyFrames: number;
}

export interface Listener {
  readonly name: string;
  readonly config: ListenerConfig;
  /** What of it decides about messages. */
  readonly admission: Admission;
  /** `host:port` as bound; with port 0 in the config, the port that the operating system gave. */
  readonly address: string;
  readonly port: number;
  readonly connections: number;
  /** Connections that stay: those of MLLP. A client of HTTP is known by its requests only. */
  senders(): readonly ConnectedSender[];
  /** Of MLLP; HTTP has none. */
  readonly strays: Readonly<StrayCounts>;
  /** @throws GatewayError GW_ERR_LISTEN, GW_ERR_TLS_FILE */
  start(): Promise<void>;
  /**
   * Once it has started: what it accepts from now on can be answered when its address has moved to another machine. False: it cannot
   * (`IP_TRANSPARENT`), or another process accepts its connections.
   */
  answerAfterMove(): boolean;
  /** Goes by another config from now on, whose door is the same (same-door.ts). */
  reconfigure(config: ListenerConfig): void;
  /** Takes no new connection; those that it has go on. */
  close(): void;
  /** Takes no new connection, ends those it has at a message boundary; done when the last has ended. */
  drain(): Promise<void>;
  /** Ends at once whatever is left. */
  stop(): void;
}

/** What of a listener's config decides about what comes by it. */
export function admissionOf({ batch, limits, missingControlId, utf16, allow }: ListenerConfig): Admission {
  const allowance = allow && new SenderPolicy(allow);
  return { batch, maxBatch: limits.maxBatch, missingControlId, utf16, allowance };
}
