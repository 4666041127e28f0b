// From what the store has to a message that the pool's queue can take: header, route, sticky key, how it is posted.
import { HttpPostPlans } from '../../../routing/http-post-plan.ts';
import type { TraceSampler } from '../../../routing/trace-sampler.ts';
import type { RouteConfig } from '../../config/config.ts';
import { awaitedOf } from '../../hl7/answers.ts';
import { readHeader } from '../../hl7/header.ts';
import { transcodeToUtf8 } from '../../hl7/transcode.ts';
import { Message, type Outcome } from '../../relay/message.ts';
import { postInUtf8, wantsUtf8 } from '../../relay/pipeline.ts';
import type { PoolQueue } from '../../relay/pool-queue.ts';
import { keyFor } from '../../relay/route-resolver.ts';
import type { StoredContent } from '../spool-store.ts';
import { StoredOrigin } from './stored-origin.ts';

/** By one config. */
export class StoredMessages {
  readonly #routes: ReadonlyMap<string, RouteConfig>;
  readonly #plans: HttpPostPlans;

  constructor(routes: readonly RouteConfig[], sampler: TraceSampler) {
    this.#routes = new Map(routes.map((route) => [route.name, route]));
    this.#plans = new HttpPostPlans(routes, sampler);
  }

  /**
   * It goes to the pool that it was stored for, whatever routes say by now: they have decided when it came.
   *
   * @throws GatewayError GW_ERR_HEADER_MSH, GW_ERR_PARSE_CHARSET, …
   */
  from(
    { label, payload }: StoredContent,
    queue: PoolQueue,
    onSettled: (message: Message, outcome: Outcome) => void,
  ): Message {
    const message = new Message(payload, new StoredOrigin(label, onSettled));
    const header = readHeader(payload);
    message.header = header;
    const route = this.#routes.get(label.route);
    if (route !== undefined) message.matchedRoute(route);
    const { config } = queue;
    // As its listener had it: a key may hold its name.
    const view = { header, listener: label.listener, peer: message.origin.peer };
    const plan = config.protocol === 'http' ? this.#plans.for(message) : undefined;
    message.routed(plan, keyFor(view, config.persistence), awaitedOf(header, config.acknowledgement), 0);
    if (wantsUtf8(queue)) postInUtf8(message, transcodeToUtf8(header, payload));
    return message;
  }
}

/** Messages that the nodes which can be used take at once. */
export function roomOf({ pool, config }: PoolQueue): number {
  const { max, pipelining } = config.connections;
  const each = config.protocol === 'mllp' ? max * pipelining : max;
  return pool.nodes.filter(({ usable }) => usable).length * each;
}
