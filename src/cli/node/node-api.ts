// `node --api …`: the REST API of a simulated Mirth server beside its channel's port, by the command's options.
import { readPassphrase } from '../../../certs/files/read-bytes.ts';
import { parseBind } from '../../config/formats.ts';
import { quoted } from '../../config/source/problem.ts';
import { MAX_CHANNELS, MirthState, OK, type Phase } from '../../tools/simulation/api/mirth-state.ts';
import { type ApiUser, FIRST_USER, RestApi } from '../../tools/simulation/api/rest-api.ts';
import { SimulatedApi } from '../../tools/simulation/api/simulated-api.ts';
import type { Terminal } from '../terminal.ts';
import { usage, warnIfOpen } from '../usage.ts';
import { tlsOf } from './node-tls.ts';

export interface NodeApiOptions {
  readonly api?: string | undefined;
  readonly apiCert?: string | undefined;
  readonly apiKey?: string | undefined;
  readonly apiStatus?: readonly Phase[] | undefined;
  readonly apiChannel?: readonly (readonly [name: string, state: string])[] | undefined;
  readonly apiUser?: string | undefined;
  readonly apiPasswordFile?: string | undefined;
  readonly keepOpen?: boolean | undefined;
  readonly loginCost?: number | undefined;
  readonly apiDelay?: number | undefined;
}

export interface NodeApi {
  readonly api: SimulatedApi;
  readonly state: MirthState;
  /** Once it is started. */
  readonly url: () => string;
  readonly throwAway: string | undefined;
}

/** The channel that there is where none is named. */
const ONLY_CHANNEL = ['Channel', 'STARTED'] as const;

/** Undefined: without --api. @throws GatewayError GW_ERR_USAGE, GW_ERR_TLS_FILE, GW_ERR_FILE */
export function nodeApi(options: NodeApiOptions, terminal: Terminal): NodeApi | undefined {
  const { api: place, apiCert, apiKey, apiStatus, apiChannel, apiUser, apiPasswordFile, keepOpen } = options;
  const { loginCost, apiDelay: delayMs } = options;
  if (place === undefined) {
    const files = [apiCert, apiKey, apiPasswordFile];
    const others = [...files, apiStatus, apiChannel, apiUser, keepOpen, delayMs];
    if (others.some((one) => one !== undefined)) throw usage('--api-… and --keep-open need --api');
    if (loginCost !== undefined) throw usage('--login-cost needs --api');
    return undefined;
  }
  const [, protocol = '', address = ''] = /^(https?):\/\/([^/]+)\/?$/.exec(place) ?? [];
  const bind = parseBind(address);
  if (bind === undefined)
    throw usage(`--api takes https://HOST:PORT or http://HOST:PORT, not ${quoted(place)}`);
  if ((apiCert === undefined) !== (apiKey === undefined)) throw usage('--api-cert and --api-key go together');
  if (apiCert !== undefined && protocol === 'http') throw usage('--api-cert needs --api https://…');
  const files = apiCert === undefined || apiKey === undefined ? undefined : { cert: apiCert, key: apiKey };
  const secured = protocol === 'https' ? tlsOf(bind.host, files) : undefined;
  const channels = apiChannel ?? [ONLY_CHANNEL];
  if (channels.length > MAX_CHANNELS) throw usage(`--api-channel: at most ${MAX_CHANNELS}`);
  const phases = apiStatus ?? [{ status: OK, forMs: undefined }];
  const state = new MirthState({ phases, channels, delayMs });
  const user = userOf(options, terminal);
  const rest = new RestApi(state, () => user, secured !== undefined, loginCost);
  const api = new SimulatedApi({ ...bind, tls: secured?.options }, rest);
  const host = bind.host.includes(':') ? `[${bind.host}]` : bind.host;
  return { api, state, url: () => `${protocol}://${host}:${api.port}`, throwAway: secured?.throwAway };
}

function userOf({ apiUser, apiPasswordFile }: NodeApiOptions, terminal: Terminal): ApiUser {
  if (apiUser === undefined && apiPasswordFile === undefined) return FIRST_USER;
  if (apiUser === undefined || apiPasswordFile === undefined)
    throw usage('--api-user and --api-password-file go together');
  // RFC 7617 2: the first colon ends the name, and neither has control characters.
  if (/[:\p{Cc}]/u.test(apiUser)) throw usage('--api-user takes a name without a colon');
  warnIfOpen(apiPasswordFile, terminal);
  return { user: apiUser, password: readPassphrase(apiPasswordFile) };
}
