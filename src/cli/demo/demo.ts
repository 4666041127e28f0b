// `demo`: the whole line on this machine. Two simulated Mirth nodes, the gateway in front of them, the bundled fixtures
// through it, and for each where it went and what was answered.
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NodeTls, trusting } from '../../../certs/node-tls.ts';
import { parseConfig } from '../../config/load.ts';
import { GatewayError } from '../../errors.ts';
import { Gateway } from '../../gateway.ts';
import { readHeader } from '../../hl7/header.ts';
import { readMessageFile } from '../../hl7/message-file.ts';
import { createLog } from '../../observe/log/log.ts';
import { loggable } from '../../observe/log/loggable.ts';
import type { Message } from '../../relay/message.ts';
import { MIRTH_DEFAULTS, MIRTH_HTTP_DEFAULTS } from '../../tools/simulation/mirth-defaults.ts';
import { SimulatedHttpNode } from '../../tools/simulation/simulated-http-node.ts';
import { SimulatedNode } from '../../tools/simulation/simulated-node.ts';
import { HttpMessageClient } from '../../upstream/client/http-message-client.ts';
import type { MessageClient } from '../../upstream/client/message-client.ts';
import { MllpClient } from '../../upstream/client/mllp-client.ts';
import { untilSignal } from '../run/until-signal.ts';
import { EXIT, type Terminal, table } from '../terminal.ts';
import { type DemoCertificates, makeCertificates } from './demo-certificates.ts';
import { type DemoNode, type DemoPorts, demoConfig, type WantedPorts } from './demo-config.ts';
import { ConsoleOfDemo } from './demo-console.ts';
import { checkCollector, collectorOf, tracesOf } from './demo-traces.ts';

export interface DemoOptions {
  readonly once: boolean;
  readonly json: boolean;
  /** Of the MLLP listener; another is taken if it cannot be had, or for 0. IANA's for HL7 is 2575. */
  readonly port: number;
  /** Where OTLP traces go; undefined: where OTEL_EXPORTER_OTLP_ENDPOINT says, or none are made. */
  readonly traces?: string | undefined;
}

/** MLLP's for TLS is the next. */
const LAST_PORT = 65_535;
/** Where web servers are tried, and where Mirth has its own. */
const HTTP_PORT = 8080;
const HTTPS_PORT = 8443;
/** That of the admin API. */
const ADMIN_PORT = 9600;
const ANY: WantedPorts = { mllp: 0, mllps: 0, http: 0, https: 0, admin: 0 };

/** The last message that is over: the demo sends one at a time. */
interface Seen {
  last: Message | undefined;
}

/** @throws GatewayError GW_ERR_LISTEN */
export async function demo(options: DemoOptions, terminal: Terminal): Promise<number> {
  checkCollector(options.traces);
  if (fixtureFiles().length === 0) {
    terminal.err('the fixtures that come with the package are missing: there is nothing to send');
    return EXIT.failed;
  }
  const say = options.json ? () => {} : terminal.out;
  const nodes = ['mirth-a', 'mirth-b'].map((name) => ({
    name,
    node: new SimulatedNode({ ...MIRTH_DEFAULTS, delayMs: 1 }),
    web: new SimulatedHttpNode({ ...MIRTH_HTTP_DEFAULTS, delayMs: 1, name }),
  }));
  for (const { node, web } of nodes) await Promise.all([node.start(), web.start()]);
  const certificates = makeCertificates();
  const seen: Seen = { last: undefined };
  const places = nodes.map(({ name, node, web }) => ({ name, mllp: node.port, http: web.port }));
  const wanted = options.port % LAST_PORT === 0 ? { ...ANY, mllp: options.port } : portsFrom(options.port);
  const { gateway, pages } = await startGateway(wanted, places, certificates, seen, options.traces);
  const ports = portsOf(gateway);

  const instead =
    ports.mllp === options.port || options.port === 0
      ? ''
      : `  (${Object.values({ ...wanted, admin: [] })
          .flat()
          .join(', ')}: not all could be had)`;
  for (const [name, port] of Object.entries(ports)) {
    const note = name.endsWith('s') ? '  (throw-away certificate)' : name === 'mllp' ? instead : '';
    say(`gateway   ${name}://127.0.0.1:${port}${note}`);
  }
  for (const { name, node, web } of nodes)
    say(`${name}   mllp://127.0.0.1:${node.port}  http://127.0.0.1:${web.port}  (simulated Mirth node)`);
  if (gateway.traces.isOn) say(`traces    ${collectorOf(options.traces)}`);
  say('');
  const failed = await sendFixtures(ports, certificates, seen, options, terminal);
  say('');
  say(nodes.map(({ name, node, web }) => `${name} took ${node.messages + web.messages}`).join(', '));

  // Nobody looks at it of one that ends by itself.
  const opened = options.once ? undefined : await pages.open();
  const stop = async (): Promise<boolean> => {
    const [clean] = await Promise.all([gateway.stop(), opened?.stop()]);
    for (const { node, web } of nodes) await Promise.all([node.stop(), web.stop()]);
    return clean;
  };
  if (options.once) {
    await stop();
    const code = failed === 0 ? EXIT.good : EXIT.failed;
    // Without a collector opentelemetry-js would keep the process for some seconds, trying.
    if (gateway.traces.isOwed) process.exit(code);
    return code;
  }
  const ended = untilSignal(stop, () => process.exit(129));
  certificates.signalsHeard();
  for (const line of nextSteps(ports, certificates)) say(line);
  if (opened !== undefined) say(`\nThe console, logged in once, within five minutes:\n  ${opened.link}`);
  const code = (await ended) ? EXIT.good : EXIT.failed;
  if (gateway.traces.isOwed) process.exit(code);
  return code;
}

