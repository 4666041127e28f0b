// The live store: what is loaded, what is kept and why, and what failed being tried again; files replaced by the test.
import { X509Certificate } from 'node:crypto';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ServerTls } from '../../certs/server-tls.ts';
import { CertificateStore, type StoreWatcher } from '../../certs/store.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';

/** Between two looks at the files. */
const LOOK_MS = 2_000;

let folder: TlsFolder;
let store: CertificateStore;
let events: string[];
beforeEach(() => {
  vi.useFakeTimers();
  folder = createTlsFolder();
  events = [];
  const watcher: StoreWatcher = {
    onLoaded: (where) => void events.push(`${where} loaded`),
    onKept: (where, { detail = '' }) =>
      void events.push(`${where} kept: ${detail.replaceAll(`${folder.path}/`, '')}`),
    onExpiry: () => {},
  };
  store = new CertificateStore(watcher);
  for (const name of ['one', 'two']) store.add(name, serverTls(name));
  store.start({ watchFiles: true });
});
afterEach(() => {
  store.stop();
  vi.useRealTimers();
  folder[Symbol.dispose]();
});

const fingerprints = (): string[] => store.certificates.map(({ fingerprint }) => fingerprint);
const looks = (count: number): void => void vi.advanceTimersByTime(count * LOOK_MS);
const since = (): string[] => events.splice(0);

function serverTls(name: string): ServerTls {
  const { cert, key } = folder.writePair(name, folder.issue({ commonName: name }));
  return new ServerTls({
    keyPairs: [{ kind: 'pem', certFile: cert, keyFile: key, passphrase: undefined }],
    minVersion: 'TLSv1.2',
    groups: [],
    clientCaFiles: [],
    requireClientCert: false,
    crlFiles: [],
    handshakeTimeoutMs: 1000,
    maxHandshakes: 1,
  });
}

test('a good pair is taken up after it has settled, without being told', () => {
  const before = fingerprints();
  folder.writePair('one', folder.issue({ commonName: 'one' }));
  looks(1);
  expect(fingerprints()).toEqual(before);
  looks(1);
  expect(since()).toEqual(['one loaded', 'two loaded']);
  expect(fingerprints()[0]).not.toBe(before[0]);
  expect(fingerprints()[1]).toBe(before[1]);
});

test.each<[what: string, replace: () => void, why: string]>([
  [
    'the key of another',
    () => folder.write('one.key.pem', folder.pems.client.keyPem),
    'one.key.pem: the key does not belong to the certificate in one.crt.pem',
  ],
  ['rubbish', () => folder.write('one.crt.pem', 'rubbish'), 'one.crt.pem: neither PEM nor DER nor PKCS#12'],
  ['an empty file', () => folder.write('one.crt.pem', ''), 'one.crt.pem: empty'],
])(
  '%s: the old one stays, the reason is said once, the other is loaded; the next good one is taken',
  (_, replace, why) => {
    const before = fingerprints();
    replace();
    looks(2);
    expect(since()).toEqual([`one kept: ${why}`, 'two loaded']);
    // It is tried again and again, and not spoken of.
    looks(5);
    expect(since()).toEqual([]);
    expect(fingerprints()).toEqual(before);
    folder.writePair('one', folder.issue({ commonName: 'one' }));
    looks(3);
    expect(since()).toEqual(['one loaded', 'two loaded']);
    expect(fingerprints()[0]).not.toBe(before[0]);
  },
);

test('a pair of which half was there when a reload was asked for: healed by the next looks', () => {
  const next = folder.issue({ commonName: 'one' });
  folder.write('one.crt.pem', next.certPem);
  expect(store.reload()).toBe(false);
  expect(since()).toEqual([
    'one kept: one.key.pem: the key does not belong to the certificate in one.crt.pem',
    'two loaded',
  ]);
  folder.write('one.key.pem', next.keyPem);
  looks(2);
  expect(since()).toContain('one loaded');
  expect(fingerprints()[0]).toBe(new X509Certificate(next.certPem).fingerprint256);
});

test('what failed for a reason beside the files is tried again by itself, and alone', () => {
  const add = { files: [], certificates: [], reload: vi.fn() };
  store.add('three', add);
  add.reload.mockImplementationOnce(() => {
    throw new Error('no file descriptors left');
  });
  expect(store.reload()).toBe(false);
  expect(since()).toEqual(['one loaded', 'two loaded', 'three kept: ']);
  looks(1);
  expect(since()).toEqual(['three loaded']);
  looks(3);
  expect(since()).toEqual([]);
  expect(add.reload).toHaveBeenCalledTimes(2);
});

test('another reason is said; the same one again only when a reload was asked for', () => {
  folder.write('one.crt.pem', 'rubbish');
  expect(store.reload()).toBe(false);
  expect(store.reload()).toBe(false);
  const why = 'one kept: one.crt.pem: neither PEM nor DER nor PKCS#12';
  expect(since()).toEqual([why, 'two loaded', why, 'two loaded']);
  looks(2);
  expect(since()).toEqual([why, 'two loaded']);
  folder.write('one.crt.pem', '');
  looks(2);
  expect(since()).toEqual(['one kept: one.crt.pem: empty', 'two loaded']);
});

test('not watched, or stopped: only when asked', () => {
  store.stop();
  folder.writePair('one', folder.issue({ commonName: 'one' }));
  looks(5);
  expect(since()).toEqual([]);
  store.start({ watchFiles: false });
  looks(5);
  expect(since()).toEqual([]);
  expect(store.reload()).toBe(true);
  expect(since()).toEqual(['one loaded', 'two loaded']);
});
