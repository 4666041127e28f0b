// One event of the audit trail as the XML of DICOM PS3.15 A.5.1 (AuditMessage), which IHE ATNA repositories take (ITI TF-2
// 3.20). Pure; promises one line of printable ASCII, whatever names and addresses hold.

/** DICOM PS3.16 CID 400 (events) and CID 403 (types of a security alert), code and meaning. */
export const KINDS = {
  // PS3.15 A.5.3.1
  started: { event: ['110100', 'Application Activity'], type: ['110120', 'Application Start'] },
  stopped: { event: ['110100', 'Application Activity'], type: ['110121', 'Application Stop'] },
  // PS3.15 A.5.3.11
  'not authenticated': { event: ['110113', 'Security Alert'], type: ['110126', 'Node Authentication'] },
  'config changed': { event: ['110113', 'Security Alert'], type: ['110131', 'Software Configuration'] },
  'audit started': { event: ['110113', 'Security Alert'], type: ['110134', 'Audit Recording Started'] },
  'audit stopped': { event: ['110113', 'Security Alert'], type: ['110133', 'Audit Recording Stopped'] },
  'node state': { event: ['110113', 'Security Alert'], type: ['110132', 'Use of Restricted Function'] },
  'messages tapped': { event: ['110113', 'Security Alert'], type: ['110132', 'Use of Restricted Function'] },
  // PS3.15 A.5.3.12
  'logged in': { event: ['110114', 'User Authentication'], type: ['110122', 'Login'] },
  'logged out': { event: ['110114', 'User Authentication'], type: ['110123', 'Logout'] },
  'access refused': { event: ['110113', 'Security Alert'], type: ['110147', 'Access Control Decision'] },
  'message refused': { event: ['110113', 'Security Alert'], type: ['110147', 'Access Control Decision'] },
} as const satisfies Record<string, { readonly event: Code; readonly type: Code }>;

type Code = readonly [code: string, meaning: string];

export type AuditKind = keyof typeof KINDS;

export interface AuditEvent {
  readonly kind: AuditKind;
  readonly at: Date;
  /** `minor`: what was tried did not come about (EventOutcomeIndicator 4); `success`: 0. */
  readonly outcome: 'success' | 'minor';
  /** Whose doing it was; undefined: the gateway's own. */
  readonly who: Participant | undefined;
  /** What it was about: a place in the config, `listeners.adt` or `pools.adt.nodes.a`. */
  readonly subject: string;
  /** For people; nothing of a message. */
  readonly description: string;
  /** MSH-10 of a message, as IHE's own events about messages have it (ITI TF-2 3.8.5.1). */
  readonly controlId?: string | undefined;
}

export interface Participant {
  /** An address, the subject of its certificate, or a name such as `SIGHUP`. */
  readonly id: string;
  /** Of the network, where it came over one. */
  readonly address?: string | undefined;
}

/** Who reports. */
export interface AuditSource {
  readonly id: string;
  readonly site: string | undefined;
  readonly host: string;
  readonly pid: number;
}

/**
 * In octets as they are escaped: with all of them at their longest a record has less than 8 KiB, which receivers should take
 * (RFC 5425 4.3.1) and more than which rsyslog cuts off unless it is told otherwise.
 */
const MAX_TEXT = 1_500;
const MAX_NAME = 300;

export function auditMessage(event: AuditEvent, source: AuditSource): string {
  const { kind, at, outcome, who } = event;
  const description = cut(event.description, MAX_TEXT);
  const subject = cut(event.subject, MAX_NAME);
  const controlId = event.controlId === undefined ? undefined : cut(event.controlId, MAX_NAME);
  const host = cut(source.host, MAX_NAME);
  const { event: eventId, type } = KINDS[kind];
  const isActivity = eventId[0] === '110100';
  const isLogIn = eventId[0] === '110114';
  const own = participant({
    id: String(source.pid),
    role: isActivity ? ['110150', 'Application'] : undefined,
    // A.5.2.3: of a process, its name. AlternativeUserID is for AE titles (A.5.2.2), which a gateway of HL7 has none of.
    name: 'hl7-gateway',
    // A.5.3.11: true for who reports an alert. A.5.3.1: for who started it, and nobody says who that was. A.5.3.12: for who logs in.
    isRequestor: !isActivity && !isLogIn,
    address: host,
  });
  const performed =
    who === undefined
      ? ''
      : participant({
          id: cut(who.id, MAX_NAME),
          // A.5.3.1: who started or stopped it.
          role: isActivity ? ['110151', 'Application Launcher'] : undefined,
          isRequestor: isLogIn,
          address: who.address === undefined ? undefined : cut(who.address, MAX_NAME),
        });
  const site =
    source.site === undefined ? '' : attribute('AuditEnterpriseSiteID', cut(source.site, MAX_NAME));
  return (
    `<AuditMessage>` +
    `<EventIdentification EventActionCode="E"${attribute('EventDateTime', at.toISOString())}` +
    ` EventOutcomeIndicator="${outcome === 'success' ? 0 : 4}">` +
    `${coded('EventID', eventId)}${coded('EventTypeCode', type)}` +
    `<EventOutcomeDescription>${escaped(description)}</EventOutcomeDescription></EventIdentification>` +
    `${own}${performed}` +
    // 4: application server (A.5.1).
    `<AuditSourceIdentification${site}${attribute('AuditSourceID', cut(source.id, MAX_NAME))}>` +
    `<AuditSourceTypeCode csd-code="4"/></AuditSourceIdentification>` +
    `${isActivity || isLogIn ? '' : alertSubject(subject, host, description, controlId)}</AuditMessage>`
  );
}

