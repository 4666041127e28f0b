// The other MLLP clients of the matrix: Medplum's, and python3-hl7's, whose connections live in one process. Each sends one
// message and hands out the answer as its library read it.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { Hl7Message } from '@medplum/core';
import { Hl7Client } from '@medplum/hl7';
import { Waits } from '../helpers/until.ts';
import type { ForeignClient } from './foreign-clients.ts';

const DEADLINE_MS = 30_000;

/** https://www.npmjs.com/package/@medplum/hl7 */
export class MedplumClient implements ForeignClient {
  readonly #client: Hl7Client;

  constructor(port: number) {
    this.#client = new Hl7Client({ host: '127.0.0.1', port, keepAlive: true });
  }

  async exchange(message: string): Promise<string> {
    const answer = await this.#client.sendAndWait(Hl7Message.parse(message), { timeoutMs: DEADLINE_MS });
    return answer.toString();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.close();
  }
}

/** Reads `connection message`, writes `connection answer`, both in base64. */
const PYTHON_CLIENT = `
import asyncio, base64, sys
from hl7.mllp import open_hl7_connection
async def main():
    loop = asyncio.get_running_loop()
    open_ones = {}
    async def exchange(key, text):
        if key not in open_ones:
            open_ones[key] = await open_hl7_connection('127.0.0.1', int(sys.argv[1]), limit=1 << 22)
        reader, writer = open_ones[key]
        writer.writeblock(text)
        await writer.drain()
        answer = await reader.readblock()
        print(key, base64.b64encode(answer).decode(), flush=True)
    tasks = set()
    while True:
        line = await loop.run_in_executor(None, sys.stdin.readline)
        if not line:
            return
        key, text = line.split()
        task = asyncio.create_task(exchange(key, base64.b64decode(text)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
asyncio.run(main())
`;

/** Of one process. */
export class PythonClients implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #ended: Promise<unknown>;
  readonly #waits = new Waits();
  readonly #answers = new Map<string, string[]>();
  #text = '';
  #count = 0;

  constructor(port: number) {
    const stdio: ['pipe', 'pipe', 'ignore'] = ['pipe', 'pipe', 'ignore'];
    this.#child = spawn('/usr/bin/python3', ['-c', PYTHON_CLIENT, String(port)], { stdio });
    this.#ended = once(this.#child, 'close');
    this.#child.stdout.setEncoding('latin1').on('data', (text: string) => this.#read(text));
  }

  connect(): ForeignClient {
    const key = String(this.#count++);
    const answers: string[] = [];
    this.#answers.set(key, answers);
    let seen = 0;
    return {
      exchange: async (message) => {
        this.#child.stdin.write(`${key} ${Buffer.from(message).toString('base64')}\n`);
        const due = seen++;
        await this.#waits.when(
          () => answers.length > due,
          DEADLINE_MS,
          () => `python3-hl7 has read ${answers.length} answers`,
        );
        return answers[due] as string;
      },
      [Symbol.asyncDispose]: async () => undefined,
    };
  }

  #read(text: string): void {
    const lines = (this.#text + text).split('\n');
    this.#text = lines.pop() ?? '';
    for (const line of lines) {
      const [key = '', answer = ''] = line.split(' ');
      this.#answers.get(key)?.push(Buffer.from(answer, 'base64').toString('latin1'));
    }
    this.#waits.changed();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}
