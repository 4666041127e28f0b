// The `admin` section: where the admin API listens, and who may ask it (F76).
// Promises that what other machines reach has TLS, unless the config says that it shall not.
import { isOwnHost } from '../../addresses.ts';
import type { AdminConfig } from '../config.ts';
import { isText } from '../formats.ts';
import { ADMIN_KEYS } from '../keys/admin.ts';
import { ADMIN_TLS_KEYS } from '../keys/tls.ts';
import type { Section } from '../read/section.ts';
import { readableByOthers } from '../source/files.ts';
import { quoted } from '../source/problem.ts';
import { described, type ReadContext } from '../source/value.ts';
import { buildAdminTls } from './tls/listener-tls.ts';

/** 16 random letters and digits are 95 bits: more than can be tried over a network. */
const SHORTEST_TOKEN = 16;

/** Undefined where the file has no such section. */
export function buildAdmin(top: Section, reading: ReadContext): AdminConfig | undefined {
  const admin = top.section('admin', ADMIN_KEYS);
  if (admin === undefined) return undefined;
  const tls = admin.section('tls', ADMIN_TLS_KEYS);
  const config = { ...admin.values, tls: tls && buildAdminTls(tls, reading) };
  checkToken(admin, config.token);
  checkReach(admin, config);
  return config;
}

function checkReach(admin: Section, { bind, insecure, tap }: AdminConfig): void {
  // A tls section with an error was meant to be there.
  if (admin.has('tls') || isOwnHost(bind.host)) return;
  if (tap)
    admin.error(
      'tap',
      'sends patient data where other machines may read it, so it needs tls, whatever insecure says',
    );
  if (insecure) {
    admin.warn('insecure', 'without tls the token crosses the network as it is, and whoever reads it has it');
    return;
  }
  const [given] = admin.scalars('bind');
  const what = given === undefined ? 'the address' : described(given);
  admin.error(
    'bind',
    `other machines reach ${what}, so the admin API needs tls there (insecure: true does without)`,
  );
}

function checkToken(admin: Section, token: string | undefined): void {
  if (token === undefined) {
    if (!admin.has('token'))
      admin.warn('token', 'there is none, so all but /livez, /readyz and /metrics is answered with 401');
    return;
  }
  if (checkTokenText(admin, token) && token.length < SHORTEST_TOKEN)
    admin.warn('token', `has fewer than ${SHORTEST_TOKEN} characters, so it may be guessed`);
}

/** What any token has to be, this gateway's or another's. Whether it can be one. */
export function checkTokenText(section: Section, token: string): boolean {
  // What is wrong with it has been said.
  if (!isText(token)) return false;
  // RFC 6750 2.1 allows less; what is refused here could not be sent in a header, or not by every client.
  if (!/^[!-~]+$/.test(token)) {
    section.error('token', 'must be printable ASCII without spaces, as it is sent in a header');
    return false;
  }
  const [given] = section.scalars('token');
  if (given?.file !== undefined && readableByOthers(given.file))
    section.warn(
      'token',
      `every user of this machine can read the token in ${quoted(given.file)}; chmod o-r`,
    );
  return true;
}
