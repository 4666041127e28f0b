// What a sender gets instead of a node's answer: a negative acknowledgement as the listener's config or a route has it,
// or the end of the connection.
import type { ListenerConfig, Refusal, RouteConfig } from '../src/config/config.ts';
import { ERRORS, type ErrorCode, type GatewayError } from '../src/errors.ts';
import type { Header } from '../src/hl7/header.ts';
import { makeNak } from '../src/hl7/nak.ts';

/** The field of MSH that an error is about, for ERR-2. */
const FIELD_OF: Readonly<Partial<Record<ErrorCode, number>>> = {
  GW_ERR_HEADER_CONTROL_ID: 10,
  GW_ERR_HEADER_DELIMITERS: 2,
  GW_ERR_HEADER_UTF16: 18,
  GW_ERR_ROUTE_NONE: 9,
};

/** The one table that maps a fault to an answer. A route that rejects or validates brings its own code. */
export function refusalOf(
  config: Pick<ListenerConfig, 'onRejected' | 'onUnavailable'>,
  error: GatewayError,
  route?: RouteConfig,
): Refusal {
  if (route?.action.kind === 'reject') return route.action.code;
  if (route?.validate !== undefined && error.code === 'GW_ERR_ROUTE_INVALID') return route.validate.code;
  return error.fault === 'unacceptable' ? config.onRejected : config.onUnavailable;
}

/** The acknowledgement's bytes, or null to close: because that is the refusal, or for want of a header to answer. */
export function refusalBytes(
  refusal: Refusal,
  error: GatewayError,
  header: Header | undefined,
): Buffer | null {
  if (refusal === 'close' || header === undefined) return null;
  return makeNak(
    header,
    {
      code: refusal,
      condition: ERRORS[error.code].condition,
      text: error.code === 'GW_ERR_ROUTE_REJECTED' ? (error.detail ?? error.message) : error.message,
      diagnostic: error.code,
      field: FIELD_OF[error.code],
      places: error.places,
    },
    new Date(),
  );
}
