// What routing may look at: a message's header (and through it the message), the HTTP request, the listener, the sender.
// Reads one subject of a condition or of a sticky key; never throws, whatever the message holds.
import type { Subject } from '../src/config/config.ts';
import { readEnveloped, readPath } from '../src/hl7/field-path.ts';
import type { FieldsRead } from '../src/hl7/field-query-plan.ts';
import type { Header } from '../src/hl7/header.ts';

export interface Peer {
  /** As the socket reports it, or the proxy before it. */
  readonly address: string;
  readonly port: number;
  /** Present where the sender showed a client certificate. */
  readonly tls?:
    | { readonly subject: string; readonly san: readonly string[]; readonly fingerprint: string }
    | undefined;
}

/** An HTTP request's line and headers, as they will be forwarded. */
export interface RequestView {
  readonly method: string;
  /** In lower case, without its port. */
  readonly host: string;
  /** Normalised, without the query. */
  readonly path: string;
  /** `name` in lower case; several values are joined by `, `. */
  header(name: string): string | undefined;
  cookie(name: string): string | undefined;
}

export interface MessageView {
  /** Undefined: no HL7 message, but a request to be proxied. */
  readonly header: Header | undefined;
  /** Undefined: it did not come over HTTP. */
  readonly http?: RequestView | undefined;
  /** Name of the listener. */
  readonly listener: string;
  readonly peer: Peer;
  /** An FHS or BHS around the message: it says whom the message is from (F122). Only where `fields` is undefined. */
  readonly envelope?: Header | undefined;
  /** Where a parse worker reads the fields: what it has read. Undefined: they are read from the bytes, here and now. */
  readonly fields?: FieldsRead | undefined;
}

/** The subject's value; undefined if there is none. Several names of a certificate (`tls.san`) are joined by commas. */
export function readSubject(view: MessageView, subject: Subject): string | undefined {
  switch (subject.kind) {
    case 'field':
      if (view.header === undefined) return undefined;
      if (view.envelope !== undefined) return readEnveloped(view.header, view.envelope, subject.path);
      return view.fields === undefined
        ? readPath(view.header, subject.path)
        : view.fields.text(view.header, subject.path);
    case 'listener':
      return view.listener;
    case 'source':
      return sourceAddress(view.peer.address);
    case 'tls.subject':
      return view.peer.tls?.subject;
    case 'tls.san':
      return view.peer.tls?.san.join(',');
    case 'tls.fingerprint':
      return view.peer.tls?.fingerprint;
    case 'method':
    case 'host':
    case 'path':
      return view.http?.[subject.kind];
    case 'header':
      return view.http?.header(subject.name);
    case 'cookie':
      return view.http?.cookie(subject.name);
  }
}

/** A socket that listens on `::` reports IPv4 senders as `::ffff:10.1.2.3` (RFC 4291 2.5.5.2); here they are IPv4. */
export function sourceAddress(address: string): string {
  return MAPPED.test(address) ? address.slice(7) : address;
}

const MAPPED = /^::ffff:\d+\.\d+\.\d+\.\d+$/i;
