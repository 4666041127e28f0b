// `send`: files with messages to any address, one message after the other, each answer printed.
import { NodeTls, trusting } from '../../certs/node-tls.ts';
import { type NodeUrl, parseNodeUrl } from '../config/formats.ts';
import { printable } from '../config/source/problem.ts';
import { GatewayError } from '../errors.ts';
import { readHeader } from '../hl7/header.ts';
import { readMessageFile } from '../hl7/message-file.ts';
import { loggable } from '../telemetry/log.ts';
import { MllpClient } from './mllp-client.ts';
import { EXIT, type Terminal } from './terminal.ts';

export interface SendOptions {
  readonly to: string;
  readonly timeoutMs: number;
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly insecure?: boolean | undefined;
  readonly json?: boolean | undefined;
}

/** Good only if every message was answered AA or CA. A file that is no HL7 ends the command before anything is sent. */
export async function send(
  files: readonly string[],
  options: SendOptions,
  terminal: Terminal,
): Promise<number> {
  const url = targetOf(options.to);
  const messages = files.flatMap((file) => readMessageFile(file).map((message) => ({ file, message })));
  const client = new MllpClient({
    host: url.host,
    port: url.port,
    tls: url.protocol === 'mllps' ? clientTls(url, options) : undefined,
    connectMs: options.timeoutMs,
    ackMs: options.timeoutMs,
  });
  let positive = 0;
  try {
    for (const { file, message } of messages)
      if (await sendOne(client, file, message, options, terminal)) positive++;
  } finally {
    client.close();
  }
  if (options.json !== true)
    terminal.out(`${messages.length} sent, ${positive} accepted, ${messages.length - positive} not`);
  return positive === messages.length ? EXIT.good : EXIT.failed;
}

async function sendOne(
  client: MllpClient,
  file: string,
  message: Buffer,
  { json }: SendOptions,
  terminal: Terminal,
): Promise<boolean> {
  const controlId = loggable(readHeader(message).controlId);
  try {
    const { ack, payload, ms } = await client.send(message);
    const accepted = ack.code === 'AA' || ack.code === 'CA';
    const answer = payload.toString('latin1').trimEnd();
    if (json === true)
      terminal.out(
        JSON.stringify({ file, controlId, code: ack.code, ms: Math.round(ms * 100) / 100, answer }),
      );
    else {
      terminal.out(`${file}  ${controlId}  ${ack.code}  ${ms.toFixed(1)} ms`);
      for (const segment of answer.split(/[\r\n]+/)) terminal.out(`    ${printable(segment)}`);
    }
    return accepted;
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    if (json === true)
      terminal.out(JSON.stringify({ file, controlId, error: error.code, text: error.message }));
    else terminal.out(`${file}  ${controlId}  no answer: ${error.message}`);
    return false;
  }
}

function targetOf(to: string): NodeUrl {
  const url = parseNodeUrl(to);
  if (url !== undefined) return url;
  const detail = /^https?:/.test(to)
    ? 'sending over HTTP is not available in this version'
    : `--to takes mllp://HOST:PORT or mllps://HOST:PORT, not "${to}"`;
  throw new GatewayError('GW_ERR_USAGE', { detail });
}

function clientTls(url: NodeUrl, { ca, cert, key, insecure }: SendOptions): NodeTls {
  if ((cert === undefined) !== (key === undefined))
    throw new GatewayError('GW_ERR_USAGE', { detail: '--cert and --key go together' });
  const keyPair =
    cert === undefined || key === undefined
      ? undefined
      : ({ kind: 'pem', certFile: cert, keyFile: key, passphrase: undefined } as const);
  return new NodeTls({ ...trusting(ca), keyPair, insecure: insecure === true }, url.host);
}
