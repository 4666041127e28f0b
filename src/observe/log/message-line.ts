// The line of a message that went well, as bytes: most lines of most logs, and each is paid for by a message. Promises the
// very text that pino makes of the same fields (message-log.ts).
import { wallMs } from '../../platform/time.ts';
import type { Message } from '../../relay/message.ts';
import type { Identifiers } from '../traces/identifiers.ts';
import { type LineWriter, memberKey } from './line-writer.ts';
import type { LogOutput } from './log-output.ts';
import { loggable, MAX_IDENTIFIER } from './loggable.ts';

const BEGIN = Buffer.from('{"level":"info","time":"');
const TIME_END = Buffer.from('"');
const END = Buffer.from(',"msg":"message"}\n');

const TRACE = memberKey('trace_id');
const LISTENER = memberKey('listener');
const SOURCE = memberKey('source');
const PORT = memberKey('client.port');
const TYPE = memberKey('type');
const CONTROL_ID = memberKey('controlId');
const SENDER = memberKey('sender');
const BATCH = memberKey('batch');
const MESSAGES = memberKey('messages');
const BYTES = memberKey('bytes');
const FRAMING = memberKey('framing');
const ROUTE = memberKey('route');
const POOL = memberKey('pool');
const NODE = memberKey('node');
const ATTEMPTS = memberKey('attempts');
const OUTCOME = memberKey('outcome');
const REPLY = memberKey('reply');
const QUEUE_MS = memberKey('queueMs');
const CONNECT_MS = memberKey('connectMs');
const ACK_MS = memberKey('ackMs');
const TOTAL_MS = memberKey('totalMs');

/** Lines of one millisecond have one text. */
let timeOf = Number.NaN;
let time = Buffer.alloc(0);

export function writeMessageLine(output: LogOutput, message: Message, shown: Identifiers): void {
  const now = wallMs();
  if (now !== timeOf) {
    timeOf = now;
    time = Buffer.from(new Date(now).toISOString());
  }
  const line = output.begin();
  const { origin, route, pool, batch } = message;
  const last = message.lastAttempt;
  line.raw(BEGIN);
  line.raw(time);
  line.raw(TIME_END);
  if (output.bindings.length > 0) line.raw(output.bindings);
  line.text(TRACE, message.trace.traceId);
  line.text(LISTENER, origin.listener);
  line.text(SOURCE, origin.peer.address);
  line.count(PORT, origin.peer.port);
  if (message.hasHeader) writeIdentifiers(line, message, shown);
  if (batch !== undefined) line.text(BATCH, shown.controlId(batch.controlId));
  if (message.parts > 0) line.count(MESSAGES, message.parts);
  line.count(BYTES, message.payload.length);
  if (origin.framing !== undefined) line.text(FRAMING, origin.framing);
  if (route?.name !== undefined) line.text(ROUTE, route.name);
  if (pool !== undefined) line.text(POOL, pool.name);
  if (last !== undefined) line.text(NODE, last.node);
  line.count(ATTEMPTS, message.attemptCount);
  if (message.outcome !== undefined) line.text(OUTCOME, message.outcome.kind);
  if (message.replyCode !== undefined) line.text(REPLY, message.replyCode);
  writeTime(line, QUEUE_MS, message.queuedMs);
  if (last !== undefined) {
    writeTime(line, CONNECT_MS, last.connectMs);
    if (last.writtenAt !== undefined) writeTime(line, ACK_MS, (last.endedAt ?? 0) - last.writtenAt);
  }
  writeTime(line, TOTAL_MS, (message.settledAt ?? 0) - message.receivedAt);
  line.raw(END);
  output.end();
}

function writeIdentifiers(line: LineWriter, { header }: Message, shown: Identifiers): void {
  // F105: what a batch without messages says in its own header is for people: a file's name, a comment.
  if (!header.isMsh) {
    line.text(CONTROL_ID, shown.controlId(header.controlId));
    return;
  }
  const { bytes } = header;
  if (!line.ascii(TYPE, bytes, header.fieldStart(9), header.fieldEnd(9), MAX_IDENTIFIER))
    line.text(TYPE, loggable(header.text(9)));
  if (
    shown.hashesControlIds ||
    !line.ascii(CONTROL_ID, bytes, header.fieldStart(10), header.fieldEnd(10), MAX_IDENTIFIER)
  )
    line.text(CONTROL_ID, shown.controlId(header.controlId));
  const appEnd = header.fieldEnd(3);
  const facilityEnd = header.fieldEnd(4);
  if (
    !line.asciiPair(
      SENDER,
      bytes,
      header.fieldStart(3),
      appEnd,
      header.fieldStart(4),
      facilityEnd,
      MAX_IDENTIFIER,
    )
  )
    line.text(SENDER, `${loggable(header.text(3))}|${loggable(header.text(4))}`);
}

/** Milliseconds; none is nothing to tell. */
function writeTime(line: LineWriter, key: Buffer, ms: number): void {
  if (ms !== 0) line.hundredths(key, ms);
}
