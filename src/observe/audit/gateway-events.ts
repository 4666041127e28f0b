// What of a gateway goes into its audit trail: who was not let in, what was refused, what an operator did. Promises that
// nothing of a message is in it but its control id, as the log has it.
import type { Peer } from '../../../routing/message-view.ts';
import type { ErrorCode, GatewayError } from '../../errors.ts';
import type { Message } from '../../relay/message.ts';
import { loggable } from '../log/loggable.ts';
import type { Identifiers } from '../traces/identifiers.ts';
import type { AuditEvent, Participant } from './audit-message.ts';
import type { Move } from './audit-trail.ts';

export type Record = (event: AuditEvent) => void;

/** Somebody is not who it should be, or may not do what it tried. */
const NOT_AUTHENTICATED: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'GW_ERR_SENDER_TLS',
  'GW_ERR_SENDER_PROXY',
  'GW_ERR_SENDER_NOT_ALLOWED',
  'GW_ERR_HTTP_CREDENTIALS',
]);

export class GatewayEvents {
  readonly #record: Record;
  readonly #withRefusals: () => boolean;
  readonly #shown: () => Identifiers;

  /** `withRefusals`: messages that the gateway refuses are recorded as well. */
  constructor(record: Record, withRefusals: () => boolean, shown: () => Identifiers) {
    this.#record = record;
    this.#shown = shown;
    this.#withRefusals = withRefusals;
  }

  started(): void {
    this.#tell('started', 'success', undefined, 'gateway', 'the gateway has started');
  }

  stopped(): void {
    this.#tell('stopped', 'success', undefined, 'gateway', 'the gateway stops');
  }

  /** What never became a message, as the log has it. */
  onFault(listener: string, error: GatewayError, peer: Peer | undefined): void {
    if (!NOT_AUTHENTICATED.has(error.code)) return;
    this.#tell('not authenticated', 'minor', participantOf(peer), `listeners.${listener}`, inWords(error));
  }

  /** A message that is over. */
  onMessage(message: Message): void {
    const { outcome, origin, attempts } = message;
    for (const { node, error } of attempts) {
      if (error?.code !== 'GW_ERR_NODE_TLS') continue;
      const subject = `pools.${message.pool?.name ?? ''}.nodes.${node}`;
      this.#tell('not authenticated', 'minor', undefined, subject, inWords(error));
    }
    if (outcome?.kind !== 'failed' || outcome.error.fault !== 'unacceptable') return;
    const { error } = outcome;
    const isStranger = NOT_AUTHENTICATED.has(error.code);
    if (!isStranger && !this.#withRefusals()) return;
    const controlId = message.hasHeader ? this.#shown().controlId(message.header.controlId) : undefined;
    const kind = isStranger ? 'not authenticated' : 'message refused';
    const route = message.route === undefined ? '' : `, route ${message.route.name}`;
    // Details of these may say where in the message something is wrong, and need not be here.
    const description = `${error.code}${route}`;
    this.#tell(
      kind,
      'minor',
      participantOf(origin.peer),
      `listeners.${origin.listener}`,
      description,
      controlId,
    );
  }

  /** Somebody came to the admin API with a wrong token. */
  onAdminRefused(by: string): void {
    this.#tell('not authenticated', 'minor', operator(by), 'admin', 'GW_ERR_ADMIN_TOKEN: a wrong token');
  }

  /** `moves`: places of this trail that have changed by it; what is told here goes to all of them. */
  onReload(
    by: string,
    error: GatewayError | undefined,
    changed: readonly string[],
    moves: readonly Move[],
  ): void {
    const what = changed.length === 0 ? 'nothing has changed' : changed.join('; ');
    if (error === undefined)
      this.#tell('config changed', 'success', operator(by), 'config', `reload: ${what}`);
    else this.#tell('config changed', 'minor', operator(by), 'config', `reload: ${error.code}`);
    for (const { to, key, name } of moves) {
      const kind = to ? 'audit started' : 'audit stopped';
      this.#tell(kind, 'success', operator(by), key, `records go to ${name}${to ? '' : ' no longer'}`);
    }
  }

  /** Nodes added, removed, weighed. */
  onNodeChanged(by: string, pool: string, node: string, what: string): void {
    this.#tell('config changed', 'success', operator(by), `pools.${pool}.nodes.${node}`, what);
  }

  /** Nodes drained, in maintenance, ready. */
  onNodeState(by: string, pool: string, node: string, what: string): void {
    this.#tell('node state', 'success', operator(by), `pools.${pool}.nodes.${node}`, what);
  }

  /** Messages are given out by the admin API, patients and all. */
  onTap(by: string): void {
    this.#tell(
      'messages tapped',
      'success',
      operator(by),
      'tap',
      'messages are recorded through the admin API',
    );
  }

  #tell(
    kind: AuditEvent['kind'],
    outcome: AuditEvent['outcome'],
    who: Participant | undefined,
    subject: string,
    description: string,
    controlId?: string,
  ): void {
    this.#record({ kind, at: new Date(), outcome, who, subject, description, controlId });
  }
}

function inWords({ code, detail }: GatewayError): string {
  return detail === undefined ? code : `${code}: ${loggable(detail)}`;
}

function participantOf(peer: Peer | undefined): Participant | undefined {
  if (peer === undefined || peer.address === '') return undefined;
  return { id: peer.tls?.subject ?? peer.address, address: peer.address };
}

/** `10.0.0.9`, `10.0.0.9 (CN=ops)`, `SIGHUP`. */
function operator(by: string): Participant {
  const [, address = '', name] = /^([0-9a-fA-F.:]+)(?: \((.+)\))?$/.exec(by) ?? [];
  return address === '' ? { id: by } : { id: name ?? address, address };
}
