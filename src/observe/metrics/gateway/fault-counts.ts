// Counts what senders did that never became a message: frames that were refused, connections that were, handshakes that
// failed. By error code; who it was stands in the log.
import { ERRORS, type ErrorCode, type GatewayError } from '../../../errors.ts';
import { counted, type Family, numbers } from '../family.ts';
import { SeriesTable } from '../series-table.ts';
import type { Present } from './message-counts.ts';

/** Why a connection is closed before its first message. */
const REFUSALS: ReadonlySet<string> = new Set<ErrorCode>([
  'GW_ERR_SENDER_LIMIT',
  'GW_ERR_SENDER_HANDSHAKES',
  'GW_ERR_SENDER_PROXY',
  'GW_ERR_SENDER_TLS',
]);

type HandshakeFailure = 'certificate' | 'protocol' | 'timeout' | 'other';

export class FaultCounts {
  /** Each from the beginning, so that the first of a kind is an increase. */
  readonly #frames: Record<string, number> = Object.fromEntries(
    Object.keys(ERRORS)
      .filter((code) => code.startsWith('GW_ERR_FRAME_'))
      .map((code) => [code, 0]),
  );
  /** By listener and code. */
  readonly #faults = new SeriesTable(() => ({ count: 0 }));
  readonly #handshakes = new SeriesTable(() => ({ certificate: 0, protocol: 0, timeout: 0, other: 0 }));

  add(listener: string, { code, detail }: GatewayError): void {
    this.#faults.of(listener, code).count++;
    const frames = this.#frames[code];
    if (frames !== undefined) this.#frames[code] = frames + 1;
    if (code === 'GW_ERR_SENDER_TLS') this.#handshakes.of(listener)[failureOf(detail ?? '')]++;
  }

  families(present: Present): readonly Family[] {
    const isThere = ([listener]: readonly string[]): boolean => present.listener(listener ?? '');
    this.#faults.prune(isThere);
    this.#handshakes.prune(isThere);
    const faults = this.#faults.all.map(({ names: [listener, code], cell }) => ({
      listener,
      code,
      value: cell.count,
    }));
    return [
      numbers(
        'hl7_gateway_sender_faults_total',
        faults.map(({ listener, code, value }) => ({ labels: { listener, code }, value })),
      ),
      counted('hl7_gateway_frames_rejected_total', 'reason', this.#frames),
      numbers(
        'hl7_gateway_connections_refused_total',
        faults
          .filter(({ code }) => REFUSALS.has(code))
          .map(({ listener, code, value }) => ({ labels: { listener, reason: code }, value })),
      ),
      numbers(
        'hl7_gateway_tls_handshake_failures_total',
        this.#handshakes.all.flatMap(({ names: [listener], cell }) =>
          Object.entries(cell).map(([reason, value]) => ({ labels: { listener, reason }, value })),
        ),
      ),
    ];
  }
}

/** Codes of Node.js and OpenSSL, of which there are hundreds, and a client picks which. */
function failureOf(code: string): HandshakeFailure {
  if (code === 'ERR_TLS_HANDSHAKE_TIMEOUT') return 'timeout';
  // X509_V_ERR_… without its prefix, and alerts that are about a certificate (RFC 8446 6.2).
  if (/CERT|CRL|SIGNATURE|SIGNED|ISSUER|UNKNOWN_CA|INVALID_CA|CHAIN|PURPOSE|DEPTH/.test(code))
    return 'certificate';
  return /^ERR_(SSL|TLS|OSSL)_|^EPROTO$/.test(code) ? 'protocol' : 'other';
}
