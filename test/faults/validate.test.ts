// `validate` on the line: a message that breaks a route's rules is answered with their places, and goes to no node.
import { describe, expect, it } from 'vitest';
import { frame, message, msaOf } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { file, one, partsOf, saidIn } from './batch-room.ts';
import { nakOf, startLine } from './line.ts';

const RULES = {
  segments: ['PID', 'PV1'],
  fields: ['PID-3.1', 'PID-5.1'],
  tables: { 'PID-8': ['F', 'M'] },
  lengths: { 'PID-5.1': 8 },
};
const routes = (validate: Record<string, unknown>) => [{ name: 'all', to: 'pool', validate }];

/** PID-3, PID-5 and PID-8; version 2.5.1 unless told. */
const adt = (id: string, name: string, sex: string, version = '2.5.1', rest = 'PV1|1|I'): Buffer =>
  message({ controlId: 'V1', version, segments: [`PID|1||${id}||${name}|||${sex}`, rest] });

/** ERR segments of an answer. */
const errs = (answer: Buffer): string[] =>
  answer
    .toString('latin1')
    .split('\r')
    .filter((segment) => segment.startsWith('ERR'));

it('a message that keeps the rules is forwarded byte for byte', async () => {
  await using line = await startLine({ routes: routes(RULES) });
  const good = adt('11^^^H', 'SAMPLE^ADA', 'F');
  await line.sender.exchange(good);
  line.nodeGot([frame(good)]);
  line.senderGotTheAnswers();
  expect(line.gw.codes).toEqual([]);
});

describe('one that does not', () => {
  it('is answered AE with an ERR for each place, and nothing of its content', async () => {
    await using line = await startLine({ routes: routes(RULES) });
    const answer = await line.sender.exchange(
      adt('^^^SECRETID', 'SECRETNAME', 'SECRETSEX', '2.8', 'NTE|SECRET'),
    );
    expect(nakOf(answer)).toEqual({ code: 'AE', controlId: 'V1', error: 'GW_ERR_ROUTE_INVALID' });
    expect(errs(answer)).toEqual([
      'ERR||PV1^1|100^Segment sequence error^HL70357|E|||GW_ERR_ROUTE_INVALID|a required segment is missing',
      'ERR||PID^1^3^1^1|101^Required field missing^HL70357|E|||GW_ERR_ROUTE_INVALID|a required field is empty',
      'ERR||PID^1^8^1|103^Table value not found^HL70357|E|||GW_ERR_ROUTE_INVALID|a value is not in its table',
      'ERR||PID^1^5^1^1|104^Value too long^HL70357|E|||GW_ERR_ROUTE_INVALID|a value has more than 8 characters',
    ]);
    line.nodeGot([]);
    expect(line.gw.codes).toEqual(['GW_ERR_ROUTE_INVALID']);
    expect(JSON.stringify(line.gw.log) + answer.toString('latin1')).not.toMatch(/SECRET/);
    expect(line.gw.log.at(-1)).toMatchObject({ msg: 'message', route: 'all', reply: 'AE' });
    await line.atRest();
    // The connection goes on.
    await line.sender.exchange(adt('1', 'A', 'F'));
    expect(line.node.messages).toHaveLength(1);
  });

  it('names segment, field, repetition, component and subcomponent', async () => {
    await using line = await startLine({
      routes: routes({ tables: { 'PID-3.4.2': ['X'] }, fields: ['NTE-3'] }),
    });
    const answer = await line.sender.exchange(
      message({ segments: ['PID|1||a^^^H~b^^^H&X~c^^^H&Y', 'NTE|1||x', 'NTE|2||'] }),
    );
    expect(errs(answer).map((segment) => segment.split('|')[2])).toEqual(['NTE^2^3', 'PID^1^3^3^4^2']);
  });

  it.each(['AE', 'AR', 'CE', 'CR'])(
    'is answered %s where the route says so, whatever onRejected is',
    async (code) => {
      await using line = await startLine({
        listener: { onRejected: 'close' },
        routes: routes({ ...RULES, code }),
      });
      expect(nakOf(await line.sender.exchange(adt('', '', 'F')))).toMatchObject({
        // F91: in original mode.
        code: `A${code.charAt(1)}`,
        controlId: 'V1',
      });
    },
  );

  it.each(['2.1', '2.2', '2.3', '2.3.1', '2.4'])(
    'of version %s has one ERR, whose ERR-1 repeats',
    async (version) => {
      await using line = await startLine({ routes: routes(RULES) });
      const answer = await line.sender.exchange(adt('', 'TOOLONGNAME', 'X', version));
      expect(errs(answer)).toEqual([
        'ERR|PID^1^3^101&Required field missing&HL70357~PID^1^8^103&Table value not found&HL70357~PID^1^5^102&Data type error&HL70357',
      ]);
    },
  );

  it.each(['2.5', '2.5.1', '2.6', '2.7'])(
    'of version %s is told of a long value as table 0357 then had it',
    async (version) => {
      await using line = await startLine({ routes: routes({ lengths: { 'PID-5.1': { min: 3, max: 8 } } }) });
      for (const name of ['TOOLONGNAME', 'AB']) {
        const answer = await line.sender.exchange(adt('1', name, 'F', version));
        expect(errs(answer)[0]).toContain('|102^Data type error^HL70357|E|');
      }
    },
  );

  it('is answered in its own delimiters', async () => {
    await using line = await startLine({ routes: routes({ fields: ['PID-3.1', 'PID-5'] }) });
    const odd = message({ delimiters: '#!@%*', controlId: 'ODD', segments: ['PID#1'] });
    expect(errs(Buffer.from((await line.sender.exchange(odd)).toString('latin1')))).toEqual([
      'ERR##PID!1!3!1!1#101!Required field missing!HL70357#E###GW_ERR_ROUTE_INVALID#a required field is empty',
      'ERR##PID!1!5#101!Required field missing!HL70357#E###GW_ERR_ROUTE_INVALID#a required field is empty',
    ]);
    const bare = Buffer.from('MSH|^|A|B|C|D|2026||ADT^A01|BARE|P|2.3\rPID|1\r');
    // Without a repetition separator there is room for one place.
    expect(errs(await line.sender.exchange(bare))).toEqual(['ERR|PID^1^3^101']);
  });

  it('has no more than 50 places in its answer', async () => {
    await using line = await startLine({ routes: routes({ fields: ['OBX-3'] }) });
    const answer = await line.sender.exchange(message({ segments: Array<string>(500).fill('OBX|1') }));
    expect(errs(answer)).toHaveLength(50);
  });
});

