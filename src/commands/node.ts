// `node`: a simulated Mirth node, to point a gateway or a sender at.
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { createAuthority } from '../../certs/authority.ts';
import { CIPHERS, ServerTls } from '../../certs/server-tls.ts';
import { type HostPort, parseBind } from '../config/formats.ts';
import { quoted } from '../config/source/problem.ts';
import type { ChannelOptions } from '../simulation/mirth-channel.ts';
import { MIRTH_HTTP_DEFAULTS, SimulatedHttpNode } from '../simulation/simulated-http-node.ts';
import { MIRTH_DEFAULTS, type OnMessage, SimulatedNode } from '../simulation/simulated-node.ts';
import { loggable } from '../telemetry/log.ts';
import { usage } from './certs-folder.ts';
import { untilSignal } from './run.ts';
import { EXIT, type Terminal } from './terminal.ts';

export interface NodeCommandOptions extends ChannelOptions {
  readonly listen: string;
  /** Undefined: as many as Mirth allows. */
  readonly maxConnections?: number | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** Over HTTP. */
  readonly name?: string | undefined;
  readonly idleMs?: number | undefined;
  readonly binaryTypes?: boolean | undefined;
  readonly quiet?: boolean | undefined;
  readonly json?: boolean | undefined;
}

export async function node(options: NodeCommandOptions, terminal: Terminal): Promise<number> {
  const [, protocol = '', address = ''] = /^(mllps?|https?):\/\/([^/]+)\/?$/.exec(options.listen) ?? [];
  const bind = parseBind(address);
  if (bind === undefined)
    throw usage(
      `--listen takes mllp://HOST:PORT, mllps://HOST:PORT, http://HOST:PORT or https://HOST:PORT, not ${quoted(options.listen)}`,
    );
  const secured = protocol.endsWith('s') ? tlsOf(bind.host, options) : undefined;
  const place = { ...bind, tls: secured?.options };
  const heard = lineFor(options, terminal);
  const simulated = protocol.startsWith('http')
    ? httpNode(place, options, heard)
    : mllpNode(place, options, heard);
  await simulated.start();
  const ended = untilSignal(async () => {
    await simulated.stop();
    return true;
  });
  const url = `${protocol}://${bind.host.includes(':') ? `[${bind.host}]` : bind.host}:${simulated.port}`;
  const sha256 = secured?.throwAway;
  if (options.json === true) terminal.out(JSON.stringify({ listening: url, sha256 }));
  else {
    terminal.out(`simulated node on ${url}, Ctrl-C ends it`);
    if (sha256 !== undefined) terminal.out(`throw-away certificate, SHA-256 ${sha256}`);
  }
  await ended;
  return EXIT.good;
}

type Place = HostPort & { readonly tls: TlsOptions | undefined };

function mllpNode(place: Place, options: NodeCommandOptions, heard: OnMessage): SimulatedNode {
  const { name, idleMs, binaryTypes, maxConnections = MIRTH_DEFAULTS.maxConnections } = options;
  if (name !== undefined || idleMs !== undefined || binaryTypes === false)
    throw usage('--name, --idle and --no-binary-types need http:// or https://');
  const { maxFrameBytes } = MIRTH_DEFAULTS;
  return new SimulatedNode({ ...channelOf(options), maxConnections, maxFrameBytes, ...place }, heard);
}

function httpNode(place: Place, options: NodeCommandOptions, heard: OnMessage): SimulatedHttpNode {
  const { name, binaryTypes = true } = options;
  // It goes into a header field and a page.
  if (name !== undefined && !/^[\w.:-]{1,64}$/.test(name))
    throw usage(`--name takes up to 64 letters, digits, ".", ":", "_" and "-", not ${quoted(name)}`);
  const { maxConnections = MIRTH_HTTP_DEFAULTS.maxConnections, idleMs = MIRTH_HTTP_DEFAULTS.idleMs } =
    options;
  const { maxBodyBytes } = MIRTH_HTTP_DEFAULTS;
  const limits = { maxBodyBytes, maxConnections, idleMs };
  return new SimulatedHttpNode({ ...channelOf(options), ...limits, name, binaryTypes, ...place }, heard);
}

function channelOf({ ack, delayMs, failEvery, closeAfter }: NodeCommandOptions): ChannelOptions {
  return { ack, delayMs, failEvery, closeAfter };
}

/** A line for each message: its type and id, and nothing else of it. */
function lineFor({ quiet, json }: NodeCommandOptions, terminal: Terminal): OnMessage {
  return (payload, header, answer) => {
    if (quiet === true) return;
    const line = {
      type: header === undefined ? undefined : loggable(header.text(9)),
      controlId: header === undefined ? undefined : loggable(header.controlId),
      bytes: payload.length,
      answer,
    };
    terminal.out(
      json === true
        ? JSON.stringify(line)
        : `${line.type ?? 'no HL7'}  ${line.controlId ?? ''}  ${line.bytes} bytes  ${answer}`,
    );
  };
}

interface Secured {
  readonly options: TlsOptions;
  /** SHA-256 of a certificate that was made for this run, for `tls.pins`, or to compare with what a client shows. */
  readonly throwAway: string | undefined;
}

function tlsOf(host: string, { cert, key }: NodeCommandOptions): Secured {
  if (cert === undefined && key === undefined) return throwAway(host);
  if (cert === undefined || key === undefined) throw usage('--cert and --key go together');
  const { options } = new ServerTls({
    keyPairs: [{ kind: 'pem', certFile: cert, keyFile: key, passphrase: undefined }],
    minVersion: 'TLSv1.2',
    clientCaFiles: [],
    requireClientCert: false,
    crlFiles: [],
    handshakeTimeoutMs: HANDSHAKE_MS,
    maxHandshakes: Number.POSITIVE_INFINITY,
  });
  return { options, throwAway: undefined };
}

const HANDSHAKE_MS = 10_000;

/** Nobody trusts it, as nobody trusts the one that Mirth makes when it is installed. Its key is in memory only. */
function throwAway(host: string): Secured {
  const own = isIP(host) === 0 ? { dns: ['localhost', host], ip: [] } : { dns: ['localhost'], ip: [host] };
  const { certPem, keyPem } = createAuthority({
    commonName: 'simulated node',
    days: THROW_AWAY_DAYS,
    key: 'ec-p256',
  }).issue({
    commonName: 'simulated node',
    dns: [...new Set(own.dns)],
    ip: [...new Set(['127.0.0.1', ...own.ip])],
    usage: 'server',
    key: 'ec-p256',
  });
  const options: TlsOptions = {
    cert: certPem,
    key: keyPem,
    minVersion: 'TLSv1.2',
    ciphers: CIPHERS,
    handshakeTimeout: HANDSHAKE_MS,
  };
  return { options, throwAway: new X509Certificate(certPem).fingerprint256 };
}

/** Longer than a simulated node stays up. */
const THROW_AWAY_DAYS = 60;
