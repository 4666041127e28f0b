// F105: of FHS and BHS nothing but the batch's id is in a log, a span or what `route` says; and no sticky key is there as it is.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { route } from '../../src/cli/messages/route.ts';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway } from '../helpers/gateway.ts';
import { message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { createTlsFolder } from '../helpers/tls-folder.ts';
import { until } from '../helpers/until.ts';

/** Every field of a batch's header but its id, each with a name of its own. */
const planted = (prefix: string) =>
  Array.from({ length: 12 }, (_, i) => (i === 8 ? 'ID' : `${prefix}${i + 3}WORD`)).join('|');
const FHS = `FHS|^~\\&|${planted('FILE')}`;
const BHS = `BHS|^~\\&|${planted('BATCH')}`;
const WORDS = /(FILE|BATCH)\d+WORD/;

const BATCHES: readonly (readonly [string, string])[] = [
  ['a file without batches', `${FHS}\rFTS|0\r`],
  ['a batch without messages', `${BHS}\rBTS|0\r`],
  ['both', `${FHS}\r${BHS}\rBTS|0\rFTS|0\r`],
  ['a message in them', `${FHS}\r${BHS}\r${message({ controlId: 'IN-BATCH' }).toString()}BTS|1\rFTS|1\r`],
];

/** F86: what a node says that answers no message is waited behind. */
const IMPATIENT = { timeouts: { ack: '100ms' } };

describe.each(BATCHES)('F105 %s', (_, text) => {
  it.each([
    ['answered', answers.aa()],
    ['answered by nobody', answers.close()],
    ['answered wrongly', answers.payload(Buffer.from(text))],
  ])('F105 %s: nothing of the batch’s header is in the log', async (_what, script) => {
    await using node = await startFaultyNode(script);
    await using gw = await startGateway({ nodes: [node.url], pool: IMPATIENT });
    await using sender = await connectSender(gw.port());
    await sender.send(Buffer.from(text));
    await until(() => gw.messages.length === 1, { deadlineMs: 30_000 });
    const said = JSON.stringify(gw.log);
    expect(said).not.toMatch(WORDS);
    expect(gw.log.find(({ msg }) => msg === 'message')).toMatchObject({
      controlId: text.includes('IN-BATCH') ? 'IN-BATCH' : 'ID',
    });
  });

  it('F105 split, or refused by its route: the same', async () => {
    await using node = await startFaultyNode();
    for (const more of [
      { listener: { batch: 'split' } },
      { routes: [{ name: 'all', reject: { code: 'AR', text: 'no' } }] },
    ]) {
      await using gw = await startGateway({ nodes: [node.url], pool: IMPATIENT, ...more });
      await using sender = await connectSender(gw.port());
      await sender.send(Buffer.from(text));
      await until(() => gw.log.some(({ controlId }) => controlId !== undefined), { deadlineMs: 30_000 });
      expect(JSON.stringify(gw.log)).not.toMatch(WORDS);
    }
  });
});

describe('F105 route', () => {
  function run(config: object, text: string, json: boolean): string {
    const folder = createTlsFolder();
    onTestFinished(() => folder[Symbol.dispose]());
    const file = join(folder.path, 'gateway.yaml');
    const messages = join(folder.path, 'x.hl7');
    writeFileSync(file, JSON.stringify(config));
    writeFileSync(messages, text);
    const lines: string[] = [];
    const terminal = { out: (line: string) => lines.push(line), err: (line: string) => lines.push(line) };
    route(file, [messages], { source: '127.0.0.1', path: '/', host: 'h', json }, terminal as never);
    return lines.join('\n');
  }

  const config = (by: readonly string[], when: object = {}) => ({
    listeners: { in: { protocol: 'mllp', bind: '127.0.0.1:1' } },
    pools: { p: { nodes: { a: { url: 'mllp://h:1' } }, persistence: { by } } },
    routes: [{ name: 'one', when: { ...when }, to: 'p' }],
  });

  it.each([false, true])('F105 says of a sticky key what it is made of, and its hash (JSON: %s)', (json) => {
    const text = message({ segments: ['PID|1||ZEBRAID^^^HOSP^MR||ZEBRAFINCH^QUILLON'] }).toString();
    const said = run(config(['PID-3.1', 'PID-5', 'source']), text, json);
    expect(said).not.toMatch(/ZEBRA|QUILLON/);
    expect(said).toContain(
      json ? '"stickyBy":["PID-3.1","PID-5","source"]' : 'sticky key of PID-3.1, PID-5, source',
    );
    const again = run(config(['PID-3.1', 'PID-5', 'source']), text, json);
    expect(/[0-9a-f]{16}/.exec(again)?.[0]).toBe(/[0-9a-f]{16}/.exec(said)?.[0]);
    const other = run(config(['PID-3.1', 'PID-5', 'source']), text.replace('QUILLON', 'QUILLOM'), json);
    expect(/[0-9a-f]{16}/.exec(other)?.[0]).not.toBe(/[0-9a-f]{16}/.exec(said)?.[0]);
  });

  it.each([false, true])('F105 shows nothing of a batch’s header (JSON: %s)', (json) => {
    for (const [, text] of BATCHES.slice(0, 3)) {
      const when = { 'MSH-9': 'ADT', 'MSH-10': 'x', 'MSH-3': 'y' };
      for (const one of Object.entries(when)) {
        expect(run(config(['MSH-3', 'MSH-9'], Object.fromEntries([one])), text, json)).not.toMatch(WORDS);
      }
      expect(run(config(['MSH-3', 'MSH-9']), text, json)).not.toMatch(WORDS);
    }
  });
});
