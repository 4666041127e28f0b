// `run`: the gateway, until a signal ends it.
import { formatProblem, loadConfig } from '../config/load.ts';
import { Gateway } from '../gateway.ts';
import { createLog } from '../telemetry/log.ts';
import { EXIT, type Terminal } from './terminal.ts';

/**
 * Runs until SIGTERM or SIGINT, then drains at a message boundary; a second signal ends at once.
 *
 * @throws GatewayError (config, listening, certificates)
 */
export async function run(file: string, terminal: Terminal): Promise<number> {
  const { config, warnings } = loadConfig(file, { env: process.env });
  for (const warning of warnings) terminal.err(`warning: ${formatProblem(warning)}`);
  const log = createLog(config.log);
  const gateway = new Gateway(config, log);
  const started = gateway.start();
  // Before it says that it listens: whoever waits for that may send a signal at once.
  const ended = untilSignal(
    () => started.then(() => gateway.stop()),
    () => {
      log.info('SIGHUP: loading certificates; a new config is taken up by a restart only in this version');
      gateway.reloadCertificates();
    },
  );
  const [, clean] = await Promise.all([started, ended]);
  await new Promise((resolve) => log.flush(resolve));
  // A connection on which a node still owes an answer would keep the process for as long as `timeouts.ack`.
  if (!clean) process.exit(EXIT.failed);
  return EXIT.good;
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