/** A.5.3.11, alert subject: a system object (2), which is a security resource (13). */
function alertSubject(
  subject: string,
  host: string,
  description: string,
  controlId: string | undefined,
): string {
  const message = controlId === undefined ? '' : detail('MSH-10', controlId);
  const uri = `hl7-gateway://${inUri(host)}/${inUri(subject)}`;
  return (
    `<ParticipantObjectIdentification${attribute('ParticipantObjectID', uri)}` +
    ` ParticipantObjectTypeCode="2" ParticipantObjectTypeCodeRole="13">` +
    `<ParticipantObjectIDTypeCode csd-code="12" codeSystemName="RFC-3881" originalText="URI"/>` +
    `<ParticipantObjectName>${escaped(subject)}</ParticipantObjectName>` +
    `${detail('Alert Description', description)}${message}</ParticipantObjectIdentification>`
  );
}

interface ParticipantParts {
  readonly id: string;
  readonly name?: string | undefined;
  readonly isRequestor: boolean;
  readonly role?: Code | undefined;
  readonly address?: string | undefined;
}

function participant({ id, name, isRequestor, role, address }: ParticipantParts): string {
  const named = name === undefined ? '' : attribute('UserName', name);
  // 1: a machine's name, 2: its IP address (A.5.1).
  const from =
    address === undefined
      ? ''
      : `${attribute('NetworkAccessPointID', address)} NetworkAccessPointTypeCode="${isAddress(address) ? 2 : 1}"`;
  const open = `<ActiveParticipant${attribute('UserID', id)}${named} UserIsRequestor="${isRequestor}"${from}`;
  return role === undefined ? `${open}/>` : `${open}>${coded('RoleIDCode', role)}</ActiveParticipant>`;
}

function isAddress(text: string): boolean {
  return /^[\d.]+$|:/.test(text);
}

function coded(element: string, [code, meaning]: Code): string {
  return `<${element} csd-code="${code}" codeSystemName="DCM" originalText="${meaning}"/>`;
}

/** A.5.3.11: a URI, whatever the host is called (RFC 3986 2.1). */
function inUri(part: string): string {
  return encodeURIComponent(part.toWellFormed());
}

/** A.5.1: the value is base64. */
function detail(type: string, value: string): string {
  return `<ParticipantObjectDetail type="${type}" value="${Buffer.from(value, 'utf8').toString('base64')}"/>`;
}

function attribute(name: string, value: string): string {
  return ` ${name}="${escaped(value)}"`;
}

/**
 * ASCII only, so that no byte order mark is needed (RFC 5424 6.4). What XML 1.0 cannot say becomes U+FFFD: left out, a name with
 * a NUL in it would be another's.
 */
function escaped(text: string): string {
  return text
    .replace(/[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '\uFFFD')
    .replace(/[^\x20-\x7e]|[&<>"']/gu, (char) => `&#${char.codePointAt(0)};`);
}

/** As much of it as has so many octets when it is escaped; that something is missing shows. */
function cut(text: string, maxOctets: number): string {
  // No character has more than 8: `&#65535;`, and those above are two in a string.
  if (text.length * 8 <= maxOctets) return text;
  let octets = 0;
  let end = 0;
  for (const char of text) {
    octets += escaped(char).length;
    if (octets > maxOctets) return `${text.slice(0, end)}…`;
    end += char.length;
  }
  return text;
}
