// Where a message would go, asked through the admin API. Promises that what is pasted is neither kept nor logged, and that an answer
// has nothing of it but the identifiers of its header, as they are shown.
import { isIP } from 'node:net';
import type { GatewayConfig } from '../../config/config.ts';
import { suggestion } from '../../config/source/closest.ts';
import { asGatewayError, GatewayError } from '../../errors.ts';
import { readHeader } from '../../hl7/header.ts';
import type { Identifiers } from '../../observe/traces/identifiers.ts';
import { explainer, unitsAt } from '../../relay/explain.ts';
import type { ExplainedMessage, ExplainRequest } from '../control.ts';

/** Of a batch that is split, times listeners. */
const MOST = 200;

/** @throws GatewayError GW_ERR_ADMIN_REQUEST where it is no message; GW_ERR_ADMIN_NOT_FOUND for a listener */
export function explained(
  config: GatewayConfig,
  shown: Identifiers,
  { message, listener, source, path, host }: ExplainRequest,
): readonly ExplainedMessage[] {
  const listeners = config.listeners.filter(
    ({ name, protocol }) => protocol !== 'tcp' && (listener === undefined || name === listener),
  );
  if (listener !== undefined && listeners.length === 0) {
    const names = config.listeners.filter(({ protocol }) => protocol !== 'tcp').map(({ name }) => name);
    throw new GatewayError('GW_ERR_ADMIN_NOT_FOUND', {
      detail: `no listener of that name takes messages${suggestion(listener, names)}`,
    });
  }
  if (isIP(source) === 0)
    throw new GatewayError('GW_ERR_ADMIN_REQUEST', { detail: 'source is an IP address, as 10.1.0.7' });
  const bytes = withCarriageReturns(message);
  try {
    readHeader(bytes);
    const explain = explainer(config, { source, path, host });
    const all = listeners.flatMap((one) =>
      unitsAt(one, bytes).map((unit) => {
        const { file: _, ...rest } = explain('', unit, one);
        return { ...rest, controlId: shown.controlId(readHeader(unit).controlId) };
      }),
    );
    return all.slice(0, MOST);
  } catch (thrown) {
    const { code } = asGatewayError(thrown);
    // Its detail may say what stands in the message.
    if (code.startsWith('GW_ERR_HEADER_') || code === 'GW_ERR_BATCH_SPLIT' || code === 'GW_ERR_HTTP_REQUEST')
      throw new GatewayError('GW_ERR_ADMIN_REQUEST', { detail: `it cannot be read: ${code}` });
    throw thrown;
  }
}

/** What is pasted has the line ends of its editor; segments end with CR (v2.9.1 2.6). The framing of MLLP is left out. */
function withCarriageReturns(message: Buffer): Buffer {
  const text = message.toString('latin1').replace(/^\s*\x0b?/, '');
  return Buffer.from(text.replace(/\x1c\r?\n?$/, '').replace(/\r?\n/g, '\r'), 'latin1');
}
