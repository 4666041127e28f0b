// Questions to whoever sits at a terminal, one at a time, each with what an empty answer means. Promises that a password is not
// echoed, and that Ctrl-C and Ctrl-D end the questions.
import { createInterface, type Interface } from 'node:readline';
import { Writable } from 'node:stream';

/** Somebody who can be asked. */
export interface Answerer {
  readonly input: NodeJS.ReadableStream;
  /** Where questions go. */
  readonly prompt: (text: string) => void;
}

export class Questions {
  readonly #prompt: (text: string) => void;
  readonly #lines: Interface;
  /** What was typed ahead, or pasted. */
  readonly #typed: string[] = [];
  #onLine: ((line: string | undefined) => void) | undefined;
  #isHidden = false;
  #isClosed = false;

  constructor({ input, prompt }: Answerer) {
    this.#prompt = prompt;
    const output = new Writable({
      write: (chunk, _encoding, done) => {
        if (!this.#isHidden) prompt(String(chunk));
        done();
      },
    });
    this.#lines = createInterface({ input, output, terminal: true, historySize: 0 });
    this.#lines.on('line', (line) => {
      if (this.#onLine === undefined) this.#typed.push(line);
      else this.#answer(line);
    });
    this.#lines.once('SIGINT', () => this.#lines.close());
    this.#lines.once('close', () => {
      this.#isClosed = true;
      this.#answer(undefined);
    });
  }

  /** Asks again while `trouble` has something to say. Undefined: given up. */
  async ask(
    question: string,
    fallback: string,
    trouble: (text: string) => string | undefined = () => undefined,
  ): Promise<string | undefined> {
    for (;;) {
      const line = await this.#line(`${question}${fallback === '' ? '' : ` [${fallback}]`}: `);
      if (line === undefined) return undefined;
      const text = line.trim() === '' ? fallback : line.trim();
      const why = trouble(text);
      if (why === undefined) return text;
      this.#prompt(`  ${why}\n`);
    }
  }

  /** Undefined: given up, or the two differ. */
  async askPassword(question: string): Promise<string | undefined> {
    const first = await this.#hidden(`${question}: `);
    if (first === undefined || first === '') return first;
    const second = await this.#hidden('Again: ');
    if (second === undefined || second === first) return second;
    this.#prompt('  the two differ\n');
    return this.askPassword(question);
  }

  say(text: string): void {
    this.#prompt(`  ${text}\n`);
  }

  close(): void {
    this.#lines.close();
  }

  async #hidden(question: string): Promise<string | undefined> {
    this.#prompt(question);
    this.#isHidden = true;
    const line = await this.#line('');
    this.#isHidden = false;
    this.#prompt('\n');
    return line;
  }

  #line(question: string): Promise<string | undefined> {
    this.#lines.setPrompt(question);
    if (!this.#isClosed) this.#lines.prompt();
    const typed = this.#typed.shift();
    if (typed !== undefined || this.#isClosed) return Promise.resolve(typed);
    return new Promise((resolve) => {
      this.#onLine = resolve;
    });
  }

  #answer(line: string | undefined): void {
    const tell = this.#onLine;
    this.#onLine = undefined;
    tell?.(line);
  }
}
