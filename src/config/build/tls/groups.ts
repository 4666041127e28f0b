// The groups of a listener's key exchange (`groups`), in the order in which it prefers them.
// Promises that none is weaker than 112 bits, and that a listener which senders of TLS 1.2 cannot use is warned about.
import type { Section } from '../../read/section.ts';
import { suggestion } from '../../source/closest.ts';
import type { ReadContext } from '../../source/value.ts';

/** What TLS 1.2 has too (RFC 8422 5.1.1), as RFC 9325 4.2.1 and 4.5 have them. */
const CURVES = ['X25519', 'P-256', 'P-384', 'X448', 'P-521'];
/** Of TLS 1.3 alone: hybrids with ML-KEM, and the finite fields of RFC 7919, whose ciphers of TLS 1.2 are not offered. */
const OF_TLS_1_3 = [
  ...['X25519MLKEM768', 'SecP256r1MLKEM768', 'SecP384r1MLKEM1024'],
  ...['ffdhe2048', 'ffdhe3072', 'ffdhe4096'],
];
export const GROUPS: readonly string[] = [...CURVES, ...OF_TLS_1_3];

export function readGroups(tls: Section, minVersion: string, { problems }: ReadContext): readonly string[] {
  const scalars = tls.scalars('groups');
  // OpenSSL would take an empty list for its own.
  if (tls.tree('groups') !== undefined && scalars.length === 0)
    tls.error('groups', 'needs at least one group');
  const groups: string[] = [];
  for (const { text, place } of scalars) {
    if (GROUPS.includes(text)) groups.push(text);
    else
      problems.error(
        place,
        `${tls.key}.groups`,
        `must be one of ${GROUPS.join(', ')}${suggestion(text, GROUPS)}`,
      );
  }
  const isOld = minVersion === 'TLSv1.2';
  if (isOld && groups.length > 0 && !groups.some((group) => CURVES.includes(group)))
    tls.warn(
      'groups',
      `TLS 1.2 has none of these: only senders of TLS 1.3 can connect (${CURVES[0]} is for both)`,
    );
  return groups;
}
