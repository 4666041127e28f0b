// `demo`: the whole line on this machine. Two simulated Mirth nodes, the gateway in front of them, the bundled fixtures
// through it, and for each where it went and what was answered.
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseConfig } from '../config/load.ts';
import { GatewayError } from '../errors.ts';
import { Gateway } from '../gateway.ts';
import { readHeader } from '../hl7/header.ts';
import { readMessageFile } from '../hl7/message-file.ts';
import type { Exchange } from '../relay/exchange.ts';
import { MIRTH_DEFAULTS, SimulatedNode } from '../simulation/simulated-node.ts';
import { createLog, loggable } from '../telemetry/log.ts';
import { MllpClient } from './mllp-client.ts';
import { untilSignal } from './run.ts';
import { EXIT, type Terminal, table } from './terminal.ts';

export interface DemoOptions {
  readonly once: boolean;
  readonly json: boolean;
  /** Of the MLLP listener; another is taken if it cannot be had, or for 0. IANA's for HL7 is 2575. */
  readonly port: number;
}

/** The config that the demo runs on. Two ORU senders and two nodes show what stickiness does. */
export function demoConfig(
  port: number,
  nodes: readonly { readonly name: string; readonly port: number }[],
): string {
  const list = nodes.map((node) => `      ${node.name}: { url: "mllp://127.0.0.1:${node.port}" }`).join('\n');
  return `listeners:
  mllp:
    protocol: mllp
    bind: 127.0.0.1:${port}
pools:
  mirth:
    nodes:
${list}
    persistence: { by: [MSH-3, MSH-4] }
    connections: { max: 4 }
routes:
  - name: admissions
    when: { MSH-9.1: [ADT, BAR] }
    to: mirth
  - name: results
    when: { MSH-9: /^(ORU|MDM|OUL)/ }
    to: mirth
  - name: everything else
    to: mirth
telemetry:
  log: { level: warn, format: pretty }
`;
}

/** @throws GatewayError GW_ERR_LISTEN, GW_ERR_FILE */
export async function demo(options: DemoOptions, terminal: Terminal): Promise<number> {
  const say = options.json ? () => {} : terminal.out;
  const nodes = ['mirth-a', 'mirth-b'].map((name) => ({
    name,
    node: new SimulatedNode({ ...MIRTH_DEFAULTS, delayMs: 1 }),
  }));
  for (const { node } of nodes) await node.start();
  const exchanges: Exchange[] = [];
  const places = nodes.map(({ name, node }) => ({ name, port: node.port }));
  const gateway = await startGateway(options.port, places, exchanges);
  const port = gateway.listeners[0]?.port ?? 0;

  const instead = port === options.port || options.port === 0 ? '' : `  (${options.port} could not be had)`;
  say(`gateway   mllp://127.0.0.1:${port}${instead}`);
  for (const { name, node } of nodes) say(`${name}   mllp://127.0.0.1:${node.port}  (simulated Mirth node)`);
  say('');
  const failed = await sendFixtures(port, exchanges, options, terminal);
  exchanges.length = 0;
  say('');
  say(`${nodes.map(({ name, node }) => `${name} took ${node.messages}`).join(', ')}`);

  const stop = async (): Promise<boolean> => {
    const clean = await gateway.stop();
    for (const { node } of nodes) await node.stop();
    return clean;
  };
  if (options.once) {
    await stop();
    return failed === 0 ? EXIT.good : EXIT.failed;
  }
  const ended = untilSignal(stop);
  say('');
  say('The gateway stays up; Ctrl-C ends it. In another terminal:');
  say(
    `  npm run --silent gateway -- send fixtures/${basename(fixtureFiles()[0] ?? '')} --to mllp://127.0.0.1:${port}`,
  );
  return (await ended) ? EXIT.good : EXIT.failed;
}

/** Sends them one after the other, prints each; returns how many were not answered AA or CA by a node. */
async function sendFixtures(
  port: number,
  exchanges: Exchange[],
  { json }: DemoOptions,
  terminal: Terminal,
): Promise<number> {
  const client = new MllpClient({ host: '127.0.0.1', port, tls: undefined, connectMs: 2_000, ackMs: 10_000 });
  const rows = [['fixture', 'message', 'sender', 'route', 'node', 'answer']];
  let failed = 0;
  for (const file of fixtureFiles()) {
    for (const message of readMessageFile(file)) {
      const header = readHeader(message);
      const code = await client.send(message).then(
        ({ ack }) => ack.code,
        (error: unknown) => (error instanceof GatewayError ? error.code : 'failed'),
      );
      if (code !== 'AA' && code !== 'CA') failed++;
      const exchange = exchanges.at(-1);
      const row = {
        fixture: basename(file),
        message: loggable(header.text(9)),
        sender: `${loggable(header.text(3))}|${loggable(header.text(4))}`,
        route: exchange?.route?.name ?? '',
        node: exchange?.node?.name ?? '',
        answer: code,
      };
      if (json) terminal.out(JSON.stringify(row));
      else rows.push(Object.values(row));
    }
  }
  client.close();
  if (!json) for (const line of table(rows)) terminal.out(line);
  const sent = exchanges.length;
  terminal.out(
    json
      ? JSON.stringify({ sent, accepted: sent - failed })
      : `\n${sent} messages sent, ${sent - failed} accepted by a node`,
  );
  return failed;
}

function fixtureFiles(): string[] {
  const folder = fixtureFolder();
  const names = readdirSync(folder).filter((name) => name.endsWith('.hl7'));
  return names.sort().map((name) => join(folder, name));
}

/** Beside the sources in a checkout, beside `dist` in a package. */
function fixtureFolder(): string {
  for (const up of ['../../fixtures', '../../../fixtures']) {
    const folder = fileURLToPath(new URL(up, import.meta.url));
    if (existsSync(folder)) return folder;
  }
  throw new GatewayError('GW_ERR_FILE', { detail: 'the fixtures that come with the package are missing' });
}

/** On the port that is wanted, or on any. */
async function startGateway(
  wanted: number,
  nodes: readonly { readonly name: string; readonly port: number }[],
  exchanges: Exchange[],
): Promise<Gateway> {
  const { config } = parseConfig(demoConfig(wanted, nodes), { env: {} });
  const log = createLog(config.log);
  const gateway = new Gateway(config, log, { onExchange: (exchange) => exchanges.push(exchange) });
  try {
    await gateway.start();
    return gateway;
  } catch (error) {
    if (wanted === 0 || !(error instanceof GatewayError) || error.code !== 'GW_ERR_LISTEN') throw error;
    return startGateway(0, nodes, exchanges);
  }
}
