// Upgrades and tunnels: 101 at odd moments, bytes before and behind it, either side gone. Judged by what both ends wrote: what comes
// through is a beginning of it, in order, and nothing goes to a node before its own 101.
import { setTimeout as pause } from 'node:timers/promises';
import type { Prng } from '../../../src/tools/world/prng.ts';
import { type Request, value } from '../../helpers/strict-http.ts';
import { HANG_MS, LONG, type Running, type Surroundings, targetOf } from '../target.ts';
import { cut, shown } from '../wire/bytes.ts';
import type { Line } from '../wire/line.ts';
import { type HttpLink, ok } from './node.ts';
import { DOORS, HttpRoom } from './room.ts';

export const upgrades = targetOf('upgrades', (around) => new UpgradeFuzz(around));

const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: fuzz\r\n\r\n';
const TOKEN = /U\d+/;
/** An odd moment is within this. */
const MOMENT_MS = 12;
/** Plans, of the last inputs. */
const KEPT = 2_000;
/** The request, and what tears it. */
const HEAD_BYTES = 3_000;

type Ending = 'waits' | 'ends' | 'resets' | 'destroys';
const ENDINGS: readonly Ending[] = ['waits', 'ends', 'ends', 'resets', 'destroys'];

interface Plan {
  readonly answer: readonly Buffer[];
  readonly answerAfterMs: number;
  /** Behind its answer. */
  readonly said: Buffer;
  readonly ending: Ending;
  readonly endsAfterMs: number;
  readonly switches: boolean;
  /** What has come to the node behind the request. */
  came: Buffer;
  hasSwitched: boolean;
}

class UpgradeFuzz implements Running {
  readonly #around: Surroundings;
  readonly #room: HttpRoom;
  readonly #plans = new Map<string, Plan>();
  readonly #byLink = new WeakMap<HttpLink, Plan>();
  /** Inputs whose request may have been torn, by what they have sent so far. */
  readonly #torn = new Map<number, Torn>();
  #probes = 0;

  constructor(around: Surroundings) {
    this.#around = around;
    this.#room = new HttpRoom(around);
  }

  async start(): Promise<void> {
    const { report } = this.#around;
    await this.#room.start(
      {
        report,
        // A request without an upgrade may be followed by another one.
        takes: (request) => value(request, 'upgrade') !== undefined,
        onRequest: (request, link) => {
          const plan = this.#planOf(request);
          if (plan === undefined) {
            report(`a node got what nobody sent: ${request.startLine}`);
            return;
          }
          this.#byLink.set(link, plan);
          void play(plan, link);
        },
        onBytes: (chunk, link) => {
          const plan = this.#byLink.get(link);
          if (plan === undefined) return;
          if (!plan.hasSwitched) report(`a node got ${shown(chunk)} before its 101`);
          plan.came = Buffer.concat([plan.came, chunk]);
        },
      },
      { report, onRequest: (_, link) => link.write(ok('honest')) },
      { timeouts: { connect: LONG, ack: '1s' }, retry: { attempts: 1 } },
    );
  }

  probe(): Promise<string | undefined> {
    return this.#room.probe(this.#probes++);
  }

  async run(index: number, prng: Prng): Promise<string | undefined> {
    const door = prng.pick(DOORS);
    const plan = makePlan(prng);
    const token = `U${index}`;
    this.#plans.set(token, plan);
    // A request may reach its node when its client is long gone.
    this.#plans.delete(`U${index - KEPT}`);
    const early = textOf(prng, 'c', prng.pick([0, 0, 5, 300, 70_000]));
    const late = textOf(prng, 'd', prng.pick([0, 5, 2_000]));
    const [ending, endsAfterMs] = [prng.pick(ENDINGS), prng.int(0, MOMENT_MS)];
    const upgrade = prng.chance(0.9) ? 'Connection: Upgrade\r\nUpgrade: fuzz\r\n' : 'Connection: Upgrade\r\n';
    const line = await this.#room.connect(door);
    if (line === undefined) return `no connection to ${door}`;
    const request = Buffer.from(`GET /${token} HTTP/1.1\r\nHost: localhost\r\n${upgrade}\r\n`);
    let isWritten = false;
    void line.writePieces(cut(prng, Buffer.concat([request, early]))).then(() => {
      isWritten = true;
    });
    if (ending === 'waits') await line.until(() => line.gone || line.received.includes('\r\n\r\n'), HANG_MS);
    else if (endsAfterMs > 0) await pause(endsAfterMs);
    // In the middle of the request it is a part of that.
    const isTorn = !isWritten && late.length > 0;
    if (isTorn) this.#torn.set(index, { plan, sent: () => line.sent });
    line.write(late);
    leave(line, ending);
    // A client that is gone hears nothing; any other has the end of the tunnel, or of the response.
    if (ending === 'waits') line.finish();
    const gone = await line.until(() => line.gone, HANG_MS + 10_000);
    const { received, sent } = line;
    line.destroy();
    if (isTorn) {
      const head = Buffer.from(sent.subarray(0, HEAD_BYTES));
      this.#torn.set(index, { plan, sent: () => head });
    }
    this.#torn.delete(index - KEPT);
    const said = (what: string): string =>
      `${what} at ${door}: client ${ending} after ${endsAfterMs} ms, node ${plan.ending} after ${plan.answerAfterMs} + ${plan.endsAfterMs} ms, ${shown(Buffer.concat(plan.answer), 300)}`;
    if (!gone) return said('hang: the connection did not end');
    const wrong = judge(plan, received, isTorn ? sent : sent.subarray(request.length), isTorn);
    return wrong === undefined ? undefined : said(wrong);
  }

  #planOf({ target, startLine }: Request): Plan | undefined {
    const plan = this.#plans.get(TOKEN.exec(target)?.[0] ?? '');
    if (plan !== undefined) return plan;
    for (const torn of this.#torn.values()) if (torn.sent().includes(`${startLine}\r\n`)) return torn.plan;
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#room[Symbol.asyncDispose]();
  }
}

