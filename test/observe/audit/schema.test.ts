// Every kind of audit message against DICOM PS3.15 A.5.1 and A.5.3, as xmllint reads their rules: whatever names, addresses and
// texts hold. gateway-events.test.ts validates those that a running gateway makes.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type AuditEvent,
  type AuditKind,
  auditMessage,
  KINDS,
} from '../../../src/observe/audit/audit-message.ts';
import { anyCharacter } from '../../helpers/any-text.ts';
import { hasXmllint, invalid, type Schema } from './xmllint.ts';

const SCHEMAS: readonly Schema[] = ['audit-message', 'gateway-event'];
const SOURCE = { id: 'gw-1', site: 'NORTH', host: 'gw.example', pid: 4711 };
const EVENT: AuditEvent = {
  kind: 'message refused',
  at: new Date('2026-03-01T08:00:00.123Z'),
  outcome: 'minor',
  who: { id: 'CN=lab', address: '10.0.0.9' },
  subject: 'listeners.adt',
  description: 'GW_ERR_ROUTE_NONE',
  controlId: 'X-1',
};
const ALL = Object.keys(KINDS) as AuditKind[];

/** Names that people give, and some that nobody should. */
const ODD = [
  'Zürich Süd',
  'São João & Filhos <Lab> "7"',
  "O'Neill; DROP TABLE",
  '東京都立病院',
  'مستشفى',
  '🏥',
  ']]>',
  '<!-- -->',
  '&amp;&#0;%00',
  'a\u0000b\u001b[31m\u007f\u0085\u2028',
  'lone \ud800 surrogate',
  '\ufffe\uffff',
  '  two\tcolumns\r\nand lines ',
  'x'.repeat(10_000),
];
const ADDRESSES = [
  '10.0.0.9',
  '::ffff:10.0.0.9',
  'fe80::1%eth0',
  '2001:db8::1',
  'lab.hospital.example',
  ...ODD,
];

test.skipIf(!hasXmllint).each(SCHEMAS)('each kind of message keeps %s', async (schema) => {
  const whole = ALL.flatMap((kind) =>
    (['success', 'minor'] as const).flatMap((outcome) =>
      [undefined, { id: 'SIGHUP' }, { id: '10.0.0.9', address: '10.0.0.9' }].flatMap((who) =>
        [undefined, 'X-1', ''].map((controlId) => ({ ...EVENT, kind, outcome, who, controlId })),
      ),
    ),
  );
  const documents = whole.flatMap((event) => [
    auditMessage(event, SOURCE),
    auditMessage(event, { ...SOURCE, site: undefined }),
  ]);
  expect(await invalid(documents, schema)).toEqual([]);
});

test.skipIf(!hasXmllint).each(SCHEMAS)(
  'with odd names, addresses and texts each keeps %s',
  async (schema) => {
    const odd = ALL.flatMap((kind) =>
      ODD.map((text) =>
        auditMessage(
          {
            ...EVENT,
            kind,
            who: { id: text, address: text },
            subject: text,
            description: text,
            controlId: text,
          },
          { ...SOURCE, id: text, site: text, host: text },
        ),
      ),
    );
    const from = ADDRESSES.map((address) =>
      auditMessage({ ...EVENT, who: { id: `CN=${address}`, address } }, { ...SOURCE, host: address }),
    );
    expect(await invalid([...odd, ...from], schema)).toEqual([]);
  },
);

test.skipIf(!hasXmllint).each(SCHEMAS)('with any text at all it keeps %s', async (schema) => {
  const text = fc.oneof(fc.string({ unit: anyCharacter }), fc.string({ unit: 'grapheme' }));
  const named = text.filter((one) => /[\x21-\x7e]/.test(one));
  const any = fc.tuple(fc.constantFrom(...ALL), named, named, text, text);
  const documents = fc
    .sample(any, { numRuns: 300, seed: 15 })
    .map(([kind, id, host, description, subject]) =>
      auditMessage(
        { ...EVENT, kind, who: { id, address: id }, subject, description, controlId: subject },
        { ...SOURCE, id, site: subject, host },
      ),
    );
  expect(await invalid(documents, schema)).toEqual([]);
});

/** A message that is right, and what makes it wrong; `narrow`: by the tables of A.5.3 alone. */
const WRONG: readonly [what: string, from: string | RegExp, to: string, isNarrow?: 'narrow'][] = [
  ['no source', /<AuditSourceIdentification.*<\/AuditSourceIdentification>/, ''],
  ['no participant', /<ActiveParticipant .*<\/?ActiveParticipant[^>]*>(?=<AuditSource)/, ''],
  ['no name of an object', /<ParticipantObjectName>.*<\/ParticipantObjectName>/, ''],
  ['an outcome that is none', 'EventOutcomeIndicator="4"', 'EventOutcomeIndicator="5"'],
  ['a time without its zone', '.123Z', '.123'],
  ['a time that is none', '2026-03-01', '2026-02-30'],
  ['the code of RFC 3881', '<EventID csd-code', '<EventID code'],
  ['a code without a meaning', ' originalText="Security Alert"', ''],
  ['a type of source that needs a system', 'csd-code="4"', 'csd-code="44"'],
  ['a flag that is none', 'UserIsRequestor="false"', 'UserIsRequestor="no"'],
  ['a detail that is not base64', 'value="WC0x"', 'value="X-1"'],
  ['the role of an object that is none', 'TypeCodeRole="13"', 'TypeCodeRole="27"'],
  ['an element that is none', '<EventOutcomeDescription>', '<b/><EventOutcomeDescription>'],
  ['parts in another order', /(<EventID [^>]*>)(<EventTypeCode [^>]*>)/, '$2$1'],
  ['two requestors', 'UserIsRequestor="false"', 'UserIsRequestor="true"', 'narrow'],
  ['an alert without its description', 'type="Alert Description"', 'type="Description"', 'narrow'],
  ['a URI that is none', '://gw.example/', '://gw example/', 'narrow'],
  ['an event of another kind', 'csd-code="110113"', 'csd-code="110114"', 'narrow'],
];

test.skipIf(!hasXmllint)('the rules themselves refuse what is wrong', async () => {
  const right = auditMessage(EVENT, SOURCE);
  const wrong = WRONG.map(([, from, to]) => right.replace(from, to));
  for (const document of wrong) expect(document).not.toBe(right);
  const refused = async (schema: Schema): Promise<string[]> => {
    const found = await invalid(wrong, schema);
    return WRONG.filter((_, i) => found.some((one) => one.startsWith(`${wrong[i]}: `))).map(([what]) => what);
  };
  expect(await refused('audit-message')).toEqual(
    WRONG.filter(([, , , isNarrow]) => isNarrow === undefined).map(([what]) => what),
  );
  expect(await refused('gateway-event')).toEqual(
    WRONG.filter(([what]) => what !== 'a time without its zone').map(([what]) => what),
  );
});
