// `send`: files with messages to any address, one message after the other, each answer printed.
import { readPassphrase } from '../../certs/files/read-bytes.ts';
import { NodeTls, trusting } from '../../certs/node-tls.ts';
import { isHost, type NodeUrl, parseNodeUrl } from '../config/formats.ts';
import { printable, quoted } from '../config/source/problem.ts';
import { GatewayError } from '../errors.ts';
import { type ContentType, parseContentType } from '../hl7/content-type.ts';
import { readHeader } from '../hl7/header.ts';
import { readMessageFile } from '../hl7/message-file.ts';
import { loggable } from '../telemetry/log.ts';
import { newSpanId, newTraceId } from '../telemetry/random-ids.ts';
import { formatTraceparent } from '../telemetry/trace-context.ts';
import { usage, warnIfOpen } from './certs-folder.ts';
import { HttpClient } from './http-client.ts';
import { type Answer, MllpClient } from './mllp-client.ts';
import { EXIT, type Terminal } from './terminal.ts';

export interface SendOptions {
  readonly to: string;
  readonly timeoutMs: number;
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly insecure?: boolean | undefined;
  /** Of the certificate, and SNI, instead of the address's host. */
  readonly servername?: string | undefined;
  /** Over HTTP. */
  readonly contentType?: string | undefined;
  readonly user?: string | undefined;
  readonly passwordFile?: string | undefined;
  readonly json?: boolean | undefined;
}

/** What the text of HL7 over HTTP asks for, and Mirth takes for text: `application/…` is binary to it. */
export const CONTENT_TYPE = 'x-application/hl7-v2+er7';

interface Client {
  send(message: Buffer, traceparent?: string): Promise<Answer>;
  close(): void;
}

/** Good only if every message was answered AA or CA. A file that is no HL7 ends the command before anything is sent. */
export async function send(
  files: readonly string[],
  options: SendOptions,
  terminal: Terminal,
): Promise<number> {
  const url = targetOf(options.to);
  const messages = files.flatMap((file) => readMessageFile(file).map((message) => ({ file, message })));
  const client = clientFor(url, options, terminal);
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
  client: Client,
  file: string,
  message: Buffer,
  { json }: SendOptions,
  terminal: Terminal,
): Promise<boolean> {
  const controlId = loggable(readHeader(message).controlId);
  // Over MLLP there is no place for it: the message goes as it is.
  const traceId = client instanceof HttpClient ? newTraceId() : undefined;
  const traced = traceId === undefined || json === true ? [] : [`    trace ${traceId}`];
  try {
    const parent = traceId && formatTraceparent(traceId, newSpanId(), true);
    const { ack, payload, ms } = await client.send(message, parent);
    const accepted = ack.code === 'AA' || ack.code === 'CA';
    const answer = payload.toString('latin1').trimEnd();
    if (json === true)
      terminal.out(
        JSON.stringify({ file, controlId, traceId, code: ack.code, ms: Math.round(ms * 100) / 100, answer }),
      );
    else {
      terminal.out(`${file}  ${controlId}  ${ack.code}  ${ms.toFixed(1)} ms`);
      for (const segment of answer.split(/[\r\n]+/)) terminal.out(`    ${printable(segment)}`);
    }
    for (const line of traced) terminal.out(line);
    return accepted;
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    if (json === true)
      terminal.out(JSON.stringify({ file, controlId, traceId, error: error.code, text: error.message }));
    else terminal.out(`${file}  ${controlId}  no answer: ${error.message}`);
    for (const line of traced) terminal.out(line);
    return false;
  }
}

function targetOf(to: string): NodeUrl {
  const url = parseNodeUrl(to);
  if (url !== undefined) return url;
  // What stands before an @ may be a password: not to be repeated on a screen, or in the log of a job.
  if (/^https?:\/\/[^/]*@/.test(to))
    throw usage('--to takes no user and password; see --user, --password-file');
  throw usage(
    `--to takes mllp://HOST:PORT, mllps://HOST:PORT, http://HOST/PATH or https://HOST/PATH, not ${quoted(to)}`,
  );
}

function clientFor(url: NodeUrl, options: SendOptions, terminal: Terminal): Client {
  const { protocol, host, port, path } = url;
  const isHttp = protocol === 'http' || protocol === 'https';
  const tls = protocol === 'mllps' || protocol === 'https' ? clientTls(url, options) : undefined;
  if (tls === undefined && options.servername !== undefined)
    throw usage(`--servername needs mllps:// or https://, and this is ${protocol}://`);
  const limits = { host, port, tls, connectMs: options.timeoutMs, ackMs: options.timeoutMs };
  if (isHttp) {
    const contentType = contentTypeOf(options.contentType ?? CONTENT_TYPE);
    return new HttpClient({
      ...limits,
      path,
      contentType,
      credentials: credentialsOf(url, options, terminal),
    });
  }
  const { contentType, user, passwordFile } = options;
  if (contentType !== undefined || user !== undefined || passwordFile !== undefined)
    throw usage(
      `--content-type, --user and --password-file need http:// or https://, and this is ${protocol}://`,
    );
  return new MllpClient(limits);
}

function contentTypeOf(text: string): ContentType {
  const type = parseContentType(text);
  if (type === undefined)
    throw usage(`--content-type takes a type such as ${CONTENT_TYPE}, not ${quoted(text)}`);
  return type;
}

function credentialsOf(
  { protocol, host }: NodeUrl,
  { user, passwordFile }: SendOptions,
  terminal: Terminal,
): { user: string; password: string } | undefined {
  if (user === undefined && passwordFile === undefined) return undefined;
  if (user === undefined || passwordFile === undefined) throw usage('--user and --password-file go together');
  // RFC 7617 2: the first colon ends the name, and neither has control characters.
  if (/[:\p{Cc}]/u.test(user)) throw usage('--user takes a name without a colon');
  warnIfOpen(passwordFile, terminal);
  const password = readPassphrase(passwordFile);
  if (protocol === 'http' && !/^(localhost|127\..*|::1)$/.test(host))
    terminal.err('warning: over http:// the password crosses the network as it is; use https://');
  return { user, password };
}

function clientTls(url: NodeUrl, { ca, cert, key, insecure, servername }: SendOptions): NodeTls {
  if ((cert === undefined) !== (key === undefined)) throw usage('--cert and --key go together');
  if (servername !== undefined && !isHost(servername))
    throw usage(`--servername takes a host name, not ${quoted(servername)}`);
  const keyPair =
    cert === undefined || key === undefined
      ? undefined
      : ({ kind: 'pem', certFile: cert, keyFile: key, passphrase: undefined } as const);
  return new NodeTls({ ...trusting(ca), keyPair, servername, insecure: insecure === true }, url.host);
}
