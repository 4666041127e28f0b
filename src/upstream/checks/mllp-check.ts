// Check of type mllp: sends a message of its own and reads its acknowledgement, on a connection for this alone.
// Good is the answer that the config names, to this very message (MSA-2).

import type { MllpCheckConfig } from '../../config/health-config.ts';
import { readAck } from '../../hl7/ack.ts';
import { readHeader } from '../../hl7/header.ts';
import { frame } from '../../mllp/frame.ts';
import { closeGracefully } from '../../mllp/graceful-close.ts';
import { readFrames } from '../../mllp/read-frames.ts';
import { onOtherPlatform } from '../../platform/current.ts';
import { clearTimeout, monotonicMs, setTimeout, wallMs } from '../../platform/time.ts';
import { dial } from '../dial.ts';
import { type Check, type CheckResult, failed, PASSED, type Proof } from './check.ts';
import type { DialCheckOptions } from './dial-check.ts';

export interface MllpCheckOptions extends DialCheckOptions {
  readonly settleMs: number;
  readonly message: string;
  readonly ack: MllpCheckConfig['ack'];
}

/** An acknowledgement has two or three segments, and a probe channel has no reason for long texts. */
const LIMITS = { maxFrameBytes: 64 * 1024, maxJunkBytes: 4096 };

let count = 0;
onOtherPlatform(() => {
  count = 0;
});

export class MllpCheck implements Check {
  readonly type = 'mllp';
  readonly onDataPort: boolean;
  readonly proof: Proof;
  readonly #options: MllpCheckOptions;

  constructor(options: MllpCheckOptions) {
    this.onDataPort = options.onDataPort;
    this.proof = options.proof;
    this.#options = options;
  }

  ask(signal: AbortSignal): Promise<CheckResult> {
    const { timeoutMs, settleMs } = this.#options;
    return new Promise((resolve) => {
      const startedAt = monotonicMs();
      const abort = dial(
        { ...this.#options, connectMs: timeoutMs, settleMs: Math.min(settleMs, timeoutMs) },
        (socket) => {
          let over = false;
          const end = (verdict: CheckResult): void => {
            if (over) return;
            over = true;
            clearTimeout(timer);
            stop();
            closeGracefully(socket);
            resolve(verdict);
          };
          const leftMs = Math.max(timeoutMs - (monotonicMs() - startedAt), 1);
          const timer = setTimeout(() => end(failed('no answer in time')), leftMs);
          const payload = messageOf(this.#options.message);
          const onClose = (): void => end(failed('closed without an answer'));
          const stop = readFrames(socket, LIMITS, {
            onPayload: (answer) => end(this.#judge(payload, answer)),
            onEmptyFrame: () => end(failed('an empty frame')),
            onFault: (code) => end(failed(code)),
            onEnd: onClose,
          });
          signal.addEventListener('abort', onClose);
          socket.write(frame(payload));
        },
        (error) => {
          resolve(error.code === 'GW_ERR_NODE_FULL' ? { kind: 'full' } : failed(error.detail ?? error.code));
        },
      );
      signal.addEventListener('abort', () => {
        abort();
        resolve(failed('aborted'));
      });
    });
  }

  #judge(message: Buffer, answer: Buffer): CheckResult {
    const ack = readAck(answer);
    if (ack === undefined) return failed('the answer is no acknowledgement');
    if (ack.controlId !== readHeader(message).controlId) return failed('MSA-2 is of another message');
    const { ack: wanted } = this.#options;
    const good =
      wanted === 'any' ||
      (wanted === 'positive' ? ack.code === 'AA' || ack.code === 'CA' : ack.code === wanted);
    return good ? PASSED : failed(`answered ${ack.code}`);
  }
}

/** Each check is a message of its own: a channel that drops what it has seen before must not drop the probe. */
function messageOf(template: string): Buffer {
  const now = new Date(wallMs());
  const time = now.toISOString().slice(0, 19).replaceAll(/[-T:]/g, '');
  // 20 characters are what MSH-10 holds before v2.5.1.
  const id = `HC${now.getTime().toString(36)}${(++count % 1_000_000).toString(36)}`.toUpperCase();
  return Buffer.from(template.replaceAll('{id}', id).replaceAll('{time}', time));
}
