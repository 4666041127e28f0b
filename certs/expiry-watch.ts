// Says in time that a certificate in use ends: once at each of the thresholds, and at the end.
import { clearInterval, setInterval, wallMs } from '../src/platform/time.ts';
import type { Certificate } from './certificate.ts';
import { daysLeft } from './certificate.ts';

/** Days before the end at which to warn. A hospital's CA may take weeks to answer a request. */
const THRESHOLDS = [1, 7, 14, 30] as const;

/** Warnings are for days: an hour's delay is nothing, and the check costs nothing. */
const INTERVAL_MS = 3_600_000;

export type OnExpiry = (certificate: Certificate, days: number) => void;

export class ExpiryWatch {
  readonly #certificates: () => readonly Certificate[];
  readonly #onExpiry: OnExpiry;
  /** By fingerprint: the threshold that was warned about last; 0: that it has ended. */
  #warned = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(certificates: () => readonly Certificate[], onExpiry: OnExpiry) {
    this.#certificates = certificates;
    this.#onExpiry = onExpiry;
  }

  start(): void {
    this.check(new Date(wallMs()));
    this.#timer = setInterval(() => this.check(new Date(wallMs())), INTERVAL_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  check(now: Date): void {
    const warned = new Map<string, number>();
    for (const certificate of this.#certificates()) {
      const days = daysLeft(certificate, now);
      const threshold = days < 0 ? 0 : THRESHOLDS.find((one) => days <= one);
      if (threshold === undefined || warned.has(certificate.fingerprint)) continue;
      if (this.#warned.get(certificate.fingerprint) !== threshold) this.#onExpiry(certificate, days);
      warned.set(certificate.fingerprint, threshold);
    }
    this.#warned = warned;
  }
}
