// What of a gateway goes into its audit trail: who was not let in, what was refused, what an operator did. Promises that
// nothing of a message is in it but its control id, as the log has it.
import type { Peer } from '../../../routing/message-view.ts';
import type { ErrorCode, GatewayError } from '../../errors.ts';
import { wallMs } from '../../platform/time.ts';
import type { Message } from '../../relay/message.ts';
import { loggable } from '../log/loggable.ts';
import type { Observer, OperatorAction, SenderFault } from '../observer.ts';
import type { Identifiers } from '../traces/identifiers.ts';
import type { AuditEvent, Participant } from './audit-message.ts';
import type { AuditTrail } from './audit-trail.ts';

/** Where events go: a trail, or the process that has it. */
export type AuditRecorder = Pick<AuditTrail, 'isOn' | 'takesRefusals' | 'record' | 'moves' | 'reopen'>;

/** Somebody is not who it should be, or may not do what it tried. */
const NOT_AUTHENTICATED: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'GW_ERR_SENDER_TLS',
  'GW_ERR_SENDER_PROXY',
  'GW_ERR_SENDER_NOT_ALLOWED',
  'GW_ERR_HTTP_CREDENTIALS',
]);

export class AuditObserver implements Observer {
  readonly #trail: AuditRecorder;
  readonly #shown: () => Identifiers;

  constructor(trail: AuditRecorder, shown: () => Identifiers) {
    this.#trail = trail;
    this.#shown = shown;
  }

  started(): void {
    this.#tell('started', 'success', undefined, 'gateway', 'the gateway has started');
  }

  stopped(): void {
    this.#tell('stopped', 'success', undefined, 'gateway', 'the gateway stops');
  }

  onFault({ listener, error, peer }: SenderFault): void {
    if (!NOT_AUTHENTICATED.has(error.code)) return;
    this.#tell('not authenticated', 'minor', participantOf(peer), `listeners.${listener}`, inWords(error));
  }

  onMessage(message: Message): void {
    if (!this.#trail.isOn) return;
    const { outcome, origin, attempts } = message;
    for (const { node, error } of attempts) {
      if (error?.code !== 'GW_ERR_NODE_TLS') continue;
      const subject = `pools.${message.pool?.name ?? ''}.nodes.${node}`;
      this.#tell('not authenticated', 'minor', undefined, subject, inWords(error));
    }
    if (outcome?.kind !== 'failed' || outcome.error.fault !== 'unacceptable') return;
    const { error } = outcome;
    const isStranger = NOT_AUTHENTICATED.has(error.code);
    if (!isStranger && !this.#trail.takesRefusals) return;
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

  onOperator(by: string, action: OperatorAction): void {
    const who = operator(by);
    switch (action.kind) {
      case 'reload':
        this.#onReload(who, action.error, action.changed);
        return;
      case 'node state':
      case 'node config': {
        const kind = action.kind === 'node state' ? 'node state' : 'config changed';
        const what = withReason(action.what, action.reason);
        this.#tell(kind, 'success', who, `pools.${action.pool}.nodes.${action.node}`, what);
        return;
      }
      case 'tap':
        this.#tell('messages tapped', 'success', who, 'tap', 'messages are recorded through the admin API');
        return;
      case 'spool': {
        // Content is the message, patient and all.
        const kind = action.what.startsWith('content') ? 'messages tapped' : 'node state';
        this.#tell(
          kind,
          'success',
          who,
          `pools.${action.pool}.spool`,
          withReason(action.what, action.reason),
        );
        return;
      }
      case 'reload wanted':
        this.#tell('node state', 'success', who, 'config', withReason('reload', action.reason));
        return;
      case 'rotate':
        this.#tell('node state', 'success', who, 'audit', withReason('files opened again', action.reason));
        return;
      case 'log-in':
        this.#tell('logged in', 'success', who, 'admin', 'logged in to the console');
        return;
      case 'log-out':
        this.#tell('logged out', 'success', who, 'admin', 'logged out of the console');
        return;
      case 'refused':
        this.#tell('access refused', 'minor', who, 'admin', `GW_ERR_ADMIN_FORBIDDEN: ${action.what}`);
        return;
      case 'wrong log-in':
        this.#tell('logged in', 'minor', who, 'admin', 'GW_ERR_ADMIN_LOGIN: a wrong user, password or code');
        return;
      case 'wrong token':
        this.#tell('not authenticated', 'minor', who, 'admin', 'GW_ERR_ADMIN_TOKEN: a wrong token');
    }
  }

  /** Before the trail settles: what is told here goes to the places that it had and to those that it has now. */
  #onReload(who: Participant, error: GatewayError | undefined, changed: readonly string[]): void {
    const what = changed.length === 0 ? 'nothing has changed' : changed.join('; ');
    if (error === undefined) this.#tell('config changed', 'success', who, 'config', `reload: ${what}`);
    else this.#tell('config changed', 'minor', who, 'config', `reload: ${error.code}`);
    for (const { to, key, name } of this.#trail.moves) {
      const kind = to ? 'audit started' : 'audit stopped';
      this.#tell(kind, 'success', who, key, `records go to ${name}${to ? '' : ' no longer'}`);
    }
    // Logs may have been rotated, and certificates replaced.
    this.#trail.reopen();
  }

  #tell(
    kind: AuditEvent['kind'],
    outcome: AuditEvent['outcome'],
    who: Participant | undefined,
    subject: string,
    description: string,
    controlId?: string,
  ): void {
    this.#trail.record({ kind, at: new Date(wallMs()), outcome, who, subject, description, controlId });
  }
}

function withReason(what: string, reason: string | undefined): string {
  return reason === undefined ? what : `${what}: ${reason}`;
}

function inWords({ code, detail }: GatewayError): string {
  return detail === undefined ? code : `${code}: ${loggable(detail)}`;
}

function participantOf(peer: Peer | undefined): Participant | undefined {
  if (peer === undefined || peer.address === '') return undefined;
  return { id: peer.tls?.subject ?? peer.address, address: peer.address };
}

/** `10.0.0.9`, `10.0.0.9 (CN=ops)`, `10.0.0.9 (alice)`, `SIGHUP`. */
function operator(by: string): Participant {
  const [, address = '', name] = /^([0-9a-fA-F.:]+)(?: \((.+)\))?$/.exec(by) ?? [];
  return address === '' ? { id: by } : { id: name ?? address, address };
}
