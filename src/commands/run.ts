// `run`: the gateway, until a signal ends it.
import { FileWatch } from '../../certs/file-watch.ts';
import { ServerTls } from '../../certs/server-tls.ts';
import { AdminServer } from '../admin/admin-server.ts';
import type { Control } from '../admin/control.ts';
import { GatewayControl } from '../admin/gateway-control.ts';
import { WatchedControl } from '../admin/watched-control.ts';
import type { GatewayConfig } from '../config/config.ts';
import { formatProblem, loadConfig } from '../config/load.ts';
import { causeCode, GatewayError } from '../errors.ts';
import { Gateway } from '../gateway.ts';
import { createLog, type Log } from '../telemetry/log.ts';
import { type Observers, observe } from './run-observed.ts';
import { EXIT, type Terminal } from './terminal.ts';

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
  const { config, warnings, text } = loadConfig(file, { env: process.env });
  for (const warning of warnings) terminal.err(`warning: ${formatProblem(warning)}`);
  const log = createLog(config.log);
  const observers = observe(config, () => gateway, log);
  const direct = new GatewayControl(() => gateway, text, log);
  const control = new WatchedControl(direct, observers);
  const gateway: Gateway = new Gateway(config, log, {
    onExchange: (exchange) => {
      direct.onExchange(exchange);
      observers.onExchange(exchange);
    },
    onFault: observers.onFault,
  });
  const admin = createAdmin(config, control, observers, log);
  const started = gateway.start().then(() => {
    observers.started();
    return startAdmin(admin, gateway, replace, log);
  });
  // Before it says that it listens: whoever waits for that may send a signal at once.
  const ended = untilSignal(
    async () => {
      await started;
      const clean = await gateway.stop();
      await admin?.stop();
      await observers.stopped();
      return clean;
    },
    // What is wrong with the file is in the log, and changes nothing.
    () => void started.then(() => control.reload('SIGHUP')).catch(() => {}),
  );
  const watch = new FileWatch(() => (gateway.config.watchConfig ? [file] : []), {
    onChange: () => void control.reload('file watch').catch(() => {}),
  });
  started.then(
    () => {
      watch.start();
      // From here on new connections come to this process too; those of the other end at a message boundary.
      if (replace !== undefined) process.kill(replace, 'SIGTERM');
    },
    () => {},
  );
  const [, clean] = await Promise.all([started, ended]);
  watch.stop();
  await new Promise((resolve) => log.flush(resolve));
  // A connection on which a node still owes an answer would keep the process for as long as `timeouts.ack`.
  if (!clean) process.exit(EXIT.failed);
  // So would a collector or an audit repository that does not answer; each had its time to take what was left.
  const { metrics, audit } = gateway.config;
  if (metrics.otlp !== undefined || audit?.syslog !== undefined) process.exit(EXIT.good);
  return EXIT.good;
}

function createAdmin(
  { admin }: GatewayConfig,
  control: Control,
  observers: Observers,
  log: Log,
): AdminServer | undefined {
  if (admin === undefined) return undefined;
  const { bind, token, tls } = admin;
  return new AdminServer({ ...bind, token, tls: tls && new ServerTls(tls) }, control, {
    onRefused: (by) => {
      log.warn({ by }, 'admin: a wrong token');
      observers.onAdminRefused(by);
    },
    onFailed: ({ code, message, cause }) => log.error({ code, cause: causeCode(cause) }, `admin: ${message}`),
  });
}

/** A port that is taken ends the start, unless it is the other process that has it still. */
async function startAdmin(
  admin: AdminServer | undefined,
  gateway: Gateway,
  replace: number | undefined,
  log: Log,
): Promise<void> {
  if (admin === undefined) return;
  try {
    await admin.start();
  } catch (thrown) {
    if (replace === undefined) {
      await gateway.stop();
      throw thrown;
    }
    log.info('the admin API waits for the other process to end');
    const timer = setInterval(() => {
      admin.start().then(
        () => clearInterval(timer),
        () => {},
      );
    }, ADMIN_RETRY_MS);
    timer.unref();
    return;
  }
  log.info({ address: admin.address }, 'admin API listening');
}

/** How often a port is tried that the process before has to leave first. */
const ADMIN_RETRY_MS = 500;

function checkProcess(pid: number): void {
  try {
    process.kill(pid, 0);
  } catch (thrown) {
    throw new GatewayError('GW_ERR_USAGE', {
      detail: `--replace ${pid}: ${causeCode(thrown) === 'EPERM' ? 'that process is not yours' : 'there is no such process'}`,
    });
  }
}

/**
 * Resolves to what `stop` resolves to, once SIGTERM or SIGINT has come and it is done. Without `onHangup`, a terminal
 * that is closed ends the process, as it does any other.
 */
export function untilSignal(stop: () => Promise<boolean>, onHangup?: () => void): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let stopping = false;
    const onStop = (signal: NodeJS.Signals): void => {
      if (stopping) process.exit(signal === 'SIGINT' ? 130 : 143);
      stopping = true;
      stop().then(resolve, reject);
    };
    process.on('SIGTERM', onStop);
    process.on('SIGINT', onStop);
    if (onHangup !== undefined) process.on('SIGHUP', onHangup);
  });
}
