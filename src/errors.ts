// Every error of the gateway, in one table: whose fault it is, whether the message may be sent again, and what
// the listener answers. docs/errors.md lists the same codes; test/errors.test.ts holds the two together.
// One file, however long: a code has one row, and whoever looks for one looks here.

/** Who would have to change something for it not to happen again. */
export type Side = 'sender' | 'gateway' | 'node';
/** May this message be given to a node again? `safe`: no byte was written. `unsafe`: a node may have it. */
export type ResendSafety = 'safe' | 'unsafe' | 'never';
/** `unacceptable` → the listener's `onRejected`; `unavailable` → its `onUnavailable`. */
export type Fault = 'unacceptable' | 'unavailable';

interface ErrorRow {
  readonly side: Side;
  readonly resend: ResendSafety;
  readonly fault: Fault;
  /** HL7 table 0357, message error condition codes; goes into ERR-3 of a generated acknowledgement. */
  readonly condition: 100 | 101 | 102 | 103 | 200 | 207;
  /** One sentence for logs, acknowledgements and docs. Never holds anything of the message. */
  readonly text: string;
}

function row(
  side: Side,
  resend: ResendSafety,
  fault: Fault,
  condition: ErrorRow['condition'],
  text: string,
): ErrorRow {
  return { side, resend, fault, condition, text };
}

