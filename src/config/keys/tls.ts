// The `tls` sections of listeners, nodes, health checks, the admin API and the audit repository, and the form of a p12.
import { type KeyTable, key } from './key.ts';

const TLS_VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;

export const LISTENER_TLS_KEYS = {
  cert: key.required(
    'key-pairs',
    'The certificate with its chain, PEM or PKCS#12',
    'Of several, the server name that the sender asks for picks one; the first is for those who ask for none',
  ),
  key: key.optional(
    'files',
    'The private keys, PEM: one for each PEM certificate, in the order of `cert`; none for a p12',
    'One that every user of the machine can read gives a warning, and so does such a p12',
  ),
  passphrase: key.secret('Of encrypted PEM keys, the same for all; give it as `{ file: … }`'),
  minVersion: key.oneOf(TLS_VERSIONS, '`TLSv1.3` once no sender is older'),
  groups: key.optional(
    'groups',
    "The groups of the key exchange, the best first; without it OpenSSL's own",
    '`X25519MLKEM768`, `X25519`, `P-256`, `P-384`, `X448`, `P-521`, `SecP256r1MLKEM768`, `SecP384r1MLKEM1024`, `ffdhe2048`, `ffdhe3072`, `ffdhe4096`',
    'To leave out [what costs several times as much](tls.md#what-a-group-costs), or what a rule forbids',
  ),
  clientCa: key.optional(
    'files',
    'Whose client certificates are good',
    'Without it no client certificate is asked for',
  ),
  requireClientCert: key.flag(
    false,
    'Refuses senders without a good certificate; otherwise they are taken, without an identity',
    'Needs `clientCa`',
  ),
  crl: key.optional(
    'files',
    'Revocation lists of the client CAs: a certificate in them is not good',
    'Needs `clientCa`',
  ),
  handshakeTimeout: key.duration('10s', 'A handshake that takes longer is given up'),
  // One takes 0.4 ms (EC) to 0.8 ms (RSA 2048, client certificate) of a core, measured with Node.js 26: 200 that arrive
  // together hold up everybody's messages for 0.2 s at most; 10,000 for 8 s, which is about handshakeTimeout.
  maxHandshakes: key.count(
    200,
    [1, 10_000],
    'Handshakes in progress at once; more are refused',
    'A connection that has sent nothing counts among connections only',
    'A handshake takes a core 0.4 ms (EC key) to 0.8 ms (RSA 2048 with client certificates), so 200 that arrive together hold up all messages for 0.2 s at most',
    'Raise it where senders are many and far away',
  ),
} satisfies KeyTable;

export const ADMIN_TLS_KEYS = {
  cert: key.required('key-pairs', 'The certificate with its chain, as for a [listener](#listenersnametls)'),
  key: key.optional('files', 'The private keys, PEM: one for each PEM certificate; none for a p12'),
  passphrase: key.secret('Of encrypted PEM keys; give it as `{ file: … }`'),
  minVersion: key.oneOf(TLS_VERSIONS, '`TLSv1.3` once no client is older'),
  groups: key.optional('groups', 'The groups of the key exchange, as for a [listener](#listenersnametls)'),
  clientCa: key.optional(
    'files',
    'Whose client certificates are good: the log then says who changed something',
    'The token is needed all the same',
  ),
  requireClientCert: key.flag(
    false,
    'Refuses clients without a good certificate, probes and Prometheus as well',
    'Needs `clientCa`',
  ),
  crl: key.optional('files', 'Revocation lists of the client CAs', 'Needs `clientCa`'),
} satisfies KeyTable;

/** Towards those that the gateway connects to. `asked`: when it shows a certificate; `host`: whose name the certificate has. */
function towards(
  peer: 'node' | 'repository' | 'member' | 'server',
  asked: string,
  host: string,
  ...ofMirth: readonly string[]
) {
  return {
    ca: key.optional(
      'files',
      `Who may have signed the ${peer}'s certificate, PEM`,
      "Without it: the system's own roots",
      ...ofMirth,
    ),
    cert: key.optional(
      'key-pair',
      `The gateway's own certificate with its chain, ${asked}`,
      'In PEM it needs `key`',
    ),
    key: key.optional('file', 'Its private key, PEM; none for a p12'),
    passphrase: key.secret('Of the key, where that is encrypted; give it as `{ file: … }`'),
    servername: key.optional('host', `The name in the ${peer}'s certificate, where it is not ${host}`),
    minVersion: key.oneOf(TLS_VERSIONS, `\`TLSv1.3\` once no ${peer} is older`),
    crl: key.optional('files', 'Revocation lists of the CAs in `ca`'),
    pin: key.optional(
      'fingerprints',
      `The ${peer}'s certificate must be one of these, besides all other checks`,
      `Name the next one before the ${peer} gets it`,
    ),
    insecure: key.flag(
      false,
      `Checks nothing of the ${peer}'s certificate but \`pin\`; without \`pin\` anyone may pose as the ${peer}`,
      'Gives a warning',
    ),
  } satisfies KeyTable;
}

const OWN_ROOT =
  'Mirth signs its own until it is given another: name that one as `ca`, or take `insecure` with `pin`';

export const NODE_TLS_KEYS = towards('node', 'for nodes that ask for one', 'the host of `url`', OWN_ROOT);
export const HEALTH_TLS_KEYS = towards(
  'node',
  'where it is asked for one',
  'the host that is asked',
  OWN_ROOT,
);
export const CLUSTER_TLS_KEYS = towards('member', 'where it is asked for one', 'the host of `admin`');
export const NATS_TLS_KEYS = towards('server', 'where it asks for one', 'the host in `servers`');
export const AUDIT_TLS_KEYS = towards(
  'repository',
  'as most repositories ask for one',
  'the host of `address`',
);

export const P12_KEYS = {
  p12: key.required('file', 'The PKCS#12 file'),
  passphrase: key.secret('Its passphrase; give it as `{ file: … }`'),
} satisfies KeyTable;
