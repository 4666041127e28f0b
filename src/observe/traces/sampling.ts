// The share of traces that is recorded, by their ids: every gateway and every node that goes by the same share takes the
// same traces. The arithmetic is that of opentelemetry-js (TraceIdRatioBasedSampler); a test holds the two together.
import type { RemoteContext, TraceContext } from './trace-context.ts';

/** Whose word on sampling counts: that of `trustedProxies`, everybody's, nobody's. */
export type ParentRule = 'trusted' | 'always' | 'never';

export interface SamplingOptions {
  /** From 0 to 1. */
  readonly share: number;
  readonly parent: ParentRule;
}

export class Sampling {
  readonly #parent: ParentRule;
  readonly #bound: number;

  constructor({ share, parent }: SamplingOptions) {
    this.#parent = parent;
    this.#bound = share >= 1 ? 2 ** 32 : Math.floor(share * (2 ** 32 - 1));
  }

  /**
   * OpenTelemetry's rejection threshold of the share: so much of 2^56 is not recorded, in hexadecimal digits without zeros at
   * their end. Undefined: others decide, and only they know.
   */
  threshold(trace: TraceContext): string | undefined {
    const { batch } = trace;
    if (batch !== undefined) return this.threshold(batch);
    return this.#parentOf(trace) === undefined ? thresholdOf(this.#bound) : undefined;
  }

  takes(trace: TraceContext): boolean {
    const { batch } = trace;
    if (batch !== undefined) return batch.sampled ?? this.takes(batch);
    const parent = this.#parentOf(trace);
    if (parent !== undefined) return parent.sampled;
    // No id is drawn for these.
    if (this.#bound === 2 ** 32 || this.#bound === 0) return this.#bound > 0;
    return trace.lot < this.#bound;
  }

  /** Who decides. */
  #parentOf({ remote }: TraceContext): RemoteContext | undefined {
    if (remote === undefined) return undefined;
    const counts = this.#parent === 'always' || (this.#parent === 'trusted' && remote.trusted);
    return counts ? remote : undefined;
  }
}

/** Of nothing at all there is none. */
function thresholdOf(bound: number): string | undefined {
  if (bound === 0) return undefined;
  const digits = (2 ** 32 - bound).toString(16).padStart(8, '0').replace(/0+$/, '');
  return digits === '' ? '0' : digits;
}

/** `tracestate` with the threshold by which its root was recorded; what others say in it stays. */
export function withThreshold(state: string | undefined, threshold: string): string {
  const entries = state?.split(',') ?? [];
  const own = entries.find((entry) => entry.startsWith('ot='));
  const others =
    own
      ?.slice(3)
      .split(';')
      .filter((field) => !field.startsWith('th:')) ?? [];
  return [`ot=${[`th:${threshold}`, ...others].join(';')}`, ...entries.filter((entry) => entry !== own)].join(
    ',',
  );
}
