// The commented gateway.yaml that `init` writes. Promises that `check` takes it, which `init` tries before it keeps it.
import type { Probed, Shown } from './probe.ts';
import type { WantedMirth, Wishes } from './wishes.ts';

/** Of Mirth's web server, unless somebody changes it. */
const MIRTH_API_PORT = 8443;

export interface MadeFiles {
  /** Of the listeners; undefined: without TLS. */
  readonly cert: string | undefined;
  readonly key: string | undefined;
  /** Certificates that Mirths have shown; undefined: none was. */
  readonly mirths: string | undefined;
  readonly token: string;
  readonly state: string | undefined;
  readonly schema: string | undefined;
  /** Where Mirths have their API. */
  readonly apiPort: number;
  /** Of the user's password. */
  readonly hash: string | undefined;
}

export function initText(
  wishes: Wishes,
  probes: readonly Probed[],
  files: MadeFiles,
  version: string,
): string {
  const schema = files.schema === undefined ? [] : [`# yaml-language-server: $schema=${files.schema}`];
  return [
    ...schema,
    `# Made by hl7-gateway init ${version}. Every key: docs/configuration.md. After a change: hl7-gateway check -c FILE,`,
    '# then hl7-gateway reload -c FILE. Relative paths start at the folder of this file.',
    '',
    ...listenersPart(wishes, files),
    '',
    ...poolPart(wishes, probes, files),
    '',
    '# The first route that matches is taken; conditions look at any field: { when: { MSH-9.1: ORU }, to: … }.',
    'routes:',
    '  - { name: all, to: mirth }',
    '',
    '# A new version takes over without a gap.',
    'hotRestart: true',
    '',
    ...statePart(files),
    ...adminPart(wishes, files),
  ].join('\n');
}

function listenersPart({ listeners, tls }: Wishes, { cert, key }: MadeFiles): string[] {
  const secured =
    cert === undefined || key === undefined
      ? ['    # tls: { cert: vip.crt.pem, key: vip.key.pem }   # MLLPS: hl7-gateway certs makes certificates']
      : [
          '    tls:',
          `      cert: ${quote(cert)}`,
          `      key: ${quote(key)}`,
          ...(tls === 'own-ca'
            ? [
                '      # Senders trust ca.crt.pem beside it. To know senders by certificates of their own',
                '      # (hl7-gateway certs issue NAME --dir certs --usage client):',
                `      # clientCa: ${cert.replace(/vip(\.crt\.pem)$/, 'ca$1')}`,
                '      # requireClientCert: true',
              ]
            : []),
        ];
  return [
    '# Where senders connect.',
    'listeners:',
    ...listeners.flatMap(({ name, bind }) => [`  ${quote(name)}:`, `    bind: ${quote(bind)}`, ...secured]),
  ];
}

/** `a` to `z`, then `n27`. */
function nodeName(index: number): string {
  return index < 26 ? String.fromCharCode(97 + index) : `n${index + 1}`;
}

function poolPart({ mirths }: Wishes, probes: readonly Probed[], files: MadeFiles): string[] {
  const nodes = mirths.flatMap((mirth, index) => nodeLines(mirth, index, probes[index], files));
  return [
    '# The Mirths, each of which can stand in for the others.',
    'pools:',
    '  mirth:',
    '    nodes:',
    ...nodes,
    '    # What one application of one facility sends stays on one Mirth, in order, while that is well.',
    '    persistence: { by: [MSH-3, MSH-4] }',
    ...healthLines(mirths, probes, files),
  ];
}

function nodeLines(
  mirth: WantedMirth,
  index: number,
  probed: Probed | undefined,
  { mirths }: MadeFiles,
): string[] {
  const trouble = probed?.mllpTrouble;
  const note = trouble === undefined ? [] : [`      # When this was written it was not reached: ${trouble}.`];
  const tls = probed?.mllpCertificate && tlsText([probed.mllpCertificate], mirths);
  const unknown =
    mirth.isTls && tls === undefined
      ? [
          '      # Its certificate is not known: hl7-gateway certs fetch shows it, and what to write here as tls.',
        ]
      : [];
  const secured = tls === undefined ? '' : `, tls: ${tls}`;
  return [...note, ...unknown, `      ${nodeName(index)}: { url: ${quote(mirth.url)}${secured} }`];
}

function healthLines(
  mirths: readonly WantedMirth[],
  probes: readonly Probed[],
  { mirths: file, apiPort }: MadeFiles,
): string[] {
  const shown = probes.flatMap(({ apiTrouble, apiCertificate }) =>
    apiTrouble === undefined && apiCertificate !== undefined ? [apiCertificate] : [],
  );
  if (mirths.length === 0 || shown.length < mirths.length)
    return [
      '    # Each is connected to every 5 s. Where its REST API can be reached, `type: mirth` knows more.',
      '    health: { type: tcp }',
    ];
  const url = apiPort === MIRTH_API_PORT ? '' : ` url: "https://{host}:${apiPort}",`;
  return [
    "    # Each Mirth's REST API is asked whether the server is up; with user, password and channel whether a channel is.",
    `    health: { type: mirth,${url} tls: ${tlsText(shown, file)} }`,
  ];
}

/** By their issuer, name and pin where one name fits all; by the pins alone where none does. */
function tlsText(shown: readonly Shown[], file: string | undefined): string {
  const pins = [...new Set(shown.map(({ pin }) => quote(pin)))].join(', ');
  const names = new Set(shown.map(({ name }) => name));
  const [name] = names;
  if (file === undefined || names.size > 1 || name === undefined) return `{ insecure: true, pin: [${pins}] }`;
  return `{ ca: ${quote(file)},${name === null ? '' : ` servername: ${quote(name)},`} pin: [${pins}] }`;
}

function statePart({ state }: MadeFiles): string[] {
  if (state === undefined) return [];
  return [
    '# What operators decide (drain, weight, …) survives a restart.',
    'state:',
    `  file: ${quote(state)}`,
    '',
  ];
}

function adminPart({ user }: Wishes, { token, hash }: MadeFiles): string[] {
  const users =
    user === undefined || hash === undefined
      ? []
      : [
          '  # Who may log in to the console at http://127.0.0.1:9600/ (another password: hl7-gateway password).',
          '  users:',
          `    ${quote(user.name)}: { role: operate, password: ${quote(hash)} }`,
        ];
  return [
    '# For status, drain, reload, Prometheus and the console: on this machine alone.',
    'admin:',
    `  token: { file: ${quote(token)} }`,
    ...users,
    '',
  ];
}

/** In quotes where YAML would read something else. */
function quote(value: string): string {
  const isPlain = /^[A-Za-z][\w./-]*$/.test(value) && !/^(true|false|null|yes|no|on|off)$/i.test(value);
  return isPlain ? value : JSON.stringify(value);
}
