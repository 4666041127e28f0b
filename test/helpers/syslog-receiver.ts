// An audit record repository for a test: takes syslog over TLS (RFC 5425) and keeps every message. Promises to be strict about
// the framing, wherever the bytes are cut, and to go and come back on the same port.
import { once } from 'node:events';
import tls from 'node:tls';
import { portOf } from './openssl.ts';

/** Octet counting: `LENGTH SP MESSAGE`. */
export class OctetCounter {
  #bytes = Buffer.alloc(0);

  /** Messages that are whole with this chunk. */
  push(chunk: Buffer): string[] {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    const messages: string[] = [];
    for (;;) {
      const space = this.#bytes.indexOf(0x20);
      const head = this.#bytes.subarray(0, space < 0 ? 10 : space).toString('latin1');
      if (!/^(?:[1-9]\d{0,8})?$/.test(head) || space === 0)
        throw new Error(`no length: ${JSON.stringify(head)}`);
      if (space < 0 || this.#bytes.length < space + 1 + Number(head)) return messages;
      const end = space + 1 + Number(head);
      messages.push(this.#bytes.subarray(space + 1, end).toString('utf8'));
      this.#bytes = this.#bytes.subarray(end);
    }
  }

  /** Nothing is left of a message that has begun. */
  get isDone(): boolean {
    return this.#bytes.length === 0;
  }
}

export class SyslogReceiver implements AsyncDisposable {
  readonly messages: string[] = [];
  readonly errors: unknown[] = [];
  /** Subjects of client certificates, one for each connection. */
  readonly clients: (string | undefined)[] = [];
  readonly #options: tls.TlsOptions;
  readonly #sockets = new Set<tls.TLSSocket>();
  #server: tls.Server | undefined;
  port = 0;

  constructor(options: tls.TlsOptions) {
    this.#options = options;
  }

  async listen(): Promise<void> {
    const server = tls.createServer(this.#options, (socket) => this.#serve(socket));
    // A client that does not trust it.
    server.on('tlsClientError', (_, socket) => socket.destroy());
    this.#server = server;
    server.listen(this.port, '127.0.0.1');
    await once(server, 'listening');
    this.port = portOf(server);
  }

  /** Its connections are reset, and nothing listens there any more. */
  async leave(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(server, 'close');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave();
    if (this.errors.length > 0) throw this.errors[0];
  }

  #serve(socket: tls.TLSSocket): void {
    const counter = new OctetCounter();
    if (this.#server === undefined) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    this.clients.push(socket.getPeerX509Certificate()?.subject);
    socket.on('data', (chunk: Buffer) => {
      try {
        this.messages.push(...counter.push(chunk));
      } catch (thrown) {
        this.errors.push(thrown);
        socket.destroy();
      }
    });
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
  }
}

export async function startSyslogReceiver(options: tls.TlsOptions): Promise<SyslogReceiver> {
  const receiver = new SyslogReceiver(options);
  await receiver.listen();
  return receiver;
}

export interface AuditRecord {
  readonly pri: number;
  readonly host: string;
  readonly msgId: string;
  readonly event: string;
  readonly type: string;
  readonly outcome: string;
  readonly description: string;
  readonly users: readonly string[];
  readonly addresses: readonly string[];
  readonly object: string | undefined;
  readonly details: Readonly<Record<string, string>>;
  readonly source: string;
  readonly site: string | undefined;
}

const HEADER =
  /^<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) ([!-~]{1,255}) hl7-gateway (\d+) (\S+) - (<AuditMessage>.*<\/AuditMessage>)$/;

/** What a line says; throws for one that is none of RFC 5424, or whose XML is not well formed. */
export function auditRecord(line: string): AuditRecord {
  const [, pri, , host = '', , msgId = '', xml = ''] = HEADER.exec(line) ?? [];
  if (pri === undefined) throw new Error(`no record: ${line}`);
  checkNesting(xml);
  const code = (element: string): string =>
    new RegExp(`<${element} csd-code="(\\d+)" codeSystemName="DCM" originalText="[A-Z][A-Za-z ]+"/>`).exec(
      xml,
    )?.[1] ?? '';
  const all = (pattern: RegExp): string[] =>
    [...xml.matchAll(pattern)].map(([, value = '']) => decoded(value));
  return {
    pri: Number(pri),
    host,
    msgId,
    event: code('EventID'),
    type: code('EventTypeCode'),
    outcome: / EventOutcomeIndicator="(\d+)"/.exec(xml)?.[1] ?? '',
    description: all(/<EventOutcomeDescription>(.*?)<\/EventOutcomeDescription>/g)[0] ?? '',
    users: all(/<ActiveParticipant UserID="([^"]*)"/g),
    addresses: all(/ NetworkAccessPointID="([^"]*)"/g),
    object: all(/<ParticipantObjectName>(.*?)<\/ParticipantObjectName>/g)[0],
    details: Object.fromEntries(
      [...xml.matchAll(/<ParticipantObjectDetail type="([^"]+)" value="([A-Za-z0-9+/=]*)"\/>/g)].map(
        ([, type = '', value = '']) => [type, Buffer.from(value, 'base64').toString('utf8')],
      ),
    ),
    source: all(/ AuditSourceID="([^"]*)"/g)[0] ?? '',
    site: all(/ AuditEnterpriseSiteID="([^"]*)"/g)[0],
  };
}

/** Each element ends where it should, attributes are quoted and come once, and no character is one that must be escaped. */
function checkNesting(xml: string): void {
  const open: string[] = [];
  const rest = xml.replaceAll(
    /<(\/?)([A-Za-z]+)((?: [A-Za-z-]+="[^"<&]*(?:&#\d+;[^"<&]*)*")*)(\/?)>/g,
    (tag, closes: string, name: string, attributes: string, isEmpty: string) => {
      const names = [...attributes.matchAll(/ ([A-Za-z-]+)="/g)].map(([, one]) => one);
      if (new Set(names).size !== names.length) throw new Error(`an attribute comes twice: ${tag}`);
      if (closes === '') {
        if (isEmpty === '') open.push(name);
      } else if (open.pop() !== name) throw new Error(`wrong end: ${tag}`);
      return '';
    },
  );
  if (open.length > 0 || /[<>]|&(?!#\d+;)|[^ -~]/.test(rest)) throw new Error(`not well formed: ${xml}`);
}

function decoded(text: string): string {
  return text.replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)));
}
