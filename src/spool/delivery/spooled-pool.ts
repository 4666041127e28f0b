// The spool of one pool: which messages are stored, storing them, and telling their senders. Promises that nobody is told that a message
// is stored before it is on the disk, that nothing overtakes what is stored or being stored with the same ordering key, and that each
// wait has a limit.
import type { SpoolConfig } from '../../config/config.ts';
import { asGatewayError, GatewayError } from '../../errors.ts';
import type { Log } from '../../observe/log/log.ts';
import { shownIdentifiers } from '../../observe/log/message-log.ts';
import { Repeats } from '../../observe/log/repeats.ts';
import type { Identifiers } from '../../observe/traces/identifiers.ts';
import { clearInterval, monotonicMs, setInterval, wallMs } from '../../platform/time.ts';
import type { Carrier, Message } from '../../relay/message.ts';
import type { PoolQueue } from '../../relay/pool-queue.ts';
import type { PoolSpool } from '../../relay/pool-spool.ts';
import type { NewStoredMessage, SpoolStore, StoredLabel, StoredMessage } from '../spool-store.ts';
import { Deliverer } from './deliverer.ts';
import { orderingKeyOf } from './ordering-key.ts';
import { storedOutcome } from './stored-answer.ts';
import type { StoredMessages } from './stored-message.ts';
import { StoredOrigin } from './stored-origin.ts';
import { type DeliveryVerdict, nodeThatMayHaveIt } from './verdict.ts';

export interface SpooledPoolContext {
  readonly log: Log;
  identifiers(): Identifiers;
  /** By the config in force. */
  messages(): StoredMessages;
  /** A delivery has ended: for those who record what happens. */
  onDelivery(message: Message): void;
}

/** A message on its way to the disk. */
interface Storing {
  readonly key: string;
  readonly error: GatewayError | undefined;
  readonly since: number;
}

/** A sender waits so long for the disk, and for the store to be opened; most give up after 5 to 30 s. */
const STORE_MS = 10_000;
const LOOK_MS = 1_000;

export class SpooledPool implements PoolSpool, Carrier {
  readonly name: string;
  #queue: PoolQueue;
  #config: SpoolConfig;
  readonly #context: SpooledPoolContext;
  /** Undefined: it is not open yet, or not any more. */
  #store: SpoolStore | undefined;
  /** Of each ordering key, messages that wait in the store or are being stored. */
  readonly #keys = new Map<string, number>();
  readonly #storing = new Map<Message, Storing>();
  /** Of those, the ones that wait for the store to be opened. */
  #unopened: Message[] = [];
  /** The store may hold messages that are not counted: it failed while they were stored. */
  #isUncertain = false;
  readonly #deliverer: Deliverer;
  readonly #repeats = new Repeats();
  readonly #look: NodeJS.Timeout;

