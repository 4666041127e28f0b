// What several commands say to whoever called them.
import { isReadableByOthers } from '../../certs/files/read-bytes.ts';
import { GatewayError } from '../errors.ts';
import type { Terminal } from './terminal.ts';

export function usage(detail: string): GatewayError {
  return new GatewayError('GW_ERR_USAGE', { detail });
}

export function warnIfOpen(file: string, terminal: Terminal): void {
  if (isReadableByOthers(file)) terminal.err(`warning: ${file}: every user of this machine can read it`);
}

export function unusable(detail: string, cause?: unknown): GatewayError {
  return new GatewayError('GW_ERR_TLS_FILE', { detail, cause });
}
