// The `admin` section: where the admin API listens, and who may ask it (F76).
// Promises that what other machines reach has TLS, unless the config says that it shall not.
import { isOwnHost } from '../../addresses.ts';
import type { AdminConfig, AdminUser } from '../config.ts';
import { isHost, isText } from '../formats.ts';
import { parsePasswordHash } from '../http/password-hash.ts';
import { ADMIN_KEYS, ADMIN_USER_KEYS } from '../keys/admin.ts';
import { ADMIN_TLS_KEYS } from '../keys/tls.ts';
import { readSection, type Section } from '../read/section.ts';
import { readableByOthers } from '../source/files.ts';
import { quoted } from '../source/problem.ts';
import { described, type ReadContext } from '../source/value.ts';
import { checkName } from './name.ts';
import { buildAdminTls } from './tls/listener-tls.ts';

/** 16 random letters and digits are 95 bits: more than can be tried over a network. */
const SHORTEST_TOKEN = 16;

/** Undefined where the file has no such section. */
export function buildAdmin(top: Section, reading: ReadContext): AdminConfig | undefined {
  const admin = top.section('admin', ADMIN_KEYS);
  if (admin === undefined) return undefined;
  const tls = admin.section('tls', ADMIN_TLS_KEYS);
  const config = {
    ...admin.values,
    tls: tls && buildAdminTls(tls, reading),
    users: readUsers(admin, reading),
    hosts: readHosts(admin, reading),
  };
  checkToken(admin, config);
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

function readUsers(admin: Section, reading: ReadContext): ReadonlyMap<string, AdminUser> {
  const users = new Map<string, AdminUser>();
  const entries = admin.entries('users');
  if (admin.tree('users') !== undefined && entries.length === 0)
    admin.error('users', 'names nobody; leave it out');
  for (const entry of entries) {
    const key = `admin.users.${entry.key}`;
    checkName(entry, key, reading);
    const section = readSection(entry.value, ADMIN_USER_KEYS, { key, place: entry.place }, reading);
    const { role, password = '' } = section.values;
    if (!section.has('password')) section.error('password', 'is missing');
    else if (section.scalars('password').length > 0 && parsePasswordHash(password) === undefined) {
      // What follows its first comma would be read as further keys.
      const form = '$scrypt$ln=14…17,r=8,p=1…4$…';
      section.error(
        'password',
        `must be a hash as "hl7-gateway password" prints it, ${form}, in quotes within { }, not a password`,
      );
    }
    users.set(entry.key, { role, password });
  }
  return users;
}

function readHosts(admin: Section, { problems }: ReadContext): readonly string[] {
  const scalars = admin.scalars('hosts');
  for (const { text, place } of scalars)
    if (!isHost(text))
      problems.error(place, 'admin.hosts', 'must be names of hosts, without a scheme and a port');
  return scalars.map(({ text }) => text.toLowerCase());
}

function checkToken(admin: Section, { token, users }: AdminConfig): void {
  if (token === undefined) {
    if (!admin.has('token') && users.size === 0)
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
