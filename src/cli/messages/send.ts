// `send`: files with messages to any address, one message after the other, each answer printed.
import { parseNodeUrl } from '../../config/formats.ts';
import { printable } from '../../config/source/problem.ts';
import { GatewayError } from '../../errors.ts';
import { readHeader } from '../../hl7/header.ts';
import { examineMessageFile } from '../../hl7/message-file.ts';
import { loggable } from '../../observe/log/loggable.ts';
import { newSpanId, newTraceId } from '../../observe/traces/random-ids.ts';
import { formatTraceparent } from '../../observe/traces/trace-context.ts';
import type { MessageClient } from '../../upstream/client/message-client.ts';
import { plainPaint } from '../colors.ts';
import { EXIT, sayFaults, type Terminal } from '../terminal.ts';
import { clientOf, messageTarget, type TargetOptions } from './message-target.ts';

export interface SendOptions extends TargetOptions {
  readonly to: string;
  readonly json?: boolean | undefined;
  /** What has come by standard input, for the file `-`. */
  readonly input?: Buffer | undefined;
}

/** Good only if every message was answered AA or CA, or asks for no answer where all is well (`none`). What is no HL7 ends the command before anything is sent, and each such message is named (F112). */
export async function send(
  files: readonly string[],
  options: SendOptions,
  terminal: Terminal,
): Promise<number> {
  const target = await messageTarget(options.to, options, terminal);
  const read = files.map((file) => ({ file, ...examineMessageFile(file, options.input) }));
  const faults = read.flatMap((one) => one.faults);
  if (sayFaults(faults, terminal)) return EXIT.usage;
  const messages = read.flatMap((one) =>
    one.messages.map(({ bytes: message }) => ({ file: one.file, message })),
  );
  const client = (await clientOf(target))();
  // Over MLLP there is no place for a trace: the message goes as it is.
  const isTraced = target.kind === 'http';
  let positive = 0;
  let answered = 0;
  try {
    for (const { file, message } of messages) {
      const code = await sendOne(
        client,
        { file, message, isTraced, isFirst: answered === 0 },
        options,
        terminal,
      );
      if (code !== undefined) answered++;
      if (isAccepted(code)) positive++;
    }
  } finally {
    client.close();
  }
  if (options.json !== true)
    terminal.out(`${messages.length} sent, ${positive} accepted, ${messages.length - positive} not`);
  return positive === messages.length ? EXIT.good : EXIT.failed;
}

interface Sent {
  readonly file: string;
  readonly message: Buffer;
  readonly isTraced: boolean;
  /** Nothing has been answered yet. */
  readonly isFirst: boolean;
}

function isAccepted(code: string | undefined): boolean {
  return code === 'AA' || code === 'CA' || code === 'none';
}

/** The code of its answer; undefined: there was none, and there should have been. */
async function sendOne(
  client: MessageClient,
  { file, message, isTraced, isFirst }: Sent,
  { json, to }: SendOptions,
  terminal: Terminal,
): Promise<string | undefined> {
  const controlId = loggable(readHeader(message).controlId);
  const { paint = plainPaint } = terminal;
  const painted = (code: string): string => paint(isAccepted(code) ? 'good' : 'bad', code);
  const traceId = isTraced ? newTraceId() : undefined;
  const traced = traceId === undefined || json === true ? [] : [`    trace ${traceId}`];
  try {
    const parent = traceId && formatTraceparent(traceId, newSpanId(), true);
    const { ack, payload, ms } = await client.ask(message, parent);
    const code = ack?.code ?? 'none';
    const answer = payload.toString('latin1').trimEnd();
    if (json === true)
      terminal.out(
        JSON.stringify({ file, controlId, traceId, code, ms: Math.round(ms * 100) / 100, answer }),
      );
    else {
      terminal.out(`${file}  ${controlId}  ${painted(code)}  ${ms.toFixed(1)} ms`);
      if (ack !== undefined)
        for (const segment of answer.split(/[\r\n]+/)) terminal.out(`    ${printable(segment)}`);
    }
    for (const line of traced) terminal.out(line);
    return code;
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    const protocol = parseNodeUrl(to)?.protocol;
    const hint = isFirst && protocol !== undefined ? protocolHint(error, protocol) : '';
    if (json === true)
      terminal.out(
        JSON.stringify({
          file,
          controlId,
          traceId,
          error: error.code,
          text: error.message,
          hint: hint === '' ? undefined : hint.slice(2),
        }),
      );
    else terminal.out(`${file}  ${controlId}  ${paint('bad', 'no answer')}: ${error.message}${hint}`);
    for (const line of traced) terminal.out(line);
    return undefined;
  }
}

type Protocol = 'mllp' | 'mllps' | 'http' | 'https';

/**
 * What a failed message most likely says of its address: the port speaks another protocol. A question, as a port that closes may
 * do so for other reasons. It ends a sentence, and is only to be asked where nothing has been answered yet.
 */
function protocolHint({ code, detail = '', cause }: GatewayError, protocol: Protocol): string {
  // By name: over MLLP undici is not loaded.
  const undici = cause as
    | { readonly name: string; readonly socket?: { readonly bytesRead?: number } }
    | undefined;
  const saysHttp = code === 'GW_ERR_ACK_INVALID' && detail.includes('HTTP response');
  if (saysHttp) return `; it speaks HTTP, so give ${protocol === 'mllp' ? 'http' : 'https'}://`;
  const saysNoTls = code === 'GW_ERR_NODE_TLS' && /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG/.test(detail);
  if (saysNoTls) return '; it speaks no TLS: does it want mllp:// or http://?';
  if (undici?.name === 'HTTPParserError')
    return `; what it answers is no HTTP: does it want ${protocol === 'http' ? 'mllp' : 'mllps'}://?`;
  // A response had begun, so it speaks HTTP.
  if (undici?.name === 'SocketError' && (undici.socket?.bytesRead ?? 0) > 0) return '';
  const isSilent = code === 'GW_ERR_NODE_CLOSED' || code === 'GW_ERR_NODE_FULL';
  if (!isSilent) return '';
  switch (protocol) {
    case 'mllp':
      return code === 'GW_ERR_NODE_CLOSED' ? '; does it speak TLS, and so want mllps://?' : '';
    case 'http':
      return '; does it want https:// or mllp://?';
    case 'mllps':
      return '; does it speak no TLS, and so want mllp://?';
    case 'https':
      return '; does it want mllps:// or http://?';
  }
}
