// `password`: makes of a password the line that a config takes instead of it. Read from the terminal without echo, or
// from stdin; never an argument, where every user of the machine could read it.
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { hashPassword } from '../config/http/password.ts';
import { causeCode, GatewayError } from '../errors.ts';
import { EXIT, type Terminal } from './terminal.ts';
import { usage } from './usage.ts';

/** A passphrase of many words has 100; more than this is some other file. */
const LONGEST_BYTES = 1024;

export interface PasswordSource {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  /** Where the prompt goes: not stdout, which is for the hash alone. */
  readonly prompt: (text: string) => void;
}

/** @throws GatewayError GW_ERR_USAGE for what is no password */
export async function password(source: PasswordSource, terminal: Terminal): Promise<number> {
  const text = source.input.isTTY === true ? await ask(source) : await readAll(source.input);
  if (text === undefined) return EXIT.failed;
  terminal.out(await hashPassword(checkedPassword(text)));
  return EXIT.good;
}

/** @throws GatewayError GW_ERR_USAGE for what is no password */
export function checkedPassword(text: string): string {
  if (text === '') throw usage('the password is empty');
  if (Buffer.byteLength(text) > LONGEST_BYTES) throw usage(`a password has at most ${LONGEST_BYTES} bytes`);
  // RFC 7617 2: with one of these nobody could log in.
  if (/\p{Cc}/u.test(text)) throw usage('a password is one line, without control characters');
  return text;
}

/** Without its last line end: `echo` and editors add one. */
async function readAll(input: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of input) {
      const bytes = Buffer.from(chunk);
      chunks.push(bytes);
      size += bytes.length;
      // With room for its line end.
      if (size > LONGEST_BYTES + 2) break;
    }
  } catch (cause) {
    throw new GatewayError('GW_ERR_FILE', { detail: `stdin: ${causeCode(cause)}`, cause });
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
    return text.replace(/\r?\n$/, '');
  } catch {
    throw usage('a password is UTF-8 text');
  }
}

/** Twice: a slip of a finger would show only when the sender is turned away. Undefined: given up, by Ctrl-C or Ctrl-D. */
async function ask({ input, prompt }: PasswordSource): Promise<string | undefined> {
  // readline edits the line, and shows it nowhere.
  const output = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input, output, terminal: true, historySize: 0 });
  const answers: string[] = [];
  prompt('Password: ');
  await new Promise<void>((resolve) => {
    lines.on('line', (line) => {
      // Both may come at once, pasted.
      if (answers.push(line) === 2 || line === '') lines.close();
      else prompt('\nAgain: ');
    });
    lines.once('SIGINT', () => lines.close());
    lines.once('close', resolve);
  });
  prompt('\n');
  const [first, second] = answers;
  if (first === '') return '';
  if (first !== undefined && second !== undefined && first !== second)
    throw usage('the two passwords differ');
  return second;
}
