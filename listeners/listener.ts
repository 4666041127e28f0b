// What every listener is, whatever it speaks: it starts, it drains, it stops.

export interface Listener {
  readonly name: string;
  /** `host:port` as bound; with port 0 in the config, the port that the operating system gave. */
  readonly address: string;
  readonly port: number;
  readonly connections: number;
  /** @throws GatewayError GW_ERR_LISTEN, GW_ERR_TLS_FILE */
  start(): Promise<void>;
  /** Takes no new connection, ends those it has at a message boundary; done when the last has ended. */
  drain(): Promise<void>;
  /** Ends at once whatever is left. */
  stop(): void;
}