  constructor(queue: PoolQueue, config: SpoolConfig, context: SpooledPoolContext) {
    this.name = queue.config.name;
    this.#queue = queue;
    this.#config = config;
    this.#context = context;
    this.#deliverer = new Deliverer({
      pool: this.name,
      queue: () => this.#queue,
      config: () => this.#config,
      prepare: (content, onSettled) =>
        context.messages().from(content, this.#queue, (message, outcome) => {
          context.onDelivery(message);
          onSettled(message, outcome);
        }),
      found: (key) => void (this.#keys.has(key) || this.#keys.set(key, 1)),
      released: (key) => this.#released(key),
      onVerdict: (stored, verdict, attempts) => this.#tell(stored, verdict, attempts),
    });
    this.#look = setInterval(() => this.#endLate(), LOOK_MS);
    this.#look.unref();
  }

  get config(): SpoolConfig {
    return this.#config;
  }

  /** Messages whose senders wait for the disk. */
  get storing(): number {
    return this.#storing.size;
  }

  get delivering(): number {
    return this.#deliverer.underWay;
  }

  /** Goes by this store from now on; what an earlier run has left in it is delivered. */
  async open(store: SpoolStore): Promise<void> {
    const keys = await store.keys(this.name);
    let waiting = 0;
    for (const [key, count] of keys) {
      waiting += count;
      this.#keys.set(key, (this.#keys.get(key) ?? 0) + count);
    }
    this.#store = store;
    if (waiting > 0)
      this.#context.log.info({ pool: this.name, messages: waiting }, 'spool: messages wait from before');
    const unopened = this.#unopened;
    this.#unopened = [];
    for (const message of unopened) this.#put(message, store);
    this.#deliverer.start(store);
  }

  reconfigure(queue: PoolQueue, config: SpoolConfig): void {
    this.#queue = queue;
    this.#config = config;
  }

  /** Something of it is with the store, or with a node. */
  get isBusy(): boolean {
    return this.#storing.size > 0 || this.#deliverer.underWay > 0;
  }

  /** The pool stores nothing any more. */
  leaveQueue(): void {
    if (this.#queue.spool === this) this.#queue.spool = undefined;
  }

  /** Begins no delivery any more; messages are stored still. */
  stopDelivery(): void {
    this.#deliverer.stop();
  }

  /** Its store is about to be closed: who waits for it is told so. */
  close(): void {
    this.#deliverer.stop();
    clearInterval(this.#look);
    this.#store = undefined;
    for (const message of [...this.#storing.keys()])
      this.#notStored(message, new GatewayError('GW_ERR_SPOOL_STORE', { detail: 'the gateway ends' }));
  }

  onUsable(): void {
    if (this.#keys.size > 0) this.#deliverer.onUsable();
  }

  takes(message: Message): boolean {
    if (message.origin instanceof StoredOrigin) return false;
    // Until it is open it is not known what is stored.
    if (this.#config.when === 'always' || this.#store === undefined) return true;
    return this.#keys.size > 0 && this.#keys.has(this.#keyOf(message));
  }

  takesFailed({ origin, unwanted }: Message, error: GatewayError): boolean {
    // Where a node has refused it, or its sender is gone and sends it again, it is theirs.
    return !(origin instanceof StoredOrigin) && !unwanted && error.resend !== 'never';
  }

  store(message: Message, error: GatewayError | undefined): void {
    const key = this.#keyOf(message);
    this.#keys.set(key, (this.#keys.get(key) ?? 0) + 1);
    this.#storing.set(message, { key, error, since: monotonicMs() });
    message.takenOver(this);
    if (this.#store === undefined) this.#unopened.push(message);
    else this.#put(message, this.#store);
  }

  /** F80: its sender is gone and will send it again. What is on its way to the disk is taken out when it is there. */
  abandon(message: Message): void {
    const { unsafeError } = message;
    message.settle(
      unsafeError === undefined
        ? { kind: 'abandoned' }
        : { kind: 'failed', error: unsafeError, ambiguous: true },
    );
  }

  // Nothing of it is with a node.
  onAssigned(): void {}
  onAnswered(): void {}
  onSettled(): void {}
  onFailed(): void {}

  /** A person wants it delivered: of a dead letter, or of one that was. */
  revived(key: string): void {
    this.#keys.set(key, (this.#keys.get(key) ?? 0) + 1);
    this.#deliverer.rescan();
  }

  /** A person has taken one that waited out. */
  discarded(id: number, key: string): void {
    this.#deliverer.forget(id, key);
    this.#released(key);
  }

  isSending(id: number): boolean {
    return this.#deliverer.isSending(id);
  }

  #keyOf(message: Message): string {
    return orderingKeyOf(message, this.#queue.config.ordering);
  }

  #put(message: Message, store: SpoolStore): void {
    const storing = this.#storing.get(message);
    if (storing === undefined) return;
    const record = this.#recordOf(message, storing.key);
    store.put(record).then(
      (id) => void this.#stored(message, storing.key, record, id, store),
      (thrown: unknown) => this.#notStored(message, asGatewayError(thrown)),
    );
  }

  #recordOf(message: Message, orderingKey: string): NewStoredMessage {
    const { payload } = message;
    const isKept = this.#config.deliver.onAmbiguous !== 'other-node';
    return {
      pool: this.name,
      orderingKey,
      receivedAt: wallMs() - Math.round(monotonicMs() - message.receivedAt),
      label: this.#labelOf(message),
      payload,
      boundTo: isKept ? nodeThatMayHaveIt(message) : undefined,
    };
  }

  #labelOf({ origin, route, header, trace }: Message): StoredLabel {
    const { controlId, type = '', sender = '' } = shownIdentifiers(header, this.#context.identifiers());
    return {
      listener: origin.listener,
      route: route?.name ?? '',
      source: origin.peer.address,
      controlId,
      type,
      sender,
      traceId: trace.traceId,
      spanId: trace.spanId,
    };
  }

  /** A node may have it, and a person is to decide. */
  #isDeadAtOnce({ boundTo }: NewStoredMessage): boolean {
    return boundTo !== undefined && this.#config.deliver.onAmbiguous === 'dead-letter';
  }

  async #stored(
    message: Message,
    key: string,
    record: NewStoredMessage,
    id: number,
    store: SpoolStore,
  ): Promise<void> {
    const storing = this.#storing.get(message);
    this.#storing.delete(message);
    if (message.phase === 'over' || this.#isDeadAtOnce(record)) {
      const isOver = message.phase === 'over';
      try {
        await store.change(
          id,
          isOver
            ? { to: 'discarded' }
            : { to: 'dead', attempts: 1, error: storing?.error?.code, boundTo: record.boundTo },
        );
      } catch {
        // It waits, then, and is delivered: that the sender sends it again is no worse.
        this.#isUncertain = true;
      }
      // It was released when its sender was told that it took too long.
      if (storing !== undefined) this.#released(key);
      if (!isOver) this.#settle(message);
      return;
    }
    const { pool, orderingKey, receivedAt, label, payload, boundTo } = record;
    this.#deliverer.added(
      {
        id,
        pool,
        orderingKey,
        receivedAt,
        size: payload.length,
        state: 'waiting',
        attempts: 0,
        lastError: undefined,
        boundTo,
        changedAt: receivedAt,
      },
      { label, payload },
    );
    this.#settle(message);
  }

  #settle(message: Message): void {
    message.settle(storedOutcome(message.header, this.#config.answer, new Date(wallMs())));
  }

  #notStored(message: Message, failure: GatewayError): void {
    const storing = this.#storing.get(message);
    if (storing === undefined) return;
    this.#storing.delete(message);
    this.#released(storing.key);
    if (failure.resend === 'unsafe') {
      this.#isUncertain = true;
      this.#deliverer.rescan();
    }
    const tell = (leftOut: number): void =>
      this.#context.log.warn(
        { pool: this.name, code: failure.code, leftOut },
        'lines were left out: too many alike',
      );
    if (this.#repeats.admits(failure.code, tell))
      this.#context.log.error(
        { pool: this.name, code: failure.code, detail: failure.detail },
        'spool: a message could not be stored; its sender is told so',
      );
    const { unsafeError } = message;
    message.settle({
      kind: 'failed',
      error: unsafeError ?? failure,
      ambiguous: unsafeError !== undefined || failure.resend === 'unsafe',
    });
  }

  /** A disk that hangs: a sender is told so, and what gets there after all is taken out again. */
  #endLate(): void {
    const before = monotonicMs() - STORE_MS;
    for (const [message, { since }] of this.#storing) {
      if (since > before) return;
      this.#notStored(message, new GatewayError('GW_ERR_SPOOL_STORE', { detail: 'not stored in time' }));
    }
  }

  #released(key: string): boolean {
    const left = (this.#keys.get(key) ?? 1) - 1;
    if (left > 0) this.#keys.set(key, left);
    else this.#keys.delete(key);
    return left > 0 || this.#isUncertain;
  }

  #tell(stored: StoredMessage, verdict: DeliveryVerdict, attempts: number): void {
    if (verdict.kind !== 'dead' && verdict.kind !== 'dropped') return;
    const { log } = this.#context;
    const tell = (leftOut: number): void =>
      log.warn({ pool: this.name, kind: verdict.kind, leftOut }, 'lines were left out: too many alike');
    if (!this.#repeats.admits(`${verdict.kind} ${verdict.error}`, tell)) return;
    log.warn(
      { pool: this.name, id: stored.id, code: verdict.error, attempts },
      verdict.kind === 'dead'
        ? 'spool: a dead letter waits for a person'
        : 'spool: a message that a node has refused is dropped',
    );
  }
}
