// A message's life, in the order in which it is lived: accept → parse → resolve route → order → choose node → send → match → reply.
// Every message that is accepted is settled once: answered by a node, or failed with a named error. What takes long to read is
// read in the parse pool meanwhile; what comes behind it from the same sender waits for its turn.
import { NO_TRACES, type TraceSampler } from '../../routing/trace-sampler.ts';
import { asGatewayError, GatewayError } from '../errors.ts';
import type { Piece } from '../hl7/batch.ts';
import { HEADER_ONLY, UNREAD } from '../hl7/field-query-plan.ts';
import { isHeaderDeep, readHeader } from '../hl7/header.ts';
import type { Parsing } from '../hl7/parsing.ts';
import { transcodeToUtf8 } from '../hl7/transcode.ts';
import { requireValid, type ValidationRules } from '../hl7/whole/validation.ts';
import { monotonicMs } from '../platform/time.ts';
import { checkEnvelopes, mayBeSplit, piecesToSplit, SplitBatch } from './batch.ts';
import { type KeyOwnership, needsOwner } from './key-ownership.ts';
import type { Message, Origin } from './message.ts';
import { type ReloadGuard, ReorderBuffer, type ReorderSlot } from './ordering.ts';
import type { PoolQueue } from './pool-queue.ts';
import { type Admission, RouteResolver, type RoutingSnapshot } from './route-resolver.ts';

/** Of a message that is routed again: its listener has admitted it. */
const ADMITTED: Admission = {
  batch: 'whole',
  maxBatch: 0,
  missingControlId: 'forward',
  utf16: 'forward',
  allowance: undefined,
};

/** ISO 2022 switches character sets by it. */
const ESC = 0x1b;

/** What of a reload is to be known. */
export interface RoutingChange {
  readonly ways: RoutingSnapshot;
  /** Names of the listeners that there are now. */
  readonly listeners: ReadonlySet<string>;
  /** Of those that are gone: what they have still goes by the config that they had. */
  readonly gone: Iterable<Admission>;
  /**
   * Where messages may go another way than before: all that pools have. They are routed again when they are next looked at,
   * unless a node has or may have them.
   */
  readonly taken: Iterable<Message> | undefined;
}

/** What a message is to be split into, or who is to take it. */
type ParseResult = { readonly pieces: readonly Piece[] } | { readonly queue: PoolQueue };

export class Pipeline {
  readonly routes: RouteResolver;
  readonly #parsing: Parsing;
  readonly #reorderBuffer: ReorderBuffer;
  readonly #reloadGuard: ReloadGuard;
  readonly #sampler: TraceSampler;
  /** Undefined: no other process has messages of any key. */
  readonly #keys: KeyOwnership | undefined;

