// `worker`: one of the processes that carry messages, where `run` has several (src/workers/). Does as the process says that started it,
// and ends at a message boundary when that one is gone.
import { shareTicketSecret } from '../../../certs/server-tls.ts';
import { AuditObserver, type AuditRecorder } from '../../observe/audit/audit-observer.ts';
import { createLog } from '../../observe/log/log.ts';
import { LogOutput } from '../../observe/log/log-output.ts';
import { shareIdentifierKey } from '../../observe/traces/identifiers.ts';
import { IpcChannel } from '../../workers/channel.ts';
import type { AuditWishes, FromWorker, StartOrder, ToWorker, WorkerRequest } from '../../workers/protocol.ts';
import { WorkerGateway } from '../../workers/worker/worker-gateway.ts';
import { usage } from '../usage.ts';
import { endProcess, untilTold } from './run-end.ts';

/** @throws GatewayError GW_ERR_USAGE where nobody started it who speaks to it */
export async function runWorker(): Promise<number> {
  if (process.send === undefined) throw usage('worker is started by run');
  // What else is loaded may have said that the channel keeps nobody alive.
  process.channel?.ref();
  const told = Promise.withResolvers<void>();
  process.once('disconnect', () => told.resolve());
  const ordered = Promise.withResolvers<StartOrder>();
  let worker: WorkerGateway | undefined;
  const channel: IpcChannel<FromWorker, ToWorker, WorkerRequest> = new IpcChannel(process, {
    onMessage: (message, socket) => {
      if (message.kind === 'start') ordered.resolve(message);
      else if (message.kind === 'drain') told.resolve();
      else {
        if (message.kind === 'settled') audit = message.audit;
        worker?.onMessage(message, socket);
      }
    },
    onQuestion: (request) => worker?.onQuestion(request),
    // A main process that does not read is one that hangs: whoever watches it ends it.
    onStuck: () => {},
  });
  const order = await ordered.promise;
  let { audit }: { audit: AuditWishes } = order;
  shareIdentifierKey(order.secrets.identifiers);
  shareTicketSecret(order.secrets.tickets);
  const { config } = order;
  const log = createLog(config.log, new LogOutput(), order.worker);
  const ended = untilTold(log, told.promise);
  const sink: AuditRecorder = {
    get isOn() {
      return audit.isOn;
    },
    get takesRefusals() {
      return audit.takesRefusals;
    },
    record: (event) => channel.tell({ kind: 'record', event }),
    moves: [],
    reopen: () => {},
  };
  const made: WorkerGateway = new WorkerGateway(order, {
    log,
    tell: (message) => channel.tell(message),
    audit: new AuditObserver(sink, () => made.gateway.identifiers),
  });
  worker = made;
  const { gateway } = made;
  await made.start();
  channel.tell({ kind: 'started' });
  const reason = await ended;
  const work = { drain: () => gateway.drain(), close: () => gateway.close() };
  return endProcess(reason, gateway.config.shutdown.timeoutMs, work, log);
}
