// Peers for tests of where connections come from, each a process of its own on a machine of the test. `node`: answers MLLP on 6661 and HTTP
// on 6662 with the address that it sees, and for a line of input prints what it has had so far. `senders`: so many clients, each from
// an address of its own, send their messages one after the other, and what each was told is compared. Lines of JSON.
import http from 'node:http';
import net from 'node:net';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { ackFor, FrameSplitter, frame, message, msaOf } from '../helpers/mllp.ts';

export interface NodeReport {
  /** Messages and requests, and how many of them had an id that none had before. */
  readonly received: number;
  readonly distinct: number;
  /** Different addresses. */
  readonly sources: number;
  readonly connections: number;
}

export interface SendersOptions {
  readonly protocol: 'mllp' | 'http';
  readonly host: string;
  readonly port: number;
  /** Each has a connection for its messages. */
  readonly clients: readonly string[];
  readonly messages: number;
  /** What the node is to see; undefined: the client's own address. */
  readonly expects?: string;
}

export interface SendersReport {
  readonly acknowledged: number;
  /** The first few that were not as they should be. */
  readonly wrong: readonly string[];
}

const plain = (address = ''): string => address.replace(/^::ffff:/, '');
const say = (line: object): void => console.log(JSON.stringify(line));

function runNode(): void {
  const ids = new Set<string>();
  const sources = new Set<string>();
  let received = 0;
  let connections = 0;
  const note = (id: string, source: string): void => {
    received++;
    ids.add(id);
    sources.add(source);
  };
  const mllp = net.createServer((socket) => {
    connections++;
    const source = plain(socket.remoteAddress);
    const frames = new FrameSplitter();
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      for (const payload of frames.push(chunk)) {
        note(msaOf(ackFor(payload))?.controlId ?? '', source);
        socket.write(frame(ackFor(payload, 'AA', { text: source })));
      }
    });
  });
  const web = http.createServer((request, response) => {
    const source = plain(request.socket.remoteAddress);
    note(request.url ?? '', source);
    request.resume().on('end', () => response.end(source));
  });
  web.on('connection', () => connections++);
  mllp.listen(6661, '::', () => web.listen(6662, '::', () => say({ listening: true })));
  let reports = 0;
  createInterface({ input: process.stdin }).on('line', () =>
    say({ report: ++reports, received, distinct: ids.size, sources: sources.size, connections }),
  );
}

/** `acknowledged` of one client; `failed` hears of what was wrong. */
async function sendMllp(
  options: SendersOptions,
  client: string,
  failed: (what: string) => void,
): Promise<number> {
  const { host, port, messages, expects = client } = options;
  const socket = net.connect({ host, port, localAddress: client, family: net.isIP(client) });
  const frames = new FrameSplitter();
  let sent = 0;
  let acknowledged = 0;
  return new Promise((resolve) => {
    const id = (): string => `${client.replaceAll(/[.:]/g, '-')}-${sent}`;
    const next = (): void => {
      if (sent === messages) {
        socket.end();
        return;
      }
      sent++;
      socket.write(frame(message({ controlId: id() })));
    };
    socket.on('connect', next);
    socket.on('data', (chunk: Buffer) => {
      for (const answer of frames.push(chunk)) {
        const msa = msaOf(answer);
        const [, , , seen] = /\rMSA\|([^|]*)\|([^|]*)\|([^\r|]*)/.exec(answer.toString('latin1')) ?? [];
        if (msa?.code === 'AA' && msa.controlId === id() && seen === expects) acknowledged++;
        else failed(`${id()}: ${msa?.code} for ${msa?.controlId}, the node saw ${seen}`);
        next();
      }
    });
    socket.on('error', (error) => failed(`${client}: ${error.message}`));
    socket.on('close', () => resolve(acknowledged));
  });
}

async function sendHttp(
  options: SendersOptions,
  client: string,
  failed: (what: string) => void,
): Promise<number> {
  const { host, port, messages, expects = client } = options;
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  let acknowledged = 0;
  for (let n = 0; n < messages; n++) {
    const path = `/${client}-${n}`;
    await new Promise<void>((resolve) => {
      const request = http.request(
        { host, port, path, method: 'POST', agent, localAddress: client },
        (response) => {
          let seen = '';
          response.setEncoding('utf8').on('data', (text) => {
            seen += text;
          });
          response.on('end', () => {
            if (response.statusCode === 200 && seen === expects) acknowledged++;
            else failed(`${path}: ${response.statusCode}, the node saw ${seen}`);
            resolve();
          });
        },
      );
      request.on('error', (error) => {
        failed(`${path}: ${error.message}`);
        resolve();
      });
      request.end('x'.repeat(100));
    });
  }
  agent.destroy();
  return acknowledged;
}

async function runSenders(options: SendersOptions): Promise<void> {
  const wrong: string[] = [];
  const failed = (what: string): void => {
    if (wrong.length < 5) wrong.push(what);
  };
  const send = options.protocol === 'mllp' ? sendMllp : sendHttp;
  const counts = await Promise.all(options.clients.map((client) => send(options, client, failed)));
  say({ acknowledged: counts.reduce((sum, count) => sum + count, 0), wrong });
}

const [mode, text] = process.argv.slice(2);
if (mode === 'node') runNode();
else if (mode === 'senders') await runSenders(JSON.parse(text ?? '') as SendersOptions);
