// `run`: the gateway, until a signal ends it.
import { createHash } from 'node:crypto';
import { FileWatch } from '../../../certs/file-watch.ts';
import type { ServerTls } from '../../../certs/server-tls.ts';
import { AdminListener } from '../../admin/admin-listener.ts';
import { GatewayControl } from '../../admin/gateway-control.ts';
import { PROCESS_TITLE } from '../../cluster/keepalived.ts';
import { Membership } from '../../cluster/membership.ts';
import { otherMembers } from '../../cluster/other-members.ts';
import type { ClusterConfig, GatewayConfig } from '../../config/config.ts';
import { formatProblem, loadConfig } from '../../config/load.ts';
import { workerCount } from '../../config/worker-count.ts';
import { causeCode } from '../../errors.ts';
import { Gateway } from '../../gateway.ts';
import { handlesRefusedFor } from '../../mllp/wire/node-handles.ts';
import { AuditObserver } from '../../observe/audit/audit-observer.ts';
import { createLog, type Log, shownFormat } from '../../observe/log/log.ts';
import { LogOutput } from '../../observe/log/log-output.ts';
import { committing } from '../../reload/reconfigurable.ts';
import { isAvailable } from '../../upstream/node-status.ts';
import { version } from '../../version.ts';
import type { Workers } from '../../workers/main/workers.ts';
import type { Terminal } from '../terminal.ts';
import { usage } from '../usage.ts';
import { createAuditTrail } from './run-audit.ts';
import { endProcess, untilEnd } from './run-end.ts';
import type { JoinedState } from './run-shared-state.ts';
import { ServiceManager } from './service-manager.ts';
import { Successor } from './successor.ts';

export interface RunOptions {
  /** Process id of the gateway whose listeners this one takes over (hot restart). */
  readonly replace?: number | undefined;
}

/**
 * Runs until SIGTERM or SIGINT, then drains at a message boundary; a second signal ends at once.
 *
 * @throws GatewayError (config, listening, certificates)
 */
export async function run(file: string, { replace }: RunOptions, terminal: Terminal): Promise<number> {
  if (replace !== undefined) checkProcess(replace);
  const { config, warnings, text, includes } = loadConfig(file, { env: process.env });
  for (const warning of warnings) terminal.err(`warning: ${formatProblem(warning)}`);
  const output = new LogOutput();
  const log = createLog(config.log, output);
  const service = new ServiceManager(process.env, log);
  const successor = new Successor(log);
  const trail = createAuditTrail(config.audit, log);
  const audit = new AuditObserver(trail, () => gateway.identifiers);
  const control = new GatewayControl(() => gateway, text, log, {
    reopenFiles: () => trail.reopenFiles(),
    stateFile: config.state?.file,
    includes,
  });
  const workers =
    workerCount(config) === 1
      ? undefined
      : new (await import('../../workers/main/workers.ts')).Workers(config, {
          program: { entry: process.argv[1] ?? '', args: ['worker'] },
          gateway: () => gateway,
          control,
          trail,
          log,
          takeLines: (bytes, lines) => output.pass(bytes, lines),
          logFormat: shownFormat(config.log.format),
        });
  const gateway: Gateway = new Gateway(config, log, {
    role: workers?.role,
    takesOver: replace !== undefined,
    observers: [...control.observers, audit],
    parts: [
      ['admin', { prepare: ({ admin }) => door.prepare(admin) }],
      ['audit', { prepare: (wanted) => trail.prepare(wanted.audit) }],
      ['shared state', committing((wanted) => joined?.reconfigure(wanted))],
    ],
  });
  workers?.attach();
  control.onDecidedElsewhere = () => void workers?.override();
  gateway.metrics.isStateStored = () => control.isStateStored();
  gateway.metrics.audit = trail;
  const secure = (tls: ServerTls | undefined): void => gateway.secure('admin', tls);
  const door: AdminListener = new AdminListener(config.admin, {
    control: workers?.control ?? control,
    log,
    secure,
    onOperator: (by, action) => gateway.observers.onOperator(by, action),
  });
  gateway.metrics.log = output.dropped;
  const { cluster } = config;
  const membership = cluster && joinCluster(cluster, gateway, log);
  control.membership = membership;
  gateway.metrics.cluster = () => control.clusterReport();
  const joined: JoinedState | undefined = await joinState(config, gateway, control, log);
  gateway.metrics.shared = () => control.sharedReport;
  const started = trail
    .open()
    .then(() => membership?.begin(replace !== undefined))
    .then(() => control.state.restore(replace))
    .then(() => joined?.start())
    .then(() => startAll(gateway, door, replace !== undefined, workers))
    .then(() => {
      membership?.listening();
      control.state.start();
      audit.started();
    });
  // Before it says that it listens: whoever waits for that may send a signal at once.
  const ended = untilEnd(log, {
    // What is wrong with the file is in the log, and changes nothing.
    onReload: () => {
      service.reloading();
      void started
        .then(() => control.reload('SIGHUP'))
        .catch(() => {})
        .finally(() => service.ready(TAKES_MESSAGES));
    },
    onUpgrade: () => {
      if (gateway.config.listeners.every(({ reusePort }) => reusePort))
        successor.start(file, service.variables);
      else log.warn('SIGUSR1: without hotRestart: true a new version waits for a restart');
    },
    onRotate: () => void control.rotate('SIGUSR2'),
    onDefect: () => {
      control.isLive = false;
    },
  });
  const watch = new FileWatch(() => (gateway.config.watchConfig ? control.configFiles : []), {
    onChange: () => void control.reload('file watch').catch(() => {}),
  });
  started.then(
    () => {
      sayStarted(gateway, text, log);
      service.ready(TAKES_MESSAGES);
      watch.start();
      // From here on new connections come to this process too; those of the other end at a message boundary.
      if (replace !== undefined) endOther(replace, log);
    },
    () => {},
  );
  const reason = await Promise.race([ended, started.then(() => ended)]);
  watch.stop();
  // A signal while another process takes over is that one's: it listens.
  if (successor.pid !== undefined) service.handOver(successor.pid);
  else service.stopping('answers what has come');
  const work = {
    drain: () =>
      started.then(() => {
        const drain = (limitMs?: number) => drainAll(gateway, workers, limitMs);
        return membership === undefined ? drain() : membership.leave(drain);
      }),
    close: () => {
      audit.stopped();
      return Promise.all([gateway.close(), door.stop(), joined?.stop(), control.state.stop(), trail.close()]);
    },
  };
  return endProcess(reason, gateway.config.shutdown.timeoutMs, work, log);
}

