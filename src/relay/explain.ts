// Where a message would go and why, without sending anything: for the `route` command and the admin API. Every node is taken to be
// up. Promises nothing of a message in what it says but the identifiers of its header, and values that conditions look at there.
import { type MessageView, type RequestView, readSubject } from '../../routing/message-view.ts';
import { NodeSelector } from '../../routing/node-selector.ts';
import { Router } from '../../routing/router.ts';
import { stickyKey } from '../../routing/sticky-key.ts';
import { remoteIn, traceFields } from '../../routing/trace-sampler.ts';
import {
  type Condition,
  type GatewayConfig,
  type ListenerConfig,
  type NodeConfig,
  type PathPolicy,
  type PoolConfig,
  poolAtListener,
  type Subject,
  type ValueTest,
} from '../config/config.ts';
import { GatewayError } from '../errors.ts';
import { splitBatch } from '../hl7/batch.ts';
import { isHeaderPath } from '../hl7/field-path.ts';
import { readHeader } from '../hl7/header.ts';
import { invalidPlaces, placeText } from '../hl7/whole/validation.ts';
import { readHost } from '../http/host.ts';
import { readTarget } from '../http/request-target.ts';
import { loggable } from '../observe/log/loggable.ts';
import { Identifiers } from '../observe/traces/identifiers.ts';

/** How the message would come. */
export interface ExplainOptions {
  /** The sender's address, for conditions on `source`. */
  readonly source: string;
  /** Of the POST that brings it, where the listener speaks HTTP. */
  readonly path: string;
  readonly host: string;
}

/** What would become of one message at one listener. */
export interface Explained {
  readonly file: string;
  readonly listener: string;
  readonly type: string;
  readonly controlId: string;
  /** Of the trace that the message says it belongs to (`telemetry.traces.mllp.segment`). */
  readonly traceId?: string;
  /** Routes before the one that matched, each with its first condition that does not hold. */
  readonly passedOver: readonly { readonly route: string; readonly because: string }[];
  readonly route?: string;
  readonly reject?: { readonly code: string; readonly text: string };
  /** Where the message breaks the route's rules, and the code that its sender gets. */
  readonly invalid?: { readonly code: string; readonly places: readonly string[] };
  /** Hashed, as in traces: it may be made of any field. */
  readonly stickyKey?: string;
  /** What it is made of. */
  readonly stickyBy?: readonly string[];
  readonly pool?: string;
  readonly node?: string;
  readonly why: string;
}

/** What a listener routes of a frame: all of it, or each message. */
export function unitsAt({ batch, limits }: ListenerConfig, payload: Buffer): readonly Buffer[] {
  const pieces = batch === 'split' ? splitBatch(readHeader(payload), limits.maxBatch) : undefined;
  return pieces?.filter(({ kind }) => kind === 'message').map(({ bytes }) => bytes) ?? [payload];
}

