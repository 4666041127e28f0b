// Whether a message is taken at all, by what its listener's config says; and what else its header decides.
// Promises a named error for each that is not, and that nothing is searched here of a message that a worker has read.

import type { MessageView } from '../../routing/message-view.ts';
import type { SenderPolicy } from '../../routing/sender-policy.ts';
import type { ListenerConfig } from '../config/config.ts';
import { GatewayError } from '../errors.ts';
import type { MessageRead } from '../hl7/field-query-plan.ts';
import { findHeader, type Header, readHeader, sendingEnvelopes } from '../hl7/header.ts';
import { holdsFrameEnd, START_BLOCK } from '../mllp/frame.ts';

/** What of a listener's config decides about a message. */
export interface Admission extends Pick<ListenerConfig, 'batch' | 'missingControlId' | 'utf16'> {
  /** Messages that a batch may have to be split. */
  readonly maxBatch: number;
  /** Undefined: every sender may send everything. */
  readonly allowance: SenderPolicy | undefined;
}

/** A body may hold what would end an MLLP frame, and begin another message behind it (F10, F12). */
export function checkFramable(payload: Buffer): void {
  if (payload.includes(START_BLOCK)) throw new GatewayError('GW_ERR_FRAME_START_BLOCK');
  if (holdsFrameEnd(payload)) throw new GatewayError('GW_ERR_FRAME_END_BYTE');
}

/** `fields`: where the message is not to be searched here. */
export function admit(header: Header, admission: Admission, fields: MessageRead | undefined): void {
  if (admission.batch === 'refuse' && (header.batch || hasFurtherHeader(header, fields))) {
    throw new GatewayError('GW_ERR_HEADER_BATCH');
  }
  if (admission.utf16 === 'refuse' && header.utf16 !== undefined)
    throw new GatewayError('GW_ERR_HEADER_UTF16');
  // A batch of nothing but its own header has no MSH-10; FHS-10 and BHS-10 are comments.
  if (admission.missingControlId === 'refuse' && !header.batch && !header.has(10)) {
    throw new GatewayError('GW_ERR_HEADER_CONTROL_ID');
  }
}

function hasFurtherHeader({ bytes, end }: Header, fields: MessageRead | undefined): boolean {
  return fields === undefined ? findHeader(bytes, end - 1) >= 0 : fields.hasFurtherHeader;
}

/**
 * Every message of the frame, and not only the one that it is routed by (F24), and every envelope (F122): each could name
 * another sender.
 */
export function allow(
  view: MessageView & { readonly header: Header },
  allowance: SenderPolicy,
  fields: MessageRead | undefined,
): void {
  let permitted: boolean;
  if (fields === undefined) {
    const { bytes, end } = view.header;
    permitted = allowance.permits(view);
    for (let at = findHeader(bytes, end - 1); permitted && at >= 0; at = findHeader(bytes, at))
      permitted = allowance.permits({ ...view, header: readHeader(bytes.subarray(at)) });
    permitted &&= allEnvelopes(sendingEnvelopes(view.header), view, allowance);
  } else {
    permitted = fields.ofEach.every((one) => allowance.permits({ ...view, fields: one }));
    if (permitted && fields.refusal !== undefined) throw new GatewayError(fields.refusal);
  }
  if (!permitted) throw new GatewayError('GW_ERR_SENDER_NOT_ALLOWED');
}

/** F122: the envelopes of a batch that is split are in none of its messages. */
export function allowEnvelopes(
  view: MessageView,
  allowance: SenderPolicy,
  envelopes: Iterable<Header>,
): void {
  if (!allEnvelopes(envelopes, view, allowance)) throw new GatewayError('GW_ERR_SENDER_NOT_ALLOWED');
}

function allEnvelopes(envelopes: Iterable<Header>, view: MessageView, allowance: SenderPolicy): boolean {
  for (const envelope of envelopes)
    if (!allowance.permits({ ...view, envelope, fields: undefined })) return false;
  return true;
}
