// What a failed message most likely says of its address: the port speaks another protocol. Promises a question, as a port
// that closes may do so for other reasons.
import type { GatewayError } from '../../errors.ts';

type Protocol = 'mllp' | 'mllps' | 'http' | 'https';

/** A sentence's end; only to be asked where nothing has been answered yet. */
export function protocolHint({ code, detail = '', cause }: GatewayError, protocol: Protocol): string {
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