export function explainer(
  config: GatewayConfig,
  { source, path, host }: ExplainOptions,
): (file: string, message: Buffer, listener: ListenerConfig) => Explained {
  const router = new Router(config.routes);
  const identifiers = new Identifiers(config.identifiers);
  const segment = config.traces?.segment;
  const fields = segment === undefined ? undefined : traceFields(segment);
  const pools = new Map(
    config.pools.map((pool) => [pool.name, { pool, choice: new NodeSelector(pool, pool.nodes.map(idle)) }]),
  );
  return (file, message, listener) => {
    const header = readHeader(message);
    const http = listener.protocol === 'http' ? posted(path, host, listener.http.path) : undefined;
    const view: MessageView = { header, http, listener: listener.name, peer: { address: source, port: 0 } };
    const passed = router.explain(view);
    const at = passed.findIndex(({ holds }) => holds);
    const remote = fields === undefined || http !== undefined ? undefined : remoteIn(header, fields);
    const about = {
      file,
      listener: listener.name,
      type: header.isMsh ? loggable(header.text(9)) : 'batch',
      controlId: loggable(header.controlId),
      ...(remote === undefined ? {} : { traceId: remote.traceId }),
      passedOver: (at < 0 ? passed : passed.slice(0, at)).map(({ route: one, failed }) => ({
        route: one.name,
        because: failed === undefined ? '' : unmet(failed, view),
      })),
    };
    const match = passed[at]?.route;
    if (match === undefined)
      return { ...about, why: `no route matches; the sender gets ${listener.onRejected}` };
    if (match.action.kind === 'reject') {
      const { code, text } = match.action;
      return { ...about, route: match.name, reject: { code, text }, why: 'the route rejects it' };
    }
    const places = match.validate === undefined ? [] : invalidPlaces(header, match.validate.rules);
    if (match.validate !== undefined && places.length > 0) {
      const invalid = {
        code: match.validate.code,
        places: places.map((one) => `${placeText(one)}: ${one.text}`),
      };
      return { ...about, route: match.name, invalid, why: "it fails the route's validation" };
    }
    const to = pools.get(poolAtListener(match.action, listener.name));
    if (to === undefined) throw new GatewayError('GW_ERR_INTERNAL', { detail: 'a route to no pool' });
    const key = to.pool.persistence === undefined ? undefined : stickyKey(view, to.pool.persistence.by);
    const choice = to.choice.choose(key);
    return {
      ...about,
      route: match.name,
      ...(key === undefined ? {} : { stickyKey: identifiers.stickyKey(key), stickyBy: partsOf(to.pool) }),
      pool: to.pool.name,
      ...(choice === undefined ? {} : { node: choice.node.name }),
      why:
        choice === undefined
          ? 'no node of the pool takes new senders'
          : reason(choice.selectionReason, to.pool),
    };
  };
}

/** The request that brings a message: the least that a client could send. */
function posted(path: string, host: string, policy: PathPolicy): RequestView {
  return {
    method: 'POST',
    host: readHost(host).name,
    path: readTarget(path, policy).path,
    header: (name) => (name === 'host' ? host : name === 'content-type' ? 'application/hl7-v2' : undefined),
    cookie: () => undefined,
  };
}

/** What the condition asks for, and what it found: that only of the header and the connection, which hold no patient. */
function unmet({ subject, text, test }: Condition, view: MessageView): string {
  if (isOfHttp(subject) && view.http === undefined) return `${text} is for HTTP, and this came by MLLP`;
  const isShown = subject.kind !== 'field' || (isHeaderPath(subject.path) && view.header?.isMsh !== false);
  const value = isShown ? readSubject(view, subject) : undefined;
  const found = !isShown
    ? ''
    : value === undefined || value === ''
      ? `; it is empty`
      : `; it is "${loggable(value)}"`;
  return `${text} must be ${wanted(test)}${found}`;
}

function isOfHttp({ kind }: Subject): boolean {
  return kind === 'method' || kind === 'host' || kind === 'path' || kind === 'header' || kind === 'cookie';
}

function wanted(test: ValueTest): string {
  switch (test.kind) {
    case 'equals':
      return `"${test.value}"`;
    case 'any':
      return test.tests.map(wanted).join(' or ');
    case 'not':
      return `other than ${wanted(test.test)}`;
    case 'exists':
      return test.exists ? 'there' : 'empty';
    case 'regex':
      return `like /${test.source}/${test.flags}`;
    case 'cidr':
      return `in ${test.range}`;
  }
}

function partsOf({ persistence }: PoolConfig): readonly string[] {
  return (persistence?.by ?? []).map((subject) => {
    if (subject.kind === 'field') return subject.path.text;
    return 'name' in subject ? `${subject.kind}.${subject.name}` : subject.kind;
  });
}

function idle({ name, weight, backup }: NodeConfig) {
  return { name, weight, backup, inFlight: 0, usable: true, hasRoom: true };
}

function reason(why: string, pool: PoolConfig): string {
  switch (why) {
    case 'sticky-hash':
      return 'sticky key, by hash: the same node for as long as it is up';
    case 'sticky-table':
      return `a new sender is given a node by ${pool.balance}, then keeps it`;
    case 'hash':
      return 'hash of the sticky key';
    default:
      return `${why}: one of ${pool.nodes
        .filter((node) => !node.backup)
        .map((node) => node.name)
        .join(', ')}`;
  }
}
