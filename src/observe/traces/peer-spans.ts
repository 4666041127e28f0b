// Spans that the gateway tells of for others, its senders and nodes, so that a map of services has them. Each is a ResourceSpans of its
// own in the gateway's export. Promises a bound on how many services there are, as a sender's name is the sender's word.
import { attributeKey, BYTES, ProtoWriter, tag } from '../otlp/proto-writer.ts';
import { writeResource } from '../otlp/source.ts';

/** More than a hospital has applications; a service costs some 100 bytes here, and a line in Jaeger's list. */
const MAX_SERVICES = 500;
/** Whoever comes after these. */
const OTHER_SERVICES = 'other services';

/** A batch's peers, before it grows. */
const FIRST_BYTES = 4096;

const RESOURCE_SPANS = tag(1, BYTES);
const SCOPE_SPANS = tag(2, BYTES);

/** The span is made by the gateway and not by the service that it is of. */
export const REPORTED = attributeKey('gateway.reported');

export class PeerSpans {
  readonly out = new ProtoWriter(Buffer.alloc(FIRST_BYTES));
  readonly #scope: Uint8Array;
  readonly #services = new Map<string, Uint8Array>();
  #resourceSpans = 0;
  #scopeSpans = 0;

  /** `scope`: field 1 of ScopeSpans, as it is on the wire. */
  constructor(scope: Uint8Array) {
    this.#scope = scope;
  }

  /** What is written next, up to `close`, is one span of this service. */
  open(service: string): void {
    const { out } = this;
    this.#resourceSpans = out.open(RESOURCE_SPANS);
    out.raw(this.#resourceOf(service));
    this.#scopeSpans = out.open(SCOPE_SPANS);
    out.raw(this.#scope);
  }

  close(): void {
    this.out.close(this.#scopeSpans);
    this.out.close(this.#resourceSpans);
  }

  /** All there is, as fields of an ExportTraceServiceRequest; empty where there is nothing. */
  take(): Uint8Array {
    if (this.out.length === 0) return NOTHING;
    return this.out.take(Buffer.alloc(FIRST_BYTES));
  }

  #resourceOf(service: string): Uint8Array {
    const known = this.#services.get(service);
    if (known !== undefined) return known;
    if (this.#services.size >= MAX_SERVICES && service !== OTHER_SERVICES)
      return this.#resourceOf(OTHER_SERVICES);
    const out = new ProtoWriter(Buffer.alloc(256));
    writeResource(out, { 'service.name': service });
    const bytes = out.take(NOTHING);
    this.#services.set(service, bytes);
    return bytes;
  }
}

const NOTHING = Buffer.alloc(0);
