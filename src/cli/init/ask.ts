// What `init` asks whoever sits at the terminal: only what the flags have not said, with an answer for each that Enter takes.
import { dirname, join } from 'node:path';
import { closest } from '../../config/source/closest.ts';
import { fileTrouble } from '../../config/source/files.ts';
import { quoted } from '../../config/source/problem.ts';
import { asGatewayError } from '../../errors.ts';
import { checkedPassword } from '../password.ts';
import { type Answerer, Questions } from './questions.ts';
import {
  defaultNames,
  listenerOf,
  mirthOf,
  TLS_WAYS,
  type TlsWay,
  type WantedListener,
  type WantedMirth,
  type Wishes,
} from './wishes.ts';

class GivenUp extends Error {}

/** What flags have said. `userName`: without a password so far. */
export interface FlagsGiven extends Partial<Wishes> {
  readonly userName?: string | undefined;
}

/** Undefined: given up. */
export async function askFor(given: FlagsGiven, out: string, asked: Answerer): Promise<Wishes | undefined> {
  const questions = new Questions(asked);
  try {
    return await everything(given, out, questions);
  } catch (thrown) {
    if (thrown instanceof GivenUp) return undefined;
    throw thrown;
  } finally {
    questions.close();
  }
}

async function everything(given: FlagsGiven, out: string, questions: Questions): Promise<Wishes> {
  const ask = async (...question: Parameters<Questions['ask']>): Promise<string> => {
    const answer = await questions.ask(...question);
    if (answer === undefined) throw new GivenUp();
    return answer;
  };
  const listeners =
    given.listeners ??
    listIn(
      await ask('Where senders connect, [NAME=]ADDRESS, several with blanks between', ':2575', (text) =>
        troubleIn(text, listenerOf),
      ),
      listenerOf,
    );
  const mirths =
    given.mirths ??
    listIn(
      await ask('The Mirths, HOST:PORT of their MLLP listeners, with blanks between', '', (text) =>
        text === '' ? 'at least one is needed' : troubleIn(text, mirthOf),
      ),
      mirthOf,
    );
  const tls =
    given.tls ??
    ((await ask(`TLS for senders: ${TLS_WAYS.join(', ')}`, 'none', (text) => wordTrouble(text))) as TlsWay);
  const file = (what: string): Promise<string> =>
    ask(what, '', (text) => {
      const trouble = fileTrouble(text);
      return trouble && `the file ${quoted(text)} ${trouble}`;
    });
  const isFiles = tls === 'files';
  const cert = given.cert ?? (isFiles ? await file('The certificate with its chain, PEM') : undefined);
  const key = given.key ?? (isFiles ? await file('Its private key, PEM') : undefined);
  const names =
    given.names ??
    (tls === 'own-ca'
      ? (await ask('Names and addresses by which senders know this gateway', defaultNames().join(' '))).split(
          /[\s,]+/,
        )
      : defaultNames());
  const state =
    'state' in given
      ? given.state
      : await ask('Folder for what survives a restart, or none', join(dirname(out), 'state'));
  return {
    ...{ listeners, mirths, tls, cert, key, names },
    state: state === 'none' ? undefined : state,
    user:
      given.user ??
      (await userFor(
        given.userName ?? (await ask('Who may log in to the console, or none', 'none')),
        questions,
      )),
  };
}

async function userFor(name: string, questions: Questions): Promise<Wishes['user']> {
  if (name === 'none') return undefined;
  for (;;) {
    const password = await questions.askPassword(`Password of ${name}`);
    if (password === undefined) throw new GivenUp();
    try {
      return { name, password: checkedPassword(password) };
    } catch (thrown) {
      questions.say(asGatewayError(thrown).detail ?? 'that is no password');
    }
  }
}

function troubleIn(text: string, parse: (one: string, index: number) => object | string): string | undefined {
  return words(text)
    .map(parse)
    .find((one) => typeof one === 'string') as string | undefined;
}

function listIn<Wanted extends WantedListener | WantedMirth>(
  text: string,
  parse: (one: string, index: number) => Wanted | string,
): readonly Wanted[] {
  return words(text).flatMap((one, index) => {
    const wanted = parse(one, index);
    return typeof wanted === 'string' ? [] : [wanted];
  });
}

function words(text: string): readonly string[] {
  return text.split(/[\s,]+/).filter((one) => one !== '');
}

function wordTrouble(text: string): string | undefined {
  if ((TLS_WAYS as readonly string[]).includes(text)) return undefined;
  const meant = closest(text, TLS_WAYS);
  return `it is ${TLS_WAYS.join(', ')}${meant === undefined ? '' : `; did you mean "${meant}"?`}`;
}
