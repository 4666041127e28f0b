// Buckets in NATS JetStream, by its own client. Promises a limit on each wait, and an error with its reason for whatever goes wrong; it
// never connects anew by itself, as everything has to be read anew then.
import { JetStreamApiCodes, JetStreamApiError, type JetStreamManager, jetstream } from '@nats-io/jetstream';
import { type KV, Kvm, type KvWatchEntry } from '@nats-io/kv';
import {
  type ConnectionOptions,
  connect,
  credsAuthenticator,
  errors,
  type NatsConnection,
} from '@nats-io/transport-node';
import { NodeTls } from '../../../certs/node-tls.ts';
import type { SharedStateConfig } from '../../config/config.ts';
import { causeCode } from '../../errors.ts';
import { delay, wallMs } from '../../platform/time.ts';
import {
  BucketError,
  type BucketReason,
  type BucketWatcher,
  type Connect,
  type OpenOptions,
  type SharedBucket,
  type SharedStore,
} from './bucket.ts';

const CONNECT_MS = 5_000;
const CALL_MS = 2_000;
const PING_MS = 5_000;
const KEPT_VALUES = 1;

/** Each call asks the next server: there is one that answers, or all have been asked soon. @throws GatewayError GW_ERR_TLS_FILE */
export function natsConnect(config: SharedStateConfig, name: string): Connect {
  let next = 0;
  return async () => {
    const server = config.servers[next++ % config.servers.length] as string;
    return guarded(async () => new NatsStore(await dial(config, server, name), config.replicas));
  };
}

async function dial(config: SharedStateConfig, server: string, name: string): Promise<NatsConnection> {
  const { credentials, user, password, tls } = config;
  const options: ConnectionOptions = {
    servers: [server.replace(/^(nats|tls):\/\//, '')],
    name,
    timeout: CONNECT_MS,
    reconnect: false,
    maxReconnectAttempts: 0,
    ignoreClusterUpdates: true,
    pingInterval: PING_MS,
    maxPingOut: 2,
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { pass: password }),
    ...(credentials === undefined ? {} : { authenticator: credsAuthenticator(Buffer.from(credentials)) }),
    ...(tls === undefined ? {} : { tls: tlsOptions(tls, server) }),
  };
  const connecting = connect(options);
  const ended = new AbortController();
  const late = delay(CONNECT_MS + 1_000, ended.signal).then(() => undefined);
  const connection = await Promise.race([connecting, late]).finally(() => ended.abort());
  if (connection !== undefined) return connection;
  connecting.then(
    (one) => void one.close().catch(() => {}),
    () => {},
  );
  throw new BucketError('timeout');
}

/** What Node.js takes goes to it as it is. */
function tlsOptions(tls: NonNullable<SharedStateConfig['tls']>, server: string): object {
  const { options } = new NodeTls(tls, new URL(server).hostname.replace(/^\[|\]$/g, ''));
  const check = options.checkServerIdentity;
  return {
    ...options,
    checkServerIdentity: (host: string, certificate: { readonly fingerprint256: string }) => {
      const trouble = check?.(host, certificate as never);
      if (trouble !== undefined || tls.pins.length === 0 || tls.pins.includes(certificate.fingerprint256))
        return trouble;
      return Object.assign(new Error('PIN_MISMATCH'), { code: 'PIN_MISMATCH' });
    },
  };
}

class NatsStore implements SharedStore {
  readonly closed: Promise<BucketReason>;
  readonly #connection: NatsConnection;
  readonly #replicas: number;

  constructor(connection: NatsConnection, replicas: number) {
    this.#connection = connection;
    this.#replicas = replicas;
    let denied: BucketReason | undefined;
    void this.#heed((reason) => {
      denied = reason;
    });
    this.closed = connection
      .closed()
      .then((error) => denied ?? (error ? asBucketError(error).reason : 'closed'));
  }

  async open(bucket: string, { ttlMs }: OpenOptions = {}): Promise<SharedBucket> {
    return guarded(async () => {
      const js = jetstream(this.#connection, { timeout: CALL_MS });
      const manager = await js.jetstreamManager();
      const kv = await new Kvm(js).create(bucket, {
        history: KEPT_VALUES,
        replicas: this.#replicas,
        timeout: CALL_MS,
        ...(ttlMs === undefined ? {} : { ttl: ttlMs }),
      });
      const identity = await identityOf(manager, bucket, ttlMs !== undefined);
      return new NatsBucket(kv, manager, bucket, identity);
    });
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  /** A server tells so that something was refused, and goes on. */
  async #heed(onDenied: (reason: BucketReason) => void): Promise<void> {
    for await (const status of this.#connection.status()) {
      if (status.type !== 'error') continue;
      const { reason } = asBucketError(status.error);
      if (reason !== 'permission' && reason !== 'authorization') continue;
      onDenied(reason);
      void this.#connection.close().catch(() => {});
    }
  }
}

