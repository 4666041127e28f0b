// What a sender gets instead of a node's answer: a negative acknowledgement as the listener's config or a route has it and as
// the message's acknowledgement mode allows it, nothing, or the end of the connection.
import type { ListenerConfig, NegativeCode, RefusalChoice, RouteConfig } from '../../src/config/config.ts';
import { ERRORS, type ErrorCode, type GatewayError } from '../../src/errors.ts';
import { isAcknowledgement } from '../../src/hl7/ack.ts';
import { type Header, readHeader } from '../../src/hl7/header.ts';
import { makeNak } from '../../src/hl7/nak.ts';
import { wallMs } from '../../src/platform/time.ts';

/** `none`: it is told nothing, and its connection goes on. */
export type Told = RefusalChoice | 'none';

const NOTHING = Buffer.alloc(0);

/** The field of MSH that an error is about, for ERR-2. */
const FIELD_OF: Readonly<Partial<Record<ErrorCode, number>>> = {
  GW_ERR_HEADER_CONTROL_ID: 10,
  GW_ERR_HEADER_DELIMITERS: 2,
  GW_ERR_HEADER_UTF16: 18,
  GW_ERR_ROUTE_NONE: 9,
};

/** The same of a condition of table 0357 that a route rejects with. */
const FIELD_OF_CONDITION: Readonly<Record<number, number>> = { 200: 9, 201: 9, 202: 11, 203: 12 };

/** The one table that maps a fault to an answer. A route that rejects or validates brings its own code. */
export function refusalOf(
  config: Pick<ListenerConfig, 'onRejected' | 'onUnavailable'>,
  error: GatewayError,
  header: Header | undefined,
  route?: RouteConfig,
): Told {
  const refusal = configuredRefusal(config, error, route);
  return refusal === 'close' || header === undefined ? 'close' : codeByMode(refusal, header);
}

function configuredRefusal(
  config: Pick<ListenerConfig, 'onRejected' | 'onUnavailable'>,
  error: GatewayError,
  route?: RouteConfig,
): RefusalChoice {
  if (route?.action.kind === 'reject') return route.action.code;
  if (route?.validate !== undefined && error.code === 'GW_ERR_ROUTE_INVALID') return route.validate.code;
  return error.fault === 'unacceptable' ? config.onRejected : config.onUnavailable;
}

/**
 * F91: the config says whether it is an error or a rejection, the message in which mode that is told (v2.9.1 2.9.2, table 0155).
 * In original mode there is no commit; in enhanced mode the gateway refuses to commit, where MSH-15 asks to be told of that.
 */
function codeByMode(code: NegativeCode, header: Header): Told {
  // An acknowledgement of an acknowledgement would be answered in turn.
  if (isAcknowledgement(header)) return 'none';
  if (!header.enhanced) return inLevel('A', code);
  const accept = header.text(15);
  if (accept === 'NE' || accept === 'SU') return 'none';
  if (accept !== '') return inLevel('C', code);
  const application = header.text(16);
  return application === 'NE' || application === 'SU' ? 'none' : inLevel('A', code);
}

function inLevel(level: 'A' | 'C', code: NegativeCode): NegativeCode {
  return `${level}${code.charAt(1) === 'R' ? 'R' : 'E'}`;
}

/** The acknowledgement's bytes, none where nothing is to be told, or null to close. */
export function negativeAckBytes(told: Told, error: GatewayError, header: Header | undefined): Buffer | null {
  if (told === 'none') return NOTHING;
  if (told === 'close' || header === undefined) return null;
  const condition = error.condition ?? ERRORS[error.code].condition;
  return makeNak(
    header,
    {
      code: told,
      condition,
      text: error.code === 'GW_ERR_ROUTE_REJECTED' ? (error.detail ?? error.message) : error.message,
      diagnostic: error.code,
      field: FIELD_OF[error.code] ?? (error.condition && FIELD_OF_CONDITION[error.condition]),
      places: error.places,
    },
    new Date(wallMs()),
  );
}

/**
 * The header by which the beginning of a frame can be answered. `isWhole`: the frame has ended, so its header has; else one whose end
 * has not come is none: MSH-10 may be cut short.
 */
export function headerToAnswer(frame: Buffer, isWhole: boolean): Header | undefined {
  if (frame.length < 4) return undefined;
  try {
    const header = readHeader(frame.subarray(1));
    return isWhole || header.end < header.bytes.length ? header : undefined;
  } catch {
    return undefined;
  }
}
