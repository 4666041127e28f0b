// A record as a syslog message (RFC 5424), and as a frame of it on a connection (RFC 5425 4.3: octet counting). Pure.

/**
 * ITI TF-2 3.20.4.1.2: facility 10 (security and authorization), severity 5 (normal but significant) or 4 (warning).
 * RFC 5424 6.2.1: facility × 8 + severity.
 */
const FACILITY = 10;
const NOTICE = 5;
const WARNING = 4;
/** The same clause; also where the message is DICOM's. */
const MSGID = 'IHE+RFC-3881';

export interface SyslogSource {
  readonly host: string;
  readonly pid: number;
}

/** No structured data, as the clause says. */
export function syslogMessage(
  at: Date,
  isWarning: boolean,
  { host, pid }: SyslogSource,
  text: string,
): string {
  const pri = FACILITY * 8 + (isWarning ? WARNING : NOTICE);
  return `<${pri}>1 ${at.toISOString()} ${hostName(host)} hl7-gateway ${pid} ${MSGID} - ${text}`;
}

export function framed(message: string): Buffer {
  const bytes = Buffer.from(message, 'utf8');
  return Buffer.concat([Buffer.from(`${bytes.length} `, 'ascii'), bytes]);
}

/** RFC 5424 6.2.4: 1 to 255 printable characters; `-`: there is none. */
function hostName(host: string): string {
  return host.replace(/[^!-~]/g, '').slice(0, 255) || '-';
}
