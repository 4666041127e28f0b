// Audit records: their codes, who and what they name, well-formed XML whatever is in a name, and frames that can be cut anywhere.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type AuditEvent, auditMessage, KINDS } from '../../../src/observe/audit/audit-message.ts';
import { framed, syslogMessage } from '../../../src/observe/audit/syslog-frame.ts';
import { anyCharacter } from '../../helpers/any-text.ts';
import { everySplit } from '../../helpers/mllp.ts';
import { auditRecord, OctetCounter } from '../../helpers/syslog-receiver.ts';

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

function line(event: AuditEvent): string {
  return syslogMessage(event.at, event.outcome !== 'success', SOURCE, auditMessage(event, SOURCE));
}

test('a record, byte for byte', () => {
  expect(line(EVENT)).toBe(
    '<84>1 2026-03-01T08:00:00.123Z gw.example hl7-gateway 4711 IHE+RFC-3881 - ' +
      '<AuditMessage>' +
      '<EventIdentification EventActionCode="E" EventDateTime="2026-03-01T08:00:00.123Z" EventOutcomeIndicator="4">' +
      '<EventID csd-code="110113" codeSystemName="DCM" originalText="Security Alert"/>' +
      '<EventTypeCode csd-code="110147" codeSystemName="DCM" originalText="Access Control Decision"/>' +
      '<EventOutcomeDescription>GW_ERR_ROUTE_NONE</EventOutcomeDescription></EventIdentification>' +
      '<ActiveParticipant UserID="4711" UserName="hl7-gateway" UserIsRequestor="true"' +
      ' NetworkAccessPointID="gw.example" NetworkAccessPointTypeCode="1"/>' +
      '<ActiveParticipant UserID="CN=lab" UserIsRequestor="false" NetworkAccessPointID="10.0.0.9" NetworkAccessPointTypeCode="2"/>' +
      '<AuditSourceIdentification AuditEnterpriseSiteID="NORTH" AuditSourceID="gw-1"><AuditSourceTypeCode csd-code="4"/></AuditSourceIdentification>' +
      '<ParticipantObjectIdentification ParticipantObjectID="hl7-gateway://gw.example/listeners.adt" ParticipantObjectTypeCode="2" ParticipantObjectTypeCodeRole="13">' +
      '<ParticipantObjectIDTypeCode csd-code="12" codeSystemName="RFC-3881" originalText="URI"/>' +
      '<ParticipantObjectName>listeners.adt</ParticipantObjectName>' +
      '<ParticipantObjectDetail type="Alert Description" value="R1dfRVJSX1JPVVRFX05PTkU="/>' +
      '<ParticipantObjectDetail type="MSH-10" value="WC0x"/>' +
      '</ParticipantObjectIdentification></AuditMessage>',
  );
});

test.each([
  ['started', '110100', '110120'],
  ['stopped', '110100', '110121'],
  ['not authenticated', '110113', '110126'],
  ['config changed', '110113', '110131'],
  ['audit started', '110113', '110134'],
  ['audit stopped', '110113', '110133'],
  ['node state', '110113', '110132'],
  ['messages tapped', '110113', '110132'],
  ['message refused', '110113', '110147'],
  ['logged in', '110114', '110122'],
  ['logged out', '110114', '110123'],
  ['access refused', '110113', '110147'],
] as const)('%s is %s, %s', (kind, event, type) => {
  const record = auditRecord(line({ ...EVENT, kind, outcome: 'success' }));
  expect(record).toMatchObject({ event, type, outcome: '0', pri: 85, msgId: 'IHE+RFC-3881', source: 'gw-1' });
  // PS3.15 A.5.3.1 and A.5.3.12 have no participant objects.
  expect(record.object).toBe(event !== '110113' ? undefined : 'listeners.adt');
  expect(Object.keys(KINDS)).toHaveLength(12);
});

test('any text in it is well-formed, one line of ASCII, and read back as it was, but for what XML cannot say', () => {
  fc.assert(
    fc.property(fc.string({ unit: anyCharacter }), fc.string({ unit: 'grapheme' }), (name, text) => {
      const made = line({ ...EVENT, who: { id: name }, description: text, subject: name });
      expect(made).toMatch(/^[ -~]+$/);
      const { users, description } = auditRecord(made);
      const kept = (one: string) =>
        one.replace(/[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '\uFFFD');
      expect([users[1], description]).toEqual([kept(name), kept(text)]);
    }),
    { numRuns: 300 },
  );
});

test.each(['x', 'é', '&', '"', '🏥', '\u0000', '\ud800', '漢'])(
  'however long its texts of %j are, a record has no more than 8 KiB, and says that something is missing',
  (char) => {
    const text = char.repeat(20_000);
    const source = { ...SOURCE, id: text, site: text, host: text };
    const event = {
      ...EVENT,
      who: { id: text, address: text },
      subject: text,
      description: text,
      controlId: text,
    };
    const made = syslogMessage(event.at, true, source, auditMessage(event, source));
    expect(made.length).toBeLessThanOrEqual(8192);
    expect(made).toContain('&#8230;');
    expect(auditRecord(made.replace(/^(\S+ \S+) \S+/, '$1 host')).description.endsWith('…')).toBe(true);
  },
);

test.each([
  ['', '-'],
  ['a b\u00e9c', 'abc'],
  ['x'.repeat(300), 'x'.repeat(255)],
])('a host name %j is written %j', (host, written) => {
  expect(syslogMessage(EVENT.at, false, { host, pid: 1 }, 'x').split(' ')[2]).toBe(written);
});

test('frames are found wherever the bytes are cut', () => {
  const messages = [line(EVENT), 'a', line({ ...EVENT, description: 'é🙂' }), 'zwölf €'];
  const bytes = Buffer.concat(messages.map(framed));
  // Bytes are counted, and not characters.
  expect(bytes.toString('utf8').endsWith('10 zwölf €')).toBe(true);
  for (const chunks of everySplit(bytes)) {
    const counter = new OctetCounter();
    expect(chunks.flatMap((chunk) => counter.push(chunk))).toEqual(messages);
    expect(counter.isDone).toBe(true);
  }
});
