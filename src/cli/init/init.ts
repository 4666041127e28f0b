// `init`: asks on a terminal, or takes flags, looks at the Mirths, and writes a commented gateway.yaml with what it names:
// certificates, a token, a folder for state. Promises that nothing that is there is replaced, that nothing is asked where nobody
// sits, and that what it leaves behind is a config that `check` takes.
import { existsSync, rmSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { type NewFile, writeNewFiles } from '../../../certs/files/new-files.ts';
import { isHost } from '../../config/formats.ts';
import { readSecretValue } from '../../config/source/files.ts';
import { printable, quoted } from '../../config/source/problem.ts';
import { version } from '../../version.ts';
import { checkedPassword } from '../password.ts';
import { check } from '../run/check.ts';
import { EXIT, type Terminal } from '../terminal.ts';
import { usage } from '../usage.ts';
import { askFor, type FlagsGiven } from './ask.ts';
import { initText } from './config-text.ts';
import { giveToGroup, makeFiles, makeState } from './made-files.ts';
import { type Probed, probe, type Shown } from './probe.ts';
import type { Answerer } from './questions.ts';
import {
  defaultNames,
  listenerOf,
  mirthOf,
  type TlsWay,
  type WantedListener,
  type WantedMirth,
  type Wishes,
} from './wishes.ts';

/** What the command line says; what is undefined is asked for, or has its default. */
export interface FirstConfigOptions {
  readonly listener: readonly string[];
  readonly mirth: readonly string[];
  readonly tls: TlsWay | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly name: readonly string[];
  /** `none`: in memory alone. */
  readonly state: string | undefined;
  readonly consoleUser: string | undefined;
  readonly passwordFile: string | undefined;
  readonly out: string;
  readonly probe: boolean;
  readonly apiPort: number;
  readonly timeoutMs: number;
}

/** `asked`: undefined where nobody can be, or wants to be. @throws GatewayError */
export async function writeFirstConfig(
  options: FirstConfigOptions,
  asked: Answerer | undefined,
  terminal: Terminal,
): Promise<number> {
  if (existsSync(options.out))
    throw usage(`${printable(options.out)} is there already; --out names another file`);
  const given = fromFlags(options);
  const wishes =
    asked === undefined ? withDefaults(given, options.out) : await askFor(given, options.out, asked);
  if (wishes === undefined) {
    terminal.err('given up; nothing was written');
    return EXIT.failed;
  }
  const probes = options.probe ? await probeAll(wishes, options, terminal) : [];
  return write(wishes, probes, options, terminal);
}

/** What was given is right; what is missing is not there. */
function fromFlags(options: FirstConfigOptions): FlagsGiven {
  const { tls, cert, key } = options;
  if (tls === 'files' && (cert === undefined || key === undefined))
    throw usage('--tls files needs --cert and --key');
  if (tls !== 'files' && (cert !== undefined || key !== undefined))
    throw usage('--cert and --key are for --tls files');
  if (tls !== 'own-ca' && options.name.length > 0) throw usage('--name is for --tls own-ca');
  if (options.passwordFile !== undefined && options.consoleUser === undefined)
    throw usage('--password-file is for --console-user');
  for (const name of options.name)
    if (!isHost(name) && !/^[0-9a-f:.]+$/i.test(name))
      throw usage(`--name takes a host name or an address, not ${quoted(name)}`);
  const user = userOf(options);
  return {
    ...(options.listener.length > 0 && { listeners: parsed(options.listener, listenerOf) }),
    ...(options.mirth.length > 0 && { mirths: parsed(options.mirth, mirthOf) }),
    ...(tls !== undefined && { tls }),
    cert,
    key,
    ...(options.name.length > 0 && { names: options.name }),
    ...(options.state !== undefined && { state: options.state === 'none' ? undefined : options.state }),
    ...(user !== undefined && { user }),
    userName: options.consoleUser,
  };
}

function parsed<Wanted extends object>(
  texts: readonly string[],
  parse: (text: string, index: number) => Wanted | string,
): readonly Wanted[] {
  return texts.map((text, index) => {
    const one = parse(text, index);
    if (typeof one === 'string') throw usage(one);
    return one;
  });
}

function userOf({ consoleUser: name, passwordFile }: FirstConfigOptions): Wishes['user'] {
  if (name === undefined || passwordFile === undefined) return undefined;
  const read = readSecretValue(passwordFile);
  if ('trouble' in read) throw usage(`the file ${quoted(passwordFile)} ${read.trouble}`);
  return { name, password: checkedPassword(read.text) };
}

/** Nobody can be asked. */
function withDefaults(given: FlagsGiven, out: string): Wishes {
  if (given.userName !== undefined && given.user === undefined)
    throw usage('--console-user needs --password-file where there is no terminal to ask on');
  if (given.mirths === undefined)
    throw usage('--mirth HOST:PORT is needed, once for each, where there is no terminal to ask on');
  const { listeners = [listenerOf(':2575', 0) as WantedListener], mirths, tls = 'none' } = given;
  return {
    listeners,
    mirths,
    tls,
    cert: given.cert,
    key: given.key,
    names: given.names ?? defaultNames(),
    state: 'state' in given ? given.state : join(dirname(out), 'state'),
    user: given.user,
  };
}

async function probeAll(
  wishes: Wishes,
  options: FirstConfigOptions,
  terminal: Terminal,
): Promise<readonly Probed[]> {
  const port = wishes.listeners[0]?.address.port ?? 0;
  const probes = await Promise.all(wishes.mirths.map((mirth) => probe(mirth, { ...options, port })));
  probes.forEach((found, index) => {
    const mirth = wishes.mirths[index] as WantedMirth;
    for (const line of inWords(mirth, found, { ...options, port })) terminal.err(printable(line));
  });
  return probes;
}

function inWords(
  mirth: WantedMirth,
  found: Probed,
  { apiPort, port }: { apiPort: number; port: number },
): string[] {
  const shown = (one: Shown | undefined): string =>
    one === undefined ? '' : `, certificate SHA-256 ${one.pin}`;
  const at = mirth.port ?? port;
  return [
    `${mirth.host}: MLLP port ${at} ${found.mllpTrouble === undefined ? 'accepts connections' : `is not reached: ${found.mllpTrouble}`}${shown(found.mllpCertificate)}`,
    `${mirth.host}: Mirth's API at port ${apiPort} ${found.apiTrouble === undefined ? 'answers' : `does not answer as it should: ${found.apiTrouble}`}${shown(found.apiCertificate)}`,
  ];
}

async function write(
  wishes: Wishes,
  probes: readonly Probed[],
  options: FirstConfigOptions,
  terminal: Terminal,
): Promise<number> {
  const folder = resolve(dirname(options.out));
  const made = await makeFiles(wishes, probes, options, folder);
  const text = initText(wishes, probes, made.names, version);
  const config: NewFile = { path: resolve(options.out), content: text, secret: wishes.user !== undefined };
  const files = [...made.files, config];
  const madeState = makeState(wishes.state);
  const withoutState = (): void => {
    if (madeState !== undefined) rmSync(madeState, { recursive: true, force: true });
  };
  try {
    writeNewFiles(files, 'refuse');
  } catch (thrown) {
    withoutState();
    throw thrown;
  }
  const troubles: string[] = [];
  const code = check(options.out, { json: false }, { out: () => {}, err: (line) => troubles.push(line) });
  for (const line of troubles) terminal.err(line);
  if (code !== EXIT.good) {
    for (const { path } of files) rmSync(path, { force: true });
    withoutState();
    terminal.err('nothing is left of what was written');
    return EXIT.usage;
  }
  giveToGroup(folder, files, madeState);
  for (const { path } of files) terminal.out(`wrote ${relative(process.cwd(), path) || basename(path)}`);
  terminal.out(`next: hl7-gateway run -c ${printable(options.out)}`);
  return EXIT.good;
}
