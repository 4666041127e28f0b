// The share of traces that is recorded, by their ids: every gateway and every node that goes by the same share takes the
// same traces. The arithmetic is that of opentelemetry-js (TraceIdRatioBasedSampler); a test holds the two together.
import type { TraceContext } from '../trace-context.ts';

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

  takes(trace: TraceContext): boolean {
    const { remote, batch } = trace;
    if (batch !== undefined) return batch.sampled ?? this.takes(batch);
    if (remote !== undefined && (this.#parent === 'always' || (this.#parent === 'trusted' && remote.trusted)))
      return remote.sampled;
    // No id is drawn for these.
    if (this.#bound === 2 ** 32 || this.#bound === 0) return this.#bound > 0;
    return trace.lot < this.#bound;
  }
}