  constructor(
    routing: RoutingSnapshot,
    reloadGuard: ReloadGuard,
    parsing: Parsing,
    sampler: TraceSampler = NO_TRACES,
    keys?: KeyOwnership,
  ) {
    this.#keys = keys;
    this.#sampler = sampler;
    this.#parsing = parsing;
    this.#reloadGuard = reloadGuard;
    this.routes = new RouteResolver(routing, reloadGuard, sampler);
    this.#reorderBuffer = new ReorderBuffer((message) => {
      if (message.phase === 'over') reloadGuard.release(message);
    });
    reloadGuard.attach((message) => this.#routeAgain(message));
  }

  /** Messages that come from now on go by other routes. */
  reconfigure({ ways, listeners, gone, taken }: RoutingChange): void {
    this.routes.reconfigure(ways, gone);
    this.#reloadGuard.reload(listeners, taken);
  }

  /** Messages that are being read in the parse pool, or wait behind such or for others to be out of their way. */
  get reading(): number {
    return this.#reorderBuffer.count;
  }

  /** The same of listeners that are gone: they go by an earlier config, to pools that may be gone too. */
  get isReadingOld(): boolean {
    return this.#reorderBuffer.some(({ listener }) => this.#reloadGuard.isGone(listener));
  }

  /** The pool has no room for what this sender sends: it is not to be read until one of its messages is over. */
  holdsUp(origin: Origin): boolean {
    return this.#reorderBuffer.count > 0 && this.#parsing.isFull && this.#reorderBuffer.has(origin);
  }

  /**
   * The whole way of a message that goes straight through: what a node then answers is matched by its connection, and
   * `Message.answered` has its origin reply. A message that has to wait leaves this way, and whoever it waits for brings it on.
   */
  accept(message: Message, admission: Admission): void {
    const pool = this.#resolveRoute(message, admission);
    if (pool === undefined || !this.#hasTurn(message, pool)) return;
    try {
      if (!pool.order(message)) return;
      const choice = pool.chooseNode(message);
      if (choice !== undefined) pool.send(message, choice);
    } catch (thrown) {
      fail(message, thrown);
    }
  }

  /** Parses it and finds its route. Undefined: it goes nowhere, or its reading takes long. */
  #resolveRoute(message: Message, admission: Admission): PoolQueue | undefined {
    const { payload } = message;
    const isLarge = payload.length > this.#parsing.inlineLimitBytes;
    if (isLarge && (this.#parsing.readsHeaders || isHeaderDeep(payload))) {
      this.#readElsewhere(message, admission);
      return undefined;
    }
    try {
      message.header = readHeader(payload);
      // Whether it is a batch is seen at its end only.
      if (isLarge && mayBeSplit(message, admission)) throw UNREAD;
      const pieces = piecesToSplit(message, admission);
      if (pieces === undefined) {
        const pool = this.#decideHere(message, admission, isLarge);
        this.#parsing.stats.inline++;
        return pool;
      }
      this.#parsing.stats.inline++;
      const slot = this.#reorderBuffer.begin(message);
      this.#reorderBuffer.end(slot, () => this.#split(slot, pieces, admission));
    } catch (thrown) {
      if (thrown === UNREAD) {
        this.#readElsewhere(message, admission);
        return undefined;
      }
      this.#parsing.stats.inline++;
      // Goes nowhere, so it can overtake nothing; its answer waits for those ahead of it.
      fail(message, thrown);
    }
    return undefined;
  }

  /** All on the event loop; throws UNREAD of a message that is too large for that. */
  #decideHere(message: Message, admission: Admission, isLarge: boolean): PoolQueue {
    const pool = this.routes.decide(message, admission, isLarge ? HEADER_ONLY : undefined);
    const rules = rulesFor(message);
    const toUtf8 = wantsUtf8(pool);
    if (rules === undefined && !toUtf8) return pool;
    if (isLarge) throw UNREAD;
    if (rules !== undefined) requireValid(message.header, rules);
    if (toUtf8) postInUtf8(message, transcodeToUtf8(message.header, message.payload));
    return pool;
  }

  /** False: something of its sender, or what a reload met, has to be out of its way first. */
  #hasTurn(message: Message, pool: PoolQueue): boolean {
    if (this.#reorderBuffer.count === 0 && !this.#reloadGuard.isActive && this.#keys === undefined)
      return true;
    const isBehind = this.#reorderBuffer.has(message.origin) || this.#isBlocked(message, pool);
    if (!isBehind && this.#ownsKey(message, pool)) return true;
    const slot = this.#reorderBuffer.begin(message);
    this.#reorderBuffer.end(slot, () => this.#hand(slot, pool));
    return false;
  }

  #isBlocked(message: Message, { config }: PoolQueue): boolean {
    return this.#reloadGuard.blocks(message, config.ordering === 'key');
  }

  /** Its turn has come, and it is known where it goes; unless another config has come meanwhile. */
  #hand(slot: ReorderSlot, pool: PoolQueue): void {
    const { message } = slot;
    if (this.#reloadGuard.isOutdated(message)) this.#decideAgain(slot);
    else if (this.#isBlocked(message, pool)) {
      message.waits();
      slot.isHeld = true;
      const again = (): void => this.#resume(slot, () => this.#hand(slot, pool));
      this.#reloadGuard.wait(message, pool.config.ordering === 'key', again);
    } else if (!this.#ownsKey(message, pool)) this.#askForKey(slot, pool);
    else take(pool, message);
  }

  /** Messages of its sticky key are this process's to send, where that matters. */
  #ownsKey({ stickyKey }: Message, { config }: PoolQueue): boolean {
    if (this.#keys === undefined || stickyKey === undefined || !needsOwner(config)) return true;
    return this.#keys.has(config.name, stickyKey);
  }

  /** What comes behind it waits as well. */
  #askForKey(slot: ReorderSlot, pool: PoolQueue): void {
    const { message } = slot;
    message.waits();
    slot.isHeld = true;
    const { name, queue } = pool.config;
    this.#keys?.ask(name, message.stickyKey ?? '', queue.timeoutMs, (error) => {
      this.#resume(slot, () => {
        if (error === undefined) this.#hand(slot, pool);
        else fail(message, error);
      });
    });
  }

  /** A slot that was held goes on. */
  #resume(slot: ReorderSlot, step: () => void): void {
    if (slot.message.phase === 'over') return;
    slot.isHeld = false;
    step();
    if (!slot.isHeld) this.#reorderBuffer.release(slot);
  }

  /** A pool had it, and no node; it goes by the config that is in force now. */
  #routeAgain(message: Message): void {
    const slot = this.#reorderBuffer.begin(message);
    this.#reorderBuffer.end(slot, () => this.#decideAgain(slot));
  }

  #decideAgain(slot: ReorderSlot): void {
    const { message } = slot;
    message.unroute();
    try {
      const isLarge = message.payload.length > this.#parsing.inlineLimitBytes;
      const pool = this.#decideHere(message, ADMITTED, isLarge);
      this.#hand(slot, pool);
    } catch (thrown) {
      if (thrown !== UNREAD) {
        fail(message, thrown);
        return;
      }
      slot.isHeld = true;
      this.#read(slot, ADMITTED).then(
        (found) => this.#resume(slot, () => this.#goOn(slot, found, ADMITTED)),
        (failed) => this.#resume(slot, () => fail(message, failed)),
      );
    }
  }

  #goOn(slot: ReorderSlot, found: ParseResult, admission: Admission): void {
    if ('pieces' in found) this.#split(slot, found.pieces, admission);
    else this.#hand(slot, found.queue);
  }

  /** What comes behind it waits until all of its messages are on their way, so that it overtakes none of them. */
  #split(slot: ReorderSlot, pieces: readonly Piece[], admission: Admission): void {
    if (this.#sampler.isOn) slot.message.parsed();
    try {
      checkEnvelopes(slot.message, pieces, admission);
    } catch (thrown) {
      fail(slot.message, thrown);
      return;
    }
    const batch = new SplitBatch(
      slot.message,
      pieces,
      (part) => this.accept(part, admission),
      () => this.#reorderBuffer.whenClear(batch, () => this.#reorderBuffer.release(slot)),
    );
    slot.isHeld = true;
    batch.start();
  }

  #readElsewhere(message: Message, admission: Admission): void {
    this.#parsing.stats.offloaded++;
    const slot = this.#reorderBuffer.begin(message);
    this.#read(slot, admission).then(
      (found) => this.#reorderBuffer.end(slot, () => this.#goOn(slot, found, admission)),
      (thrown) => this.#reorderBuffer.end(slot, () => fail(message, thrown)),
    );
  }

  /**
   * Reads in the parse pool what must be known of it before it can be routed, and decides by that where it goes. Rejects with why it
   * goes nowhere. Of one that is abandoned meanwhile it may never resolve.
   */
  async #read(slot: ReorderSlot, admission: Admission): Promise<ParseResult> {
    const { message } = slot;
    const { payload } = message;
    const charset = message.origin.http?.charset?.decoder;
    message.waitedForThread(0);
    if (!message.hasHeader) await this.#readHeader(message);
    if (mayBeSplit(message, admission)) {
      const job = this.#parsing.split(payload, charset, admission.maxBatch, waitOf(message));
      slot.cancel = job.cancel;
      const pieces = await job.result;
      if (pieces !== undefined) return { pieces };
    }
    const queue = await this.#decideElsewhere(slot, admission);
    const rules = rulesFor(message);
    if (rules !== undefined) {
      const job = this.#parsing.validate(payload, charset, rules);
      slot.cancel = job.cancel;
      const places = await job.result;
      if (places.length > 0) throw new GatewayError('GW_ERR_ROUTE_INVALID', { places });
    }
    if (wantsUtf8(queue)) {
      const job = this.#parsing.transcode(payload, charset);
      slot.cancel = job.cancel;
      postInUtf8(message, await job.result);
    }
    return { queue };
  }

  /** By one config alone, whatever a reload changes while it is read. */
  async #decideElsewhere(slot: ReorderSlot, admission: Admission): Promise<PoolQueue> {
    const { message } = slot;
    const { header, origin, payload } = message;
    const { routes } = this;
    const isOver = (): boolean => message.phase === 'over';
    try {
      return routes.decide(message, admission, HEADER_ONLY);
    } catch (thrown) {
      // For one that was abandoned meanwhile nobody is asked.
      if (thrown !== UNREAD || isOver()) throw thrown;
    }
    const charset = origin.http?.charset?.decoder ?? header.charset;
    for (;;) {
      const queries = routes.questionsFor(admission);
      const plan = queries.of(admission);
      const job = this.#parsing.readFields(payload, charset, plan.asked, waitOf(message));
      slot.cancel = job.cancel;
      const output = await job.result;
      // Another config may have other questions, and a message is routed by one config alone.
      if (!queries.isSame(routes.questionsFor(admission)) && !isOver()) continue;
      return routes.decide(message, admission, plan.answered(output));
    }
  }

  async #readHeader(message: Message): Promise<void> {
    try {
      message.header = await this.#parsing.readHeader(message.payload);
    } catch (thrown) {
      // Where a worker failed there may be a header all the same, and the refusal is written by it.
      if (asGatewayError(thrown).fault === 'unavailable') message.header = readHeader(message.payload);
      throw thrown;
    }
  }
}

