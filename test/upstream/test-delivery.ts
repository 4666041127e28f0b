// A message to give to an upstream or to a part of one, and what became of it.
import type { GatewayError } from '../../src/errors.ts';
import { type Header, readHeader } from '../../src/hl7/header.ts';
import type { Channel, Delivery } from '../../src/upstream/delivery.ts';
import { frame, type MessageParts, message } from '../helpers/mllp.ts';
import { until } from '../helpers/until.ts';

export class TestDelivery implements Delivery {
  readonly payload: Buffer;
  readonly frame: Buffer;
  readonly header: Header;
  readonly expectsAnswer: boolean;
  unwanted = false;
  clientAddress: string | undefined;
  /** `assigned`, `written`, and how it ended: `answered AA`, `unanswered` or an error's code. */
  readonly events: string[] = [];
  channel: Channel | undefined;

  constructor(controlId: string, expectsAnswer = true, parts: MessageParts = {}) {
    this.payload = message({ ...parts, controlId });
    this.frame = frame(this.payload);
    this.header = readHeader(this.payload);
    this.expectsAnswer = expectsAnswer;
  }

  get end(): string | undefined {
    return this.events.find((event) => event !== 'assigned' && event !== 'written');
  }

  assigned(channel: Channel): void {
    this.channel = channel;
    this.events.push('assigned');
  }

  written(): void {
    this.events.push('written');
  }

  answered(ack: { code: string }): void {
    this.events.push(`answered ${ack.code}`);
  }

  unanswered(): void {
    this.events.push('unanswered');
  }

  failed(error: GatewayError): void {
    this.events.push(error.code);
  }

  /** Resolves to how it ended. */
  over(): Promise<string> {
    return until(() => this.end, { what: `the end of ${this.header.controlId}` });
  }
}
