// `node`: a simulated Mirth node, to point a gateway or a sender at.
import type { TlsOptions } from 'node:tls';
import { ServerTls } from '../../certs/server-tls.ts';
import { parseBind } from '../config/formats.ts';
import { GatewayError } from '../errors.ts';
import { SimulatedNode, type SimulatedNodeOptions } from '../simulation/simulated-node.ts';
import { loggable } from '../telemetry/log.ts';
import { untilSignal } from './run.ts';
import { EXIT, type Terminal } from './terminal.ts';

export interface NodeCommandOptions
  extends Pick<
    SimulatedNodeOptions,
    'ack' | 'delayMs' | 'failEvery' | 'closeAfter' | 'maxConnections' | 'maxFrameBytes'
  > {
  readonly listen: string;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly quiet?: boolean | undefined;
  readonly json?: boolean | undefined;
}

export async function node(options: NodeCommandOptions, terminal: Terminal): Promise<number> {
  const [, protocol = '', address = ''] = /^(mllps?):\/\/(.+)$/.exec(options.listen) ?? [];
  const bind = parseBind(address);
  if (bind === undefined) {
    const detail = /^https?:/.test(options.listen)
      ? 'a simulated node over HTTP is not available in this version'
      : `--listen takes mllp://HOST:PORT or mllps://HOST:PORT, not "${options.listen}"`;
    throw new GatewayError('GW_ERR_USAGE', { detail });
  }
  const simulated = new SimulatedNode(
    { ...options, ...bind, tls: protocol === 'mllps' ? tlsOf(options) : undefined },
    (payload, header, answer) => {
      if (options.quiet === true) return;
      const line = {
        type: header === undefined ? undefined : loggable(header.text(9)),
        controlId: header === undefined ? undefined : loggable(header.controlId),
        bytes: payload.length,
        answer,
      };
      terminal.out(
        options.json === true
          ? JSON.stringify(line)
          : `${line.type ?? 'no HL7'}  ${line.controlId ?? ''}  ${line.bytes} bytes  ${answer}`,
      );
    },
  );
  await simulated.start();
  const ended = untilSignal(async () => {
    await simulated.stop();
    return true;
  });
  const url = `${protocol}://${bind.host}:${simulated.port}`;
  terminal.out(
    options.json === true ? JSON.stringify({ listening: url }) : `simulated node on ${url}, Ctrl-C ends it`,
  );
  await ended;
  return EXIT.good;
}

function tlsOf({ cert, key }: NodeCommandOptions): TlsOptions {
  if (cert === undefined || key === undefined)
    throw new GatewayError('GW_ERR_USAGE', { detail: 'mllps needs --cert and --key' });
  return new ServerTls({
    keyPairs: [{ kind: 'pem', certFile: cert, keyFile: key, passphrase: undefined }],
    minVersion: 'TLSv1.2',
    clientCaFiles: [],
    requireClientCert: false,
    crlFiles: [],
    handshakeTimeoutMs: 10_000,
    maxHandshakes: Number.POSITIVE_INFINITY,
  }).options;
}