/** Later bytes came between the pieces of its request. */
interface Torn {
  readonly plan: Plan;
  readonly sent: () => Buffer;
}

function leave(line: Line, ending: Ending): void {
  if (ending === 'ends') line.finish();
  else if (ending === 'resets') line.reset();
  else if (ending === 'destroys') line.destroy();
}

async function play(plan: Plan, link: HttpLink): Promise<void> {
  if (plan.answerAfterMs > 0) await pause(plan.answerAfterMs);
  if (plan.switches) plan.hasSwitched = true;
  for (const piece of plan.answer) {
    link.write(piece);
    await new Promise(setImmediate);
  }
  link.write(plan.said);
  if (plan.endsAfterMs > 0) await pause(plan.endsAfterMs);
  if (plan.ending === 'resets') link.socket.resetAndDestroy();
  else if (plan.ending === 'destroys') link.socket.destroy();
  // One that waits ends with the client.
  else if (plan.ending === 'ends') link.socket.end();
}

function makePlan(prng: Prng): Plan {
  const kind = prng.next();
  const answer =
    kind < 0.6
      ? SWITCHING
      : prng.pick([
          ok('no'),
          'HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n',
          'HTTP/1.1 101 Switching Protocols\r\n\r\n',
          'HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\nConnection: Upgrade\r\nContent-Length: 5\r\n\r\n',
          `HTTP/1.1 100 Continue\r\n\r\n${SWITCHING}`,
          `${SWITCHING}${SWITCHING}`,
          SWITCHING.slice(0, prng.int(1, SWITCHING.length - 1)),
          'HTTP/1.1 101\r\n\r\n',
          '',
        ]);
  return {
    answer: cut(prng, Buffer.from(answer)),
    answerAfterMs: prng.pick([0, 0, prng.int(0, MOMENT_MS)]),
    said: textOf(prng, 'n', prng.pick([0, 5, 3_000, 90_000])),
    ending: prng.pick(ENDINGS),
    endsAfterMs: prng.pick([0, 0, prng.int(0, MOMENT_MS)]),
    switches: answer.includes(' 101'),
    came: Buffer.alloc(0),
    hasSwitched: false,
  };
}

function textOf(prng: Prng, letter: string, length: number): Buffer {
  const unit = `${letter}${prng.int(0, 999_999)}.`;
  return Buffer.from(unit.repeat(Math.ceil(length / unit.length)).slice(0, length));
}

function judge(plan: Plan, received: Buffer, sent: Buffer, isTorn: boolean): string | undefined {
  const isSaid = isTorn ? sent.includes(plan.came) : sent.subarray(0, plan.came.length).equals(plan.came);
  if (!isSaid) return `the node got what the client did not say: ${shown(plan.came)}`;
  const head = received.indexOf('\r\n\r\n');
  if (head < 0) return undefined;
  const isSwitched = received.toString('latin1', 0, 13) === 'HTTP/1.1 101 ';
  if (!isSwitched) return undefined;
  if (!plan.switches) return `a 101 that no node gave: ${shown(received, 300)}`;
  const through = received.subarray(head + 4);
  const answer = Buffer.concat(plan.answer).toString('latin1');
  const behind = Buffer.concat([
    Buffer.from(answer.slice(answer.indexOf(' 101')).split('\r\n\r\n').slice(1).join('\r\n\r\n'), 'latin1'),
    plan.said,
  ]);
  return behind.subarray(0, through.length).equals(through)
    ? undefined
    : `the client got what the node did not say: ${shown(through, 300)}`;
}
