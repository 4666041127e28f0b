// Why an address could not be listened on: one line that says what is wrong and what to do (F78).
import { causeCode, GatewayError } from './errors.ts';

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use; stop what holds it or choose another',
  EACCES: 'not permitted; a port below 1024 needs the capability CAP_NET_BIND_SERVICE',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'there is no host of that name',
};

/** `what`: who wanted to listen, in words that an address can follow. */
export function listenError(what: string, host: string, port: number, cause: unknown): GatewayError {
  const code = causeCode(cause);
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return new GatewayError('GW_ERR_LISTEN', { detail: `${what} ${address}: ${REASONS[code] ?? code}`, cause });
}
