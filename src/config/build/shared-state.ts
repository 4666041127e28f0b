// `cluster.state`: where members share what operators decide and which sender has which node. Promises that no error repeats a secret.
import type { SharedStateConfig } from '../config.ts';
import { CLUSTER_STATE_KEYS, NATS_KEYS } from '../keys/cluster.ts';
import { NATS_TLS_KEYS } from '../keys/tls.ts';
import type { Section } from '../read/section.ts';
import { quoted } from '../source/problem.ts';
import type { ReadContext } from '../source/value.ts';
import { buildNodeTls } from './tls/node-tls.ts';

/** Undefined where the file has no such section. */
export function buildSharedState(cluster: Section, reading: ReadContext): SharedStateConfig | undefined {
  const state = cluster.section('state', CLUSTER_STATE_KEYS);
  if (state === undefined) return undefined;
  const nats = state.section('nats', NATS_KEYS);
  if (nats === undefined) {
    state.error('nats', 'is missing: there is nothing else by which members share something');
    return undefined;
  }
  const tls = nats.section('tls', NATS_TLS_KEYS);
  const { bucket, credentials, user, password } = nats.values;
  if (!/^[-\w]{1,64}$/.test(bucket)) nats.error('bucket', 'must be 1 to 64 letters, digits, "_" and "-"');
  if (credentials !== undefined && !isCreds(credentials))
    nats.error('credentials', 'is no .creds file of NATS: it needs a JWT and an NKEY SEED');
  for (const one of ['user', 'password'] as const) {
    if (!nats.has(one)) continue;
    if (nats.has('credentials')) nats.error(one, 'and credentials cannot both be given');
    else if ((one === 'user' ? password : user) === undefined)
      nats.error(one, `needs ${one === 'user' ? 'password' : 'user'} as well`);
  }
  if (tls?.values.insecure === true && tls.has('pin'))
    tls.error('insecure', 'and pin cannot both be given here: name the certificate as ca');
  const servers = serversOf(nats, tls !== undefined);
  if (tls === undefined && (nats.has('credentials') || nats.has('password')) && servers.some(isPlain))
    nats.warn('servers', 'without tls credentials and what is shared cross the network as they are');
  return { ...nats.values, servers, tls: tls && buildNodeTls(tls, reading) };
}

function serversOf(nats: Section, hasTls: boolean): readonly string[] {
  const given = nats.scalars('servers');
  if (nats.tree('servers') !== undefined && given.length === 0)
    nats.error('servers', 'needs at least one URL');
  return given.flatMap(({ text }) => {
    const form = 'must be URLs as nats://host:port or tls://host:port, without a password';
    if (!/^(nats|tls):\/\/[^/?#\s@]+$/.test(text) || !URL.canParse(text)) {
      // A password may stand in it.
      nats.error('servers', text.includes('@') ? form : `${form}, not ${quoted(text)}`);
      return [];
    }
    if (text.startsWith('tls:') && !hasTls)
      nats.error('servers', "a tls:// URL needs tls: with the system's own roots, `tls: {}`");
    return [text];
  });
}

function isPlain(server: string): boolean {
  return server.startsWith('nats:') && !/^nats:\/\/(127\.|localhost|\[::1\])/.test(server);
}

function isCreds(text: string): boolean {
  return /-----BEGIN NATS USER JWT-----/.test(text) && /-----BEGIN USER NKEY SEED-----/.test(text);
}