it('only messages of that route are looked at', async () => {
  await using line = await startLine({
    routes: [{ name: 'lab', when: { 'MSH-9.1': 'ORU' }, to: 'pool' }, ...routes({ segments: ['ZZZ'] })],
  });
  expect(msaOf(await line.sender.exchange(message({ type: 'ORU^R01', controlId: 'L1' })))?.code).toBe('AA');
  expect(msaOf(await line.sender.exchange(message({ controlId: 'A1' })))?.code).toBe('AE');
});

it('of a batch that is passed on whole each message must keep the rules', async () => {
  await using line = await startLine({ routes: routes({ segments: ['PV1'] }) });
  const bare = message({ controlId: 'BARE', type: 'ADT^A01', segments: ['PID|1'] }).toString('latin1');
  const answer = await line.sender.exchange(file(one('M1'), bare));
  expect(nakOf(answer)).toMatchObject({ code: 'AE', controlId: 'M1' });
  expect(errs(answer)[0]).toContain('|PV1^2|100^');
  line.nodeGot([]);
});

it('of a batch that is split each message is answered for itself', async () => {
  await using line = await startLine({ listener: { batch: 'split' }, routes: routes({ segments: ['PV1'] }) });
  const bare = message({ controlId: 'BARE', type: 'ADT^A01', segments: ['PID|1'] }).toString('latin1');
  const answer = await line.sender.exchange(file(one('M1'), bare, one('M3')));
  expect(saidIn(answer)).toEqual(['AA M1', 'AE BARE', 'AA M3']);
  expect(errs(Buffer.from(partsOf(answer)[1] ?? ''))[0]).toContain('|PV1^1|100^');
  expect(line.node.controlIds).toEqual(['M1', 'M3']);
});

it('one that is too large to be read whole is refused by name, and others are served', async () => {
  await using line = await startLine({ routes: routes({ segments: ['PID'] }) });
  const huge = message({ controlId: 'HUGE', segments: ['PID|1', `OBX${'|'.repeat(1_000_002)}`] });
  expect(nakOf(await line.sender.exchange(huge))).toEqual({
    code: 'AR',
    controlId: 'HUGE',
    error: 'GW_ERR_PARSE_SIZE',
  });
  await using other = await connectSender(line.gw.port());
  expect(msaOf(await other.exchange(message({ controlId: 'O1' })))?.code).toBe('AA');
});
