// The files that `init` makes beside the config: an authority and a certificate, what Mirths have shown, a token, a folder for state.
// Promises that nobody but who is meant to may read what is secret.
import { chmodSync, chownSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { createAuthority } from '../../../certs/authority.ts';
import type { NewFile } from '../../../certs/files/new-files.ts';
import { isHost } from '../../config/formats.ts';
import { hashPassword } from '../../config/http/password.ts';
import { printable } from '../../config/source/problem.ts';
import { causeCode, GatewayError } from '../../errors.ts';
import { randomBytes } from '../../platform/random.ts';
import { namesOf } from '../certs/certs-folder.ts';
import { AUTHORITY_DAYS } from '../defaults.ts';
import type { MadeFiles } from './config-text.ts';
import type { Probed } from './probe.ts';
import type { Wishes } from './wishes.ts';

/**
 * Root makes them for a service that runs as another user. Where the folder is of that user's group, as that of the package is, so
 * are they: it may read what is secret, and others may not.
 */
export function giveToGroup(folder: string, files: readonly NewFile[], madeState: string | undefined): void {
  const { gid } = statSync(folder);
  if (process.getuid?.() !== 0 || gid === 0) return;
  for (const { path, secret } of files) {
    chownSync(path, 0, gid);
    // The authority's key is for who issues certificates, not for the service.
    if (secret && basename(path) !== 'ca.key.pem') chmodSync(path, 0o640);
    // Folders on the way, such as `certs`, are new as well.
    if (dirname(path) !== folder) chownSync(dirname(path), 0, gid);
  }
  if (madeState === undefined) return;
  chownSync(madeState, 0, gid);
  chmodSync(madeState, 0o770);
}

/** Returns what has been made; undefined: it was there, or is not wanted. */
export function makeState(state: string | undefined): string | undefined {
  if (state === undefined) return undefined;
  try {
    return mkdirSync(state, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new GatewayError('GW_ERR_FILE', { detail: `${printable(state)}: ${causeCode(cause)}`, cause });
  }
}

export async function makeFiles(
  wishes: Wishes,
  probes: readonly Probed[],
  { apiPort }: { readonly apiPort: number },
  folder: string,
): Promise<{ readonly files: readonly NewFile[]; readonly names: MadeFiles }> {
  const files: NewFile[] = [];
  const add = (name: string, content: string, secret: boolean): string => {
    files.push({ path: join(folder, name), content, secret });
    return name;
  };
  const token = add('admin.token', `${Buffer.from(randomBytes(32)).toString('base64url')}\n`, true);
  const shown = probes.flatMap(({ mllpCertificate, apiCertificate }) => [mllpCertificate, apiCertificate]);
  const pems = [...new Set(shown.flatMap((one) => (one === undefined ? [] : [one.pem])))];
  const mirths = pems.length === 0 ? undefined : add('certs/mirths.crt.pem', pems.join(''), false);
  const fromHere = (file: string): string => relative(folder, resolve(file)) || basename(file);
  let [cert, key] = [wishes.cert, wishes.key].map((file) => file && fromHere(file));
  if (wishes.tls === 'own-ca') {
    const authority = createAuthority({ commonName: 'hl7-gateway', days: AUTHORITY_DAYS });
    const [first = 'localhost'] = wishes.names;
    const ip = wishes.names.filter((name) => !isHost(name) || /^[\d.]+$/.test(name));
    const dns = wishes.names.filter((name) => !ip.includes(name));
    const issued = authority.issue({
      commonName: first,
      ...namesOf({ dns, ip }, first, true),
      usage: 'server',
    });
    add('certs/ca.crt.pem', authority.certPem, false);
    add('certs/ca.key.pem', authority.keyPem, true);
    cert = add('certs/vip.crt.pem', issued.certPem, false);
    key = add('certs/vip.key.pem', issued.keyPem, true);
  }
  const state = wishes.state === undefined ? undefined : join(fromHere(wishes.state), 'gateway.json');
  const hash = wishes.user && (await hashPassword(wishes.user.password));
  const names = { cert, key, mirths, token, state, schema: schemaFile(), apiPort, hash };
  return { files, names };
}

/** Beside `src` in a checkout, above `dist` in a package. */
function schemaFile(): string | undefined {
  return ['../schema', '../../schema', '../../../schema']
    .map((up) => resolve(import.meta.dirname, up, 'gateway.schema.json'))
    .find((file) => existsSync(file));
}