/** Lines that work when they are pasted in a checkout. */
function nextSteps(ports: DemoPorts, { ca }: DemoCertificates): string[] {
  const file = `fixtures/${basename(fixtureFiles()[0] ?? '')}`;
  const send = `  npm run --silent gateway -- send ${file} --to`;
  const post = `-H 'Content-Type: application/hl7-v2' --data-binary @${file}`;
  const secure = `https://127.0.0.1:${ports.https}`;
  return [
    '',
    'The gateway stays up; Ctrl-C ends it. In another terminal:',
    `${send} mllp://127.0.0.1:${ports.mllp}`,
    `${send} mllps://127.0.0.1:${ports.mllps} --ca ${ca}`,
    `  curl -i ${post} http://127.0.0.1:${ports.http}/hl7`,
    `  curl -i --cacert ${ca} ${post} ${secure}/hl7`,
    `  curl -i --cacert ${ca} ${secure}/`,
  ];
}

function portsFrom(mllp: number): WantedPorts {
  return { mllp, mllps: mllp + 1, http: HTTP_PORT, https: HTTPS_PORT, admin: ADMIN_PORT };
}

function portsOf(gateway: Gateway): DemoPorts {
  const portOf = (name: string): number =>
    gateway.listeners.find((listener) => listener.name === name)?.port ?? 0;
  return { mllp: portOf('mllp'), mllps: portOf('mllps'), http: portOf('http'), https: portOf('https') };
}

/** Sends them one after the other, by all listeners in turn; returns how many were not answered AA or CA by a node. */
async function sendFixtures(
  ports: DemoPorts,
  certificates: DemoCertificates,
  seen: Seen,
  { json }: DemoOptions,
  terminal: Terminal,
): Promise<number> {
  const clients = clientsOf(ports, certificates);
  const rows = [['fixture', 'message', 'sender', 'listener', 'route', 'node', 'answer']];
  let sent = 0;
  let failed = 0;
  for (const file of fixtureFiles()) {
    for (const message of readMessageFile(file)) {
      const header = readHeader(message);
      const client = clients[sent++ % clients.length] as MessageClient;
      const code = await client.ask(message).then(
        ({ ack }) => ack?.code ?? 'none',
        (error: unknown) => (error instanceof GatewayError ? error.code : 'failed'),
      );
      if (code !== 'AA' && code !== 'CA' && code !== 'none') failed++;
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

function clientsOf(ports: DemoPorts, { ca }: DemoCertificates): MessageClient[] {
  const limits = { host: '127.0.0.1', connectMs: 2_000, ackMs: 10_000 };
  const tls = new NodeTls(trusting(ca), limits.host);
  const http = { ...limits, path: '/hl7', contentType: HL7_TYPE, credentials: undefined };
  return [
    new MllpClient({ ...limits, port: ports.mllp, tls: undefined }),
    new MllpClient({ ...limits, port: ports.mllps, tls }),
    new HttpMessageClient({ ...http, port: ports.http, tls: undefined }),
    new HttpMessageClient({ ...http, port: ports.https, tls }),
  ];
}

const HL7_TYPE = { type: 'application/hl7-v2', parameters: new Map<string, string>() };

function fixtureFiles(): string[] {
  const folder = fixtureFolder();
  if (folder === undefined) return [];
  const names = readdirSync(folder).filter((name) => name.endsWith('.hl7'));
  return names.sort().map((name) => join(folder, name));
}

/** Beside the sources in a checkout, beside `dist` in a package, which has no folders. */
function fixtureFolder(): string | undefined {
  for (const up of ['../fixtures', '../../../fixtures']) {
    const folder = fileURLToPath(new URL(up, import.meta.url));
    if (existsSync(folder)) return folder;
  }
  return undefined;
}

/** On the ports that are wanted, or on any. */
async function startGateway(
  wanted: WantedPorts,
  nodes: readonly DemoNode[],
  certificates: DemoCertificates,
  seen: Seen,
  traces: string | undefined,
): Promise<{ gateway: Gateway; pages: ConsoleOfDemo }> {
  const text = demoConfig(wanted, nodes, certificates, tracesOf(traces));
  const { config } = parseConfig(text, { env: {} });
  const onMessage = (message: Message): void => {
    seen.last = message;
  };
  const log = createLog(config.log);
  const pages = new ConsoleOfDemo(() => gateway, text, log);
  const gateway: Gateway = new Gateway(config, log, { observers: [{ onMessage }, ...pages.observers] });
  try {
    await gateway.start();
    return { gateway, pages };
  } catch (error) {
    if (wanted.mllp === 0 || !(error instanceof GatewayError) || error.code !== 'GW_ERR_LISTEN') throw error;
    return startGateway(ANY, nodes, certificates, seen, traces);
  }
}
