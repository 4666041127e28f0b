// `demo`: the whole line on this machine. Two simulated Mirth nodes, the gateway in front of them, the bundled fixtures
// through it, and for each where it went and what was answered.
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NodeTls, trusting } from '../../certs/node-tls.ts';
import { parseConfig } from '../config/load.ts';
import { GatewayError } from '../errors.ts';
import { Gateway } from '../gateway.ts';
import { readHeader } from '../hl7/header.ts';
import { readMessageFile } from '../hl7/message-file.ts';
import type { Exchange } from '../relay/exchange.ts';
import { MIRTH_DEFAULTS, SimulatedNode } from '../simulation/simulated-node.ts';
import { createLog, loggable } from '../telemetry/log.ts';
import { type DemoCertificates, makeCertificates } from './demo-certificates.ts';
import { MllpClient } from './mllp-client.ts';
import { untilSignal } from './run.ts';
import { EXIT, type Terminal, table } from './terminal.ts';

export interface DemoOptions {
  readonly once: boolean;
  readonly json: boolean;
  /** Of the MLLP listener; another is taken if it cannot be had, or for 0. IANA's for HL7 is 2575. */
  readonly port: number;
}

type Place = { readonly name: string; readonly port: number };

/** The config that the demo runs on: many senders on two nodes show what stickiness does. */
export function demoConfig(
  ports: DemoPorts,
  nodes: readonly Place[],
  { cert, key }: DemoCertificates,
): string {
  const list = nodes.map((node) => `      ${node.name}: { url: "mllp://127.0.0.1:${node.port}" }`).join('\n');
  return `listeners:
  mllp:
    protocol: mllp
    bind: 127.0.0.1:${ports.mllp}
  mllps:
    protocol: mllp
    bind: 127.0.0.1:${ports.mllps}
    tls: { cert: ${quoted(cert)}, key: ${quoted(key)} }
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

/** A temporary folder's name may hold whatever its user's name does. JSON is YAML; `$${` is a plain `${` to the config. */
function quoted(path: string): string {
  return JSON.stringify(path).replaceAll('${', () => '$${');
}

interface DemoPorts {
  readonly mllp: number;
  readonly mllps: number;
}

/** After it comes none for TLS. */
const LAST_PORT = 65_535;

/** The last message that is over: the demo sends one at a time. */
interface Seen {
  last: Exchange | undefined;
}

/** @throws GatewayError GW_ERR_LISTEN, GW_ERR_FILE */
export async function demo(options: DemoOptions, terminal: Terminal): Promise<number> {
  const say = options.json ? () => {} : terminal.out;
  const nodes = ['mirth-a', 'mirth-b'].map((name) => ({
    name,
    node: new SimulatedNode({ ...MIRTH_DEFAULTS, delayMs: 1 }),
  }));
  for (const { node } of nodes) await node.start();
  const certificates = makeCertificates();
  const seen: Seen = { last: undefined };
  const places = nodes.map(({ name, node }) => ({ name, port: node.port }));
  const wanted = { mllp: options.port, mllps: options.port % LAST_PORT === 0 ? 0 : options.port + 1 };
  const gateway = await startGateway(wanted, places, certificates, seen);
  const portOf = (name: string): number =>
    gateway.listeners.find((listener) => listener.name === name)?.port ?? 0;
  const ports = { mllp: portOf('mllp'), mllps: portOf('mllps') };

  const instead =
    ports.mllp === options.port || options.port === 0
      ? ''
      : `  (${options.port} or ${options.port + 1} could not be had)`;
  say(`gateway   mllp://127.0.0.1:${ports.mllp}${instead}`);
  say(`gateway   mllps://127.0.0.1:${ports.mllps}  (throw-away certificate)`);
  for (const { name, node } of nodes) say(`${name}   mllp://127.0.0.1:${node.port}  (simulated Mirth node)`);
  say('');
  const failed = await sendFixtures(ports, certificates, seen, options, terminal);
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
  const ended = untilSignal(stop, () => process.exit(129));
  certificates.signalsHeard();
  const send = `  npm run --silent gateway -- send fixtures/${basename(fixtureFiles()[0] ?? '')} --to`;
  say('');
  say('The gateway stays up; Ctrl-C ends it. In another terminal:');
  say(`${send} mllp://127.0.0.1:${ports.mllp}`);
  say(`${send} mllps://127.0.0.1:${ports.mllps} --ca ${certificates.ca}`);
  return (await ended) ? EXIT.good : EXIT.failed;
}

/** Sends them one after the other, by both listeners in turn; returns how many were not answered AA or CA by a node. */
async function sendFixtures(
  ports: DemoPorts,
  certificates: DemoCertificates,
  seen: Seen,
  { json }: DemoOptions,
  terminal: Terminal,
): Promise<number> {
  const limits = { host: '127.0.0.1', connectMs: 2_000, ackMs: 10_000 };
  const clients = [
    new MllpClient({ ...limits, port: ports.mllp, tls: undefined }),
    new MllpClient({
      ...limits,
      port: ports.mllps,
      tls: new NodeTls(trusting(certificates.ca), limits.host),
    }),
  ];
  const rows = [['fixture', 'message', 'sender', 'listener', 'route', 'node', 'answer']];
  let sent = 0;
  let failed = 0;
  for (const file of fixtureFiles()) {
    for (const message of readMessageFile(file)) {
      const header = readHeader(message);
      const client = clients[sent++ % clients.length] as MllpClient;
      const code = await client.send(message).then(
        ({ ack }) => ack.code,
        (error: unknown) => (error instanceof GatewayError ? error.code : 'failed'),
      );
      if (code !== 'AA' && code !== 'CA') failed++;
      const row = {
        fixture: basename(file),
        message: loggable(header.text(9)),
        sender: `${loggable(header.text(3))}|${loggable(header.text(4))}`,
        listener: seen.last?.origin.listener ?? '',
        route: seen.last?.route?.name ?? '',
        node: seen.last?.node?.name ?? '',
        answer: code,
      };
      if (json) terminal.out(JSON.stringify(row));
      else rows.push(Object.values(row));
    }
  }
  for (const client of clients) client.close();
  seen.last = undefined;
  if (!json) for (const line of table(rows)) terminal.out(line);
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

/** On the ports that are wanted, or on any. */
async function startGateway(
  wanted: DemoPorts,
  nodes: readonly Place[],
  certificates: DemoCertificates,
  seen: Seen,
): Promise<Gateway> {
  const { config } = parseConfig(demoConfig(wanted, nodes, certificates), { env: {} });
  const onExchange = (exchange: Exchange): void => {
    seen.last = exchange;
  };
  const gateway = new Gateway(config, createLog(config.log), { onExchange });
  try {
    await gateway.start();
    return gateway;
  } catch (error) {
    if (wanted.mllp === 0 || !(error instanceof GatewayError) || error.code !== 'GW_ERR_LISTEN') throw error;
    return startGateway({ mllp: 0, mllps: 0 }, nodes, certificates, seen);
  }
}
