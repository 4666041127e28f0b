// Certificates with their keys, as a `tls` section names them: PEM files, or PKCS#12 files that hold both.
// Promises a key for each PEM certificate, in order, and none that belongs to nothing; the contents are read at start.
import type { KeyPairFiles } from '../../config.ts';
import { isFile } from '../../formats.ts';
import { P12_KEYS } from '../../keys/tls.ts';
import { readSection, type Section } from '../../read/section.ts';
import { namedFiles } from '../../source/named-files.ts';
import { type ReadContext, scalarOf, standsForScalar, type Tree } from '../../source/value.ts';

type Certificate = { readonly kind: 'pem'; readonly file: string } | Extract<KeyPairFiles, { kind: 'p12' }>;

/** Of `cert` and `key` of the section. `passphrase`: of PEM keys. */
export function readKeyPairs(
  tls: Section,
  passphrase: string | undefined,
  reading: ReadContext,
): readonly KeyPairFiles[] {
  const tree = tls.tree('cert');
  const key = `${tls.key}.cert`;
  const certificates =
    tree?.kind === 'list'
      ? tree.items.map((item, index) => readCertificate(item, `${key}[${index}]`, reading))
      : tree === undefined
        ? []
        : [readCertificate(tree, key, reading)];
  const keyFiles = namedFiles(tls.scalars('key'), `${tls.key}.key`, reading, 'the private key');
  // Where there is no usable `cert`, that is the one thing to say.
  if (tree !== undefined) checkCounts(tls, certificates, keyFiles.length);
  const keys = keyFiles.values();
  return certificates.map((one) => {
    if (one.kind === 'p12') return one;
    return { kind: 'pem', certFile: one.file, keyFile: keys.next().value ?? '', passphrase };
  });
}

function readCertificate(tree: Tree, key: string, reading: ReadContext): Certificate {
  if (tree.kind === 'map' && !standsForScalar(tree)) {
    const section = readSection(tree, P12_KEYS, { key, place: tree.place }, reading);
    const [file = ''] = namedFiles(section.scalars('p12'), `${key}.p12`, reading, 'the private key in');
    return { kind: 'p12', file, passphrase: section.values.passphrase };
  }
  const scalar = scalarOf(tree, key, reading);
  if (scalar !== undefined && !isFile(scalar.text)) {
    // What `{ file: … }` holds is a path, and not the certificate; its text may be anything, so it is not repeated.
    reading.problems.error(scalar.place, key, 'must be the path of a file or { p12: … }');
    return { kind: 'pem', file: '' };
  }
  const [file = ''] = namedFiles(scalar === undefined ? [] : [scalar], key, reading);
  return { kind: 'pem', file };
}

function checkCounts(tls: Section, certificates: readonly Certificate[], keys: number): void {
  const pem = certificates.filter(({ kind }) => kind === 'pem').length;
  const p12 = certificates.length - pem;
  if (certificates.length === 0) tls.error('cert', 'needs at least one certificate');
  else if (pem === 0) {
    if (tls.has('key')) tls.error('key', 'a p12 holds its own key, so there is none to name here');
    if (tls.has('passphrase')) {
      tls.error('passphrase', "is for PEM keys; a p12's stands beside it: { p12: …, passphrase: … }");
    }
  } else if (!tls.has('key')) tls.error('cert', 'needs key as well');
  else if (tls.scalars('key').length > 0 && keys !== pem) {
    const besides = p12 === 0 ? '' : ' besides p12';
    tls.error('key', `has ${keys} files where cert has ${pem}${besides}; each certificate needs its key`);
  }
}
