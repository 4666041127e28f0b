// `route`: says where messages would go and why, without sending anything. Every node is taken to be up.
import { isIP } from 'node:net';
import { loadConfig } from '../../config/load.ts';
import type { GatewayError } from '../../errors.ts';
import { examineMessageFile } from '../../hl7/message-file.ts';
import { type Explained, explainer, unitsAt } from '../../relay/explain.ts';
import { EXIT, sayFaults, type Terminal } from '../terminal.ts';
import { usage } from '../usage.ts';

export interface RouteOptions {
  /** Only as if it had come by this listener; otherwise by each. */
  readonly listener?: string | undefined;
  /** The sender's address, for conditions on `source`. */
  readonly source: string;
  /** Of the POST that brings it, where the listener speaks HTTP. */
  readonly path: string;
  readonly host: string;
  readonly json?: boolean | undefined;
  /** What has come by standard input, for the file `-`. */
  readonly input?: Buffer | undefined;
}

/** Good if every message has a route that does not reject it; exit code 2 where one could not be read (F112). */
export function route(
  configFile: string,
  files: readonly string[],
  options: RouteOptions,
  terminal: Terminal,
): number {
  const { config } = loadConfig(configFile, { env: process.env });
  const listeners = config.listeners.filter(
    ({ name }) => options.listener === undefined || name === options.listener,
  );
  if (listeners.length === 0) {
    throw usage(`the config has no listener "${options.listener}"`);
  }
  if (!isIP(options.source)) {
    throw usage(`--source takes an IP address, not "${options.source}"`);
  }
  const explain = explainer(config, options);
  let taken = true;
  const faults: GatewayError[] = [];
  for (const file of files) {
    const read = examineMessageFile(file, options.input);
    faults.push(...read.faults);
    for (const { bytes } of read.messages) {
      for (const listener of listeners) {
        for (const one of unitsAt(listener, bytes)) {
          const explained = explain(file, one, listener);
          if (explained.pool === undefined) taken = false;
          if (options.json === true) terminal.out(JSON.stringify(explained));
          else for (const line of inWords(explained)) terminal.out(line);
        }
      }
    }
  }
  if (sayFaults(faults, terminal)) return EXIT.usage;
  return taken ? EXIT.good : EXIT.failed;
}

function inWords(explained: Explained): string[] {
  const lines = [
    `${explained.file}  ${explained.type}  ${explained.controlId}  by listener ${explained.listener}`,
  ];
  if (explained.traceId !== undefined) lines.push(`  trace ${explained.traceId}`);
  for (const { route: name, because } of explained.passedOver)
    lines.push(`  not route "${name}": ${because}`);
  if (explained.route !== undefined) lines.push(`  route "${explained.route}"`);
  if (explained.reject !== undefined)
    lines.push(`  rejected with ${explained.reject.code}: ${explained.reject.text}`);
  if (explained.invalid !== undefined) {
    lines.push(`  refused with ${explained.invalid.code}: ${explained.why}`);
    for (const place of explained.invalid.places) lines.push(`    ${place}`);
  }
  if (explained.pool !== undefined) {
    const { stickyKey: key, stickyBy = [] } = explained;
    lines.push(
      key === undefined ? '  sticky key none' : `  sticky key of ${stickyBy.join(', ')}, hash ${key}`,
    );
    lines.push(`  pool ${explained.pool}, node ${explained.node ?? 'none'}: ${explained.why}`);
  } else if (explained.route === undefined) lines.push(`  ${explained.why}`);
  return lines;
}