export const ERRORS = {
  // Before the line runs
  GW_ERR_CONFIG: row('gateway', 'never', 'unacceptable', 207, 'the config has errors'),
  GW_ERR_USAGE: row('gateway', 'never', 'unacceptable', 207, 'the command was called wrongly'),
  GW_ERR_FILE: row('gateway', 'never', 'unacceptable', 207, 'a file could not be read'),
  GW_ERR_TLS_FILE: row('gateway', 'never', 'unacceptable', 207, 'a certificate or key file is not usable'),
  GW_ERR_SOURCE: row(
    'gateway',
    'never',
    'unavailable',
    207,
    'connections to nodes cannot come from where the config says',
  ),
  GW_ERR_LISTEN: row('gateway', 'never', 'unavailable', 207, 'the address could not be listened on'),
  GW_ERR_WORKER: row('gateway', 'never', 'unavailable', 207, 'a worker process failed'),
  GW_ERR_INTERNAL: row('gateway', 'unsafe', 'unavailable', 207, 'the gateway failed; this is a defect in it'),

  // Asked of a running gateway
  GW_ERR_ADMIN_TOKEN: row('gateway', 'never', 'unacceptable', 207, 'the token is missing or wrong'),
  GW_ERR_ADMIN_LOGIN: row('gateway', 'never', 'unacceptable', 207, 'the user, password or code is wrong'),
  GW_ERR_ADMIN_FORBIDDEN: row('gateway', 'never', 'unacceptable', 207, 'the admin API does not allow this'),
  GW_ERR_ADMIN_REQUEST: row(
    'gateway',
    'never',
    'unacceptable',
    207,
    'the admin API does not take this request',
  ),
  GW_ERR_ADMIN_NOT_FOUND: row(
    'gateway',
    'never',
    'unacceptable',
    207,
    'the admin API knows nothing of that name',
  ),
  GW_ERR_ADMIN_CONFLICT: row(
    'gateway',
    'never',
    'unacceptable',
    207,
    'the admin API cannot do that as things are',
  ),
  GW_ERR_ADMIN_CONNECT: row('gateway', 'never', 'unavailable', 207, 'the admin API did not answer'),

  // What a sender did
  GW_ERR_FRAME_NO_START: row(
    'sender',
    'never',
    'unacceptable',
    207,
    'bytes arrived that belong to no MLLP frame',
  ),
  GW_ERR_FRAME_TIMEOUT: row(
    'sender',
    'never',
    'unacceptable',
    207,
    'a frame did not end within frameTimeout',
  ),
  GW_ERR_FRAME_TOO_LARGE: row('sender', 'never', 'unacceptable', 207, 'a frame is larger than maxFrame'),
  GW_ERR_FRAME_TRUNCATED: row('sender', 'never', 'unacceptable', 207, 'the connection ended inside a frame'),
  GW_ERR_FRAME_CUT_OFF: row(
    'sender',
    'never',
    'unacceptable',
    207,
    'a frame was cut off by the start of the next',
  ),
  GW_ERR_FRAME_START_BLOCK: row('sender', 'never', 'unacceptable', 207, 'a frame holds a start block (0B)'),
  GW_ERR_FRAME_END_BYTE: row(
    'sender',
    'never',
    'unacceptable',
    207,
    'a frame holds an end byte (1C) without CR',
  ),
  GW_ERR_HEADER_MSH: row('sender', 'never', 'unacceptable', 100, 'the first segment is not MSH'),
  GW_ERR_HEADER_DELIMITERS: row(
    'sender',
    'never',
    'unacceptable',
    102,
    'MSH-1 and MSH-2 are no usable delimiters',
  ),
  GW_ERR_HEADER_CONTROL_ID: row(
    'sender',
    'never',
    'unacceptable',
    101,
    'MSH-10 (message control id) is missing',
  ),
  GW_ERR_HEADER_BATCH: row(
    'sender',
    'never',
    'unacceptable',
    200,
    'one frame holds a batch or several messages',
  ),
  GW_ERR_HEADER_UTF16: row('sender', 'never', 'unacceptable', 102, 'the message is UTF-16'),
  GW_ERR_BATCH_SPLIT: row(
    'sender',
    'never',
    'unacceptable',
    100,
    'a batch cannot be split into its messages',
  ),
  GW_ERR_SENDER_IDLE: row('sender', 'never', 'unavailable', 207, 'a connection was idle for idleTimeout'),
  GW_ERR_SENDER_DISCARDED: row(
    'sender',
    'never',
    'unavailable',
    207,
    'messages were discarded that came after their connection had been ended',
  ),
  GW_ERR_SENDER_NOT_READING: row('sender', 'never', 'unavailable', 207, 'a sender does not read its answers'),
  GW_ERR_SENDER_LIMIT: row(
    'sender',
    'never',
    'unavailable',
    207,
    'the listener has maxConnections connections',
  ),
  GW_ERR_SENDER_TLS: row('sender', 'never', 'unacceptable', 207, 'a TLS handshake with a sender failed'),
  GW_ERR_REPLY_UNDELIVERED: row(
    'sender',
    'never',
    'unavailable',
    207,
    "a sender's connection ended before its reply was written",
  ),
  GW_ERR_SENDER_RESET: row('sender', 'never', 'unavailable', 207, 'a sender reset its connection'),
  GW_ERR_CONNECTION_CUT: row(
    'gateway',
    'never',
    'unavailable',
    207,
    'a connection was still open at the end of shutdown.timeout',
  ),

  GW_ERR_SENDER_HANDSHAKES: row(
    'sender',
    'never',
    'unavailable',
    207,
    'the listener has tls.maxHandshakes TLS handshakes in progress',
  ),
  GW_ERR_SENDER_NOT_ALLOWED: row(
    'sender',
    'never',
    'unacceptable',
    207,
    'no allow rule of the listener lets this sender send this message',
  ),
  GW_ERR_SENDER_PROXY: row(
    'sender',
    'never',
    'unacceptable',
    207,
    'a connection did not begin with a PROXY protocol header from a trusted proxy',
  ),

  // What an HTTP client did
  GW_ERR_HTTP_REQUEST: row('sender', 'never', 'unacceptable', 207, 'a request is not valid HTTP'),
  GW_ERR_HTTP_HEADERS: row(
    'sender',
    'never',
    'unacceptable',
    207,
    'a request has too many or too large headers',
  ),
  GW_ERR_HTTP_ENCODING: row(
    'sender',
    'never',
    'unacceptable',
    207,
    'a request has a transfer encoding other than chunked',
  ),
  GW_ERR_HTTP_EXPECT: row(
    'sender',
    'never',
    'unacceptable',
    207,
    'a request expects something other than 100-continue',
  ),
  GW_ERR_HTTP_TIMEOUT: row('sender', 'never', 'unavailable', 207, 'a request did not come in time'),
  GW_ERR_HTTP_CUT: row('sender', 'never', 'unavailable', 207, 'a client went away before its answer'),
  GW_ERR_HTTP_CREDENTIALS: row(
    'sender',
    'never',
    'unacceptable',
    207,
    'a request has no user and password that are known here',
  ),
  GW_ERR_HTTP_CHECKS: row('sender', 'never', 'unavailable', 207, 'too many passwords wait to be checked'),
  GW_ERR_HTTP_CHARSET: row(
    'sender',
    'never',
    'unacceptable',
    207,
    'a request declares a charset that is not known',
  ),
  GW_ERR_HTTP_CODING: row(
    'sender',
    'never',
    'unacceptable',
    207,
    'a message has a content coding that is not taken',
  ),
  GW_ERR_HTTP_DECODE: row(
    'sender',
    'never',
    'unacceptable',
    207,
    'a message is not what its content coding (gzip and the like) says',
  ),
  GW_ERR_HTTP_NOT_HL7: row(
    'sender',
    'never',
    'unacceptable',
    207,
    'a request is no HL7 message, and its route leads to MLLP nodes',
  ),

  // What the config says
  GW_ERR_ROUTE_NONE: row('sender', 'never', 'unacceptable', 200, 'no route matches the message'),
  GW_ERR_ROUTE_REJECTED: row('sender', 'never', 'unacceptable', 207, 'a route rejects the message'),
  GW_ERR_ROUTE_INVALID: row(
    'sender',
    'never',
    'unacceptable',
    100,
    "the message fails its route's validation",
  ),

  // Reading a message as a whole
  GW_ERR_PARSE_SIZE: row(
    'sender',
    'never',
    'unacceptable',
    207,
    'a message has too many parts to be read whole',
  ),
  GW_ERR_PARSE_MISREAD: row(
    'gateway',
    'never',
    'unacceptable',
    207,
    'hl7-standard read a message as something else than it is',
  ),
  GW_ERR_PARSE_CHARSET: row(
    'sender',
    'never',
    'unacceptable',
    102,
    'a message is not in a charset that can be read',
  ),

  // What a parse worker made of it. The sender keeps the message: that a worker fails over it says nothing against it.
  GW_ERR_PARSE_FAILED: row('gateway', 'safe', 'unavailable', 207, 'a parse worker failed on the message'),
  GW_ERR_PARSE_TIMEOUT: row(
    'gateway',
    'safe',
    'unavailable',
    207,
    'a parse worker was not done with the message within parsing.timeout',
  ),
  GW_ERR_PARSE_WORKER: row(
    'gateway',
    'safe',
    'unavailable',
    207,
    'a parse worker ended while it had the message',
  ),

  // Not sent: no byte of the message was written to a node
  GW_ERR_NODE_CONNECT: row('node', 'safe', 'unavailable', 207, 'a node could not be connected to'),
  GW_ERR_CLIENT_SOURCE: row(
    'gateway',
    'safe',
    'unavailable',
    207,
    "the node could not be dialled from the client's address",
  ),
  GW_ERR_OPEN_FILES: row(
    'gateway',
    'safe',
    'unavailable',
    207,
    'the gateway has no file descriptor left for a connection to a node',
  ),
  GW_ERR_NODE_CONNECT_TIMEOUT: row(
    'node',
    'safe',
    'unavailable',
    207,
    'a node did not accept within timeouts.connect',
  ),
  GW_ERR_NODE_TLS: row('node', 'safe', 'unavailable', 207, 'the TLS handshake with a node failed'),
  GW_ERR_NODE_FULL: row(
    'node',
    'safe',
    'unavailable',
    207,
    'a node accepts connections and closes them at once',
  ),
  GW_ERR_NODE_STALE: row(
    'node',
    'safe',
    'unavailable',
    207,
    'a pooled connection closed before it was written to',
  ),
  GW_ERR_QUEUE_FULL: row('gateway', 'safe', 'unavailable', 207, "the pool's queue is full"),
  GW_ERR_QUEUE_TIMEOUT: row('node', 'safe', 'unavailable', 207, 'no node could take the message in time'),

  // The spool. Whether a message is stored is not known after an error in the middle of its storing: then it may be delivered yet
  GW_ERR_SPOOL_FULL: row('gateway', 'safe', 'unavailable', 207, 'the spool has no place for the message'),
  GW_ERR_SPOOL_STORE: row(
    'gateway',
    'unsafe',
    'unavailable',
    207,
    "the spool's store could not be written or read",
  ),
  GW_ERR_SPOOL_CORRUPT: row(
    'gateway',
    'never',
    'unavailable',
    207,
    'what is in the spool is not what was stored there',
  ),

  // Ambiguous: written, not answered
  GW_ERR_NODE_CLOSED: row(
    'node',
    'unsafe',
    'unavailable',
    207,
    'a node closed its connection before it answered',
  ),
  GW_ERR_NODE_RESET: row(
    'node',
    'unsafe',
    'unavailable',
    207,
    'a node reset a connection that was passed on',
  ),
  GW_ERR_ACK_TIMEOUT: row('node', 'unsafe', 'unavailable', 207, 'a node did not answer within timeouts.ack'),
  GW_ERR_ACK_MISMATCH: row(
    'node',
    'unsafe',
    'unavailable',
    207,
    'a node answered another message (MSA-2 differs)',
  ),
  GW_ERR_ACK_INVALID: row(
    'node',
    'unsafe',
    'unavailable',
    207,
    'a node answered something that is no acknowledgement',
  ),
  GW_ERR_NODE_RESPONSE: row(
    'node',
    'unsafe',
    'unavailable',
    207,
    'a node answered something that is not valid HTTP',
  ),
  GW_ERR_NODE_STATUS: row(
    'node',
    'unsafe',
    'unavailable',
    207,
    'a node answered a message with an HTTP error',
  ),

  // Refused by the node: it has the message and does not take it
  GW_ERR_NODE_BUSY: row('node', 'safe', 'unavailable', 207, 'a node answered a message with HTTP 503 or 429'),
  GW_ERR_NODE_REFUSED: row(
    'node',
    'never',
    'unavailable',
    207,
    'a node answered a message with HTTP 3xx or 4xx',
  ),
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERRORS;

/** What is wrong at one place of a message, for an ERR segment (HL7 v2.9.1 2.14.5). Nothing of what the message holds. */
export interface ErrorPlace {
  /** HL7 table 0357. */
  readonly condition: 100 | 101 | 102 | 103 | 104;
  readonly segment: string;
  /** Which of the segments of that name, from 1; so are the numbers below. */
  readonly sequence: number;
  readonly field?: number | undefined;
  readonly repetition?: number | undefined;
  readonly component?: number | undefined;
  readonly subcomponent?: number | undefined;
  /** For people. */
  readonly text: string;
}

export interface ErrorDetail {
  /** Appended to the table's text. Must hold nothing that came in a message. */
  readonly detail?: string | undefined;
  readonly cause?: unknown;
  /** Name of the node, where one is involved. */
  readonly node?: string | undefined;
  /** Where in the message, if at several places. */
  readonly places?: readonly ErrorPlace[] | undefined;
  /** HL7 table 0357, instead of the table's own. */
  readonly condition?: number | undefined;
}

/** The one class of error. Match on `code`, never on the message. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly code: ErrorCode;
  readonly node: string | undefined;
  readonly detail: string | undefined;
  readonly places: readonly ErrorPlace[] | undefined;
  readonly condition: number | undefined;

  constructor(code: ErrorCode, { detail, cause, node, places, condition }: ErrorDetail = {}) {
    const text = ERRORS[code].text;
    const about = node === undefined ? '' : ` (node ${node})`;
    super(
      detail === undefined ? `${text}${about}` : `${text}${about}: ${detail}`,
      cause === undefined ? {} : { cause },
    );
    this.code = code;
    this.node = node;
    this.detail = detail;
    this.places = places;
    this.condition = condition;
  }

  get side(): Side {
    return ERRORS[this.code].side;
  }

  get resend(): ResendSafety {
    return ERRORS[this.code].resend;
  }

  get fault(): Fault {
    return ERRORS[this.code].fault;
  }
}

/** Anything thrown, as a GatewayError: itself, or wrapped as a defect of the gateway. */
export function asGatewayError(thrown: unknown): GatewayError {
  return thrown instanceof GatewayError ? thrown : new GatewayError('GW_ERR_INTERNAL', { cause: thrown });
}

/** The operating system's code of an error (`ECONNREFUSED`), or its class name; never its text. */
export function causeCode(thrown: unknown): string {
  if (typeof thrown === 'object' && thrown !== null && 'code' in thrown && typeof thrown.code === 'string') {
    return thrown.code;
  }
  return thrown instanceof Error ? thrown.name : 'unknown';
}

/** The system's code for a process, or a machine, that has no file descriptor left (F100). */
export function isOutOfFiles(code: string): boolean {
  return code === 'EMFILE' || code === 'ENFILE';
}
