// A sender's connection to a listener of the stage: from an address of its own (PROXY protocol), over TLS, or plain.
import { isIPv6, type Socket } from 'node:net';
import type tls from 'node:tls';
import { platform } from '../../../platform/current.ts';

export interface Door {
  readonly port: number;
  /** The address that the listener is to see. */
  readonly source: string | undefined;
  readonly tls: tls.ConnectionOptions | undefined;
}

const HOST = '127.0.0.1';

export interface Connected {
  readonly socket: Socket;
  /** As the listener sees it, with a `source` too. */
  readonly localPort: number;
}

export function openSendLine({ port, source, tls: secured }: Door): Promise<Connected> {
  return new Promise((resolve, reject) => {
    const raw = platform.connect({ host: HOST, port, noDelay: true, allowHalfOpen: true });
    raw.once('error', reject);
    raw.once('connect', () => {
      const localPort = raw.localPort ?? 0;
      if (source !== undefined) raw.write(proxyHeader(source, localPort, port));
      if (secured === undefined) {
        raw.off('error', reject);
        resolve({ socket: raw, localPort });
        return;
      }
      // Whose certificate the listener has is no point of a scenario: it may be throw-away.
      const socket = platform.connectTls({ ...secured, socket: raw, rejectUnauthorized: false });
      socket.once('error', reject);
      socket.once('secureConnect', () => {
        socket.off('error', reject);
        resolve({ socket, localPort });
      });
    });
  });
}

/** Version 1 of the PROXY protocol. */
function proxyHeader(source: string, localPort: number, port: number): string {
  const [family, self] = isIPv6(source) ? ['TCP6', '::1'] : ['TCP4', HOST];
  return `PROXY ${family} ${source} ${self} ${localPort} ${port}\r\n`;
}