/** What its route wants of the whole message. */
function rulesFor({ route }: Message): ValidationRules | undefined {
  return route?.validate?.rules;
}

export function wantsUtf8({ config }: PoolQueue): boolean {
  return config.protocol === 'http' && config.charset === 'utf-8';
}

/** @throws GatewayError GW_ERR_PARSE_CHARSET */
export function postInUtf8(message: Message, body: Buffer): void {
  const { header, postPlan, payload } = message;
  if (postPlan === undefined) return;
  // The node answers with MSH-10 as it got it, and the sender compares that with what it sent.
  if (header.raw(10).some((byte) => byte > 0x7f || byte === ESC))
    throw new GatewayError('GW_ERR_PARSE_CHARSET', { detail: 'MSH-10 is not ASCII' });
  if (body.buffer !== payload.buffer || body.byteOffset !== payload.byteOffset) message.hold(body.length);
  message.postsInUtf8(body);
}

/** To be called when a thread begins with what is asked for now. */
function waitOf(message: Message): () => void {
  const askedAt = monotonicMs();
  return () => message.waitedForThread(monotonicMs() - askedAt);
}

function take(pool: PoolQueue, message: Message): void {
  try {
    pool.take(message);
  } catch (thrown) {
    fail(message, thrown);
  }
}

function fail(message: Message, thrown: unknown): void {
  message.settle({ kind: 'failed', error: asGatewayError(thrown), ambiguous: false });
}
