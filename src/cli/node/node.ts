// `node`: a simulated Mirth node, to point a gateway or a sender at.
import type { TlsOptions } from 'node:tls';
import { type HostPort, parseBind } from '../../config/formats.ts';
import { quoted } from '../../config/source/problem.ts';
import { urlHintText } from '../../config/url-hints.ts';
import { loggable } from '../../observe/log/loggable.ts';
import type { ChannelOptions } from '../../tools/simulation/mirth-channel.ts';
import { MIRTH_DEFAULTS, MIRTH_HTTP_DEFAULTS } from '../../tools/simulation/mirth-defaults.ts';
import { SimulatedHttpNode } from '../../tools/simulation/simulated-http-node.ts';
import { SimulatedMirth } from '../../tools/simulation/simulated-mirth.ts';
import { type OnMessage, SimulatedNode } from '../../tools/simulation/simulated-node.ts';
import { untilSignal } from '../run/until-signal.ts';
import { EXIT, type Terminal } from '../terminal.ts';
import { usage } from '../usage.ts';
import { type NodeApi, type NodeApiOptions, nodeApi } from './node-api.ts';
import { type NodeCommandTls, tlsOf } from './node-tls.ts';

export interface NodeCommandOptions extends ChannelOptions, NodeApiOptions {
  readonly listen: string;
  /** Undefined: as many as Mirth allows. */
  readonly maxConnections?: number | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** Over HTTP. */
  readonly name?: string | undefined;
  readonly idleMs?: number | undefined;
  readonly binaryTypes?: boolean | undefined;
  readonly httpErrorAcks?: boolean | undefined;
  readonly status500?: boolean | undefined;
  readonly closeAfterAnswer?: boolean | undefined;
  /** Over MLLP. */
  readonly lateFullMs?: number | undefined;
  readonly processBatch?: boolean | undefined;
  readonly quiet?: boolean | undefined;
  readonly json?: boolean | undefined;
}

export async function node(options: NodeCommandOptions, terminal: Terminal): Promise<number> {
  const [, protocol = '', address = ''] = /^(mllps?|https?):\/\/([^/]+)\/?$/.exec(options.listen) ?? [];
  const bind = parseBind(address);
  if (bind === undefined)
    throw usage(
      `--listen takes mllp://HOST:PORT, mllps://HOST:PORT, http://HOST:PORT or https://HOST:PORT, not ${quoted(options.listen)}${urlHintText(options.listen, { isToListen: true })}`,
    );
  const { cert, key } = options;
  if ((cert === undefined) !== (key === undefined)) throw usage('--cert and --key go together');
  const files = cert === undefined || key === undefined ? undefined : { cert, key };
  const secured = protocol.endsWith('s') ? tlsOf(bind.host, files) : undefined;
  const place = { ...bind, tls: secured?.options };
  const heard = lineFor(options, terminal);
  const simulated = protocol.startsWith('http')
    ? httpNode(place, options, heard)
    : mllpNode(place, options, heard);
  const url = (): string =>
    `${protocol}://${bind.host.includes(':') ? `[${bind.host}]` : bind.host}:${simulated.port}`;
  const api = nodeApi(options, terminal);
  if (api === undefined) {
    await simulated.start();
    const ended = untilStopped(simulated);
    announce(url(), secured, undefined, options, terminal);
    await ended;
    return EXIT.good;
  }
  const mirth = new SimulatedMirth(simulated, api.api, api.state, {
    keepOpen: options.keepOpen === true,
    onSettled: (isOpen) => sayState(api.state.status, isOpen, options, terminal),
  });
  await mirth.start();
  const ended = untilStopped(mirth);
  announce(url(), secured, api, options, terminal);
  sayState(api.state.status, mirth.isOpen, options, terminal);
  try {
    await Promise.race([ended, mirth.failed]);
  } catch (thrown) {
    await mirth.stop();
    throw thrown;
  }
  return EXIT.good;
}

function untilStopped(stoppable: { stop(): Promise<void> }): Promise<boolean> {
  return untilSignal(async () => {
    await stoppable.stop();
    return true;
  });
}

function announce(
  url: string,
  secured: NodeCommandTls | undefined,
  api: NodeApi | undefined,
  { json }: NodeCommandOptions,
  terminal: Terminal,
): void {
  const sha256 = secured?.throwAway;
  const apiSha256 = api?.throwAway;
  if (json === true) {
    terminal.out(JSON.stringify({ listening: url, sha256, api: api?.url(), apiSha256 }));
    return;
  }
  terminal.out(`simulated node on ${url}, Ctrl-C ends it`);
  if (sha256 !== undefined) terminal.out(`throw-away certificate, SHA-256 ${sha256}`);
  if (api !== undefined) terminal.out(`its REST API on ${api.url()}`);
  if (apiSha256 !== undefined) terminal.out(`its throw-away certificate, SHA-256 ${apiSha256}`);
}

function sayState(status: number, isOpen: boolean, { json }: NodeCommandOptions, terminal: Terminal): void {
  const port = isOpen ? 'open' : 'closed';
  terminal.out(json === true ? JSON.stringify({ status, port }) : `status ${status}, the port is ${port}`);
}

type Place = HostPort & { readonly tls: TlsOptions | undefined };

function mllpNode(place: Place, options: NodeCommandOptions, heard: OnMessage): SimulatedNode {
  const { name, idleMs, binaryTypes, httpErrorAcks, status500 } = options;
  const { maxConnections = MIRTH_DEFAULTS.maxConnections } = options;
  if (name !== undefined || idleMs !== undefined || binaryTypes === false)
    throw usage('--name, --idle and --no-binary-types need http:// or https://');
  if (httpErrorAcks === true || status500 === true)
    throw usage('--http-error-acks and --status-500 need http:// or https://');
  const { maxFrameBytes } = MIRTH_DEFAULTS;
  const { closeAfterAnswer, lateFullMs, processBatch } = options;
  const own = { maxConnections, maxFrameBytes, closeAfterAnswer, lateFullMs, processBatch };
  return new SimulatedNode({ ...channelOf(options), ...own, ...place }, heard);
}

function httpNode(place: Place, options: NodeCommandOptions, heard: OnMessage): SimulatedHttpNode {
  const {
    name,
    binaryTypes = true,
    httpErrorAcks,
    status500,
    closeAfterAnswer,
    lateFullMs,
    processBatch,
  } = options;
  if (lateFullMs !== undefined || processBatch === true)
    throw usage('--late-full and --process-batch need mllp:// or mllps://');
  if (httpErrorAcks === true && status500 === true)
    throw usage('--status-500 has no acknowledgements for --http-error-acks');
  // It goes into a header field and a page.
  if (name !== undefined && !/^[\w.:-]{1,64}$/.test(name))
    throw usage(`--name takes up to 64 letters, digits, ".", ":", "_" and "-", not ${quoted(name)}`);
  const { maxConnections = MIRTH_HTTP_DEFAULTS.maxConnections, idleMs = MIRTH_HTTP_DEFAULTS.idleMs } =
    options;
  const { maxBodyBytes } = MIRTH_HTTP_DEFAULTS;
  const limits = { maxBodyBytes, maxConnections, idleMs };
  const own = { name, binaryTypes, httpErrorAcks, status500, closeAfterAnswer };
  return new SimulatedHttpNode({ ...channelOf(options), ...limits, ...own, ...place }, heard);
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