/** @throws BucketError where it is none of these */
async function identityOf(manager: JetStreamManager, bucket: string, forgets: boolean): Promise<string> {
  const { config, created } = await manager.streams.info(`KV_${bucket}`);
  const isBucket = config.subjects?.length === 1 && config.subjects[0] === `$KV.${bucket}.>`;
  if (!isBucket || config.mirror !== undefined || config.sealed)
    throw new BucketError('bucket', 'a stream of that name is no bucket that can be written to');
  // Decisions are never forgotten, and none stands in the way of the last one.
  if (!forgets && config.max_age > 0) throw new BucketError('bucket', 'the bucket forgets');
  return String(created);
}

class NatsBucket implements SharedBucket {
  readonly identity: string;
  readonly #kv: KV;
  readonly #manager: JetStreamManager;
  readonly #name: string;
  #ended = false;

  constructor(kv: KV, manager: JetStreamManager, name: string, identity: string) {
    this.#kv = kv;
    this.#manager = manager;
    this.#name = name;
    this.identity = identity;
  }

  async put(key: string, value: string, previous?: number): Promise<number> {
    return guarded(() =>
      this.#kv.put(key, value, {
        timeout: CALL_MS,
        ...(previous === undefined ? {} : { previousSeq: previous }),
      }),
    );
  }

  async watch(watcher: BucketWatcher): Promise<void> {
    await guarded(async () => {
      const { values } = await this.#kv.status();
      const entries = await this.#kv.watch();
      if (values === 0) watcher.onCurrent();
      void this.#follow(entries, watcher, values > 0);
    });
  }

  async probe(): Promise<void> {
    if (this.#ended) throw new BucketError('closed');
    const { created } = await guarded(() => this.#manager.streams.info(`KV_${this.#name}`));
    if (String(created) !== this.identity) throw new BucketError('wiped');
  }

  async #follow(entries: AsyncIterable<KvWatchEntry>, watcher: BucketWatcher, waits: boolean): Promise<void> {
    let isWaiting = waits;
    try {
      for await (const entry of entries) {
        const { key, operation, revision, created, delta } = entry;
        const value = operation === 'PUT' ? entry.string() : undefined;
        watcher.onEntry({ key, value, revision, ageMs: wallMs() - created.getTime() });
        // `isUpdate` is true with the last one of those that were there; `delta` is how many come behind it.
        if (isWaiting && (entry.isUpdate || delta === 0)) {
          isWaiting = false;
          watcher.onCurrent();
        }
      }
    } catch {
      // Whoever probes is told.
    }
    this.#ended = true;
  }
}

async function guarded<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (thrown) {
    throw asBucketError(thrown);
  }
}

function asBucketError(thrown: unknown): BucketError {
  if (thrown instanceof BucketError) return thrown;
  const name = thrown instanceof Error ? thrown.name : '';
  const message = thrown instanceof Error ? thrown.message : '';
  const of = (reason: BucketReason): BucketError => new BucketError(reason);
  if (thrown instanceof JetStreamApiError) return of(byApiCode(thrown.code, thrown.status));
  if (thrown instanceof errors.AuthorizationError || thrown instanceof errors.UserAuthenticationExpiredError)
    return of('authorization');
  if (thrown instanceof errors.PermissionViolationError) return of('permission');
  if (thrown instanceof errors.TimeoutError) return of('timeout');
  if (name === 'JetStreamNotEnabled' || thrown instanceof errors.NoRespondersError) return of('jetstream');
  if (thrown instanceof errors.RequestError && thrown.isNoResponders()) return of('jetstream');
  if (/max_?payload/i.test(message)) return of('too large');
  const code = causeCode(thrown) ?? '';
  if (/CERT|TLS|SSL|SELF_SIGNED|ISSUER|PIN_MISMATCH|SIGNATURE/.test(code) || /'tls'|"tls"/.test(message))
    return of('tls');
  if (code === 'ETIMEDOUT') return of('timeout');
  if (/^E[A-Z]+$/.test(code) || message === 'connection refused') return of('refused');
  if (thrown instanceof errors.ClosedConnectionError || thrown instanceof errors.ConnectionError)
    return of('closed');
  const { cause } = thrown instanceof Error ? thrown : {};
  return cause === undefined ? of('other') : asBucketError(cause);
}

function byApiCode(code: number, status: number): BucketReason {
  if (
    code === JetStreamApiCodes.StreamWrongLastSequence ||
    code === JetStreamApiCodes.StreamWrongLastSequenceUnknown
  )
    return 'conflict';
  // Message size exceeds the maximum of the stream.
  if (code === 10054) return 'too large';
  if (code === JetStreamApiCodes.StreamNotFound) return 'wiped';
  return status === 503 || code === JetStreamApiCodes.JetStreamNotEnabledForAccount ? 'jetstream' : 'bucket';
}