/** Its code is loaded only where it is asked for. */
async function joinState(
  { cluster }: GatewayConfig,
  gateway: Gateway,
  control: GatewayControl,
  log: Log,
): Promise<JoinedState | undefined> {
  if (cluster?.state === undefined) return undefined;
  const { joinSharedState } = await import('./run-shared-state.ts');
  return joinSharedState({ ...cluster, state: cluster.state }, gateway, control, log);
}
/** systemd shows it. */
const TAKES_MESSAGES = 'takes messages';

/** `waitForPort`: the other process has the admin API's still. A port that is taken otherwise ends the start. */
async function startAll(
  gateway: Gateway,
  door: AdminListener,
  waitForPort: boolean,
  workers: Workers | undefined,
): Promise<void> {
  await gateway.start();
  try {
    await workers?.start();
    await door.start({ waitForPort });
  } catch (thrown) {
    await Promise.all([workers?.drain(), gateway.stop()]);
    throw thrown;
  }
}

async function drainAll(
  gateway: Gateway,
  workers: Workers | undefined,
  limitMs: number | undefined,
): Promise<boolean> {
  const clean = await Promise.all([gateway.drain(limitMs), workers?.drain(limitMs) ?? true]);
  return clean.every((one) => one);
}

function joinCluster(cluster: ClusterConfig, gateway: Gateway, log: Log): Membership {
  // keepalived looks for the process by it.
  process.title = PROCESS_TITLE;
  return new Membership(cluster, {
    log,
    others: otherMembers(cluster),
    answersAfterMove: () => gateway.listeners.every((listener) => listener.answerAfterMove()),
    hasNode: () => {
      const all = [...gateway.pools.runtimes.values()];
      return all.length === 0 || all.some(({ nodes }) => nodes.some(({ state }) => isAvailable(state)));
    },
  });
}

/** What is asked first when two gateways do not behave alike. */
function sayStarted({ config, listeners }: Gateway, text: string, log: Log): void {
  log.info(
    {
      version,
      pid: process.pid,
      nodeVersion: process.version,
      file: config.file,
      digest: createHash('sha256').update(text).digest('hex').slice(0, 16),
      listeners: listeners.map(({ name, config: { protocol, tls }, address }) => {
        return `${name} ${protocol}${tls === undefined ? '' : 's'}://${address}`;
      }),
    },
    'started',
  );
  if (handlesRefusedFor !== undefined)
    log.warn({ reason: handlesRefusedFor }, 'MLLP goes by the streams of Node.js, which costs more');
}

/** It may have ended by itself meanwhile, and nothing is wrong then; this process stays in any case. */
export function endOther(pid: number, log: Log): void {
  try {
    process.kill(pid, 'SIGTERM');
  } catch (thrown) {
    log.warn({ pid, code: causeCode(thrown) }, 'the other process could not be told to end');
  }
}

function checkProcess(pid: number): void {
  try {
    process.kill(pid, 0);
  } catch (thrown) {
    const why = causeCode(thrown) === 'EPERM' ? 'that process is not yours' : 'there is no such process';
    throw usage(`--replace ${pid}: ${why}`);
  }
}
