// A process that sends to the VIP, as two kinds of senders do: a new connection for each message, and one connection for all of them.
// Each message is sent until it is acknowledged. Arguments: host, port, kind, ACK timeout in ms, what its control ids begin with. A line of JSON for each message that
// is acknowledged, with how often it was written without an answer before. Ends when its input does.
import net from 'node:net';
import process from 'node:process';

const [host = '', port = '', kind = '', ackTimeoutMs = '', name = ''] = process.argv.slice(2);
/** Facilities whose node is to stay the same. */
const FACILITIES = 8;
const PAUSE_MS = 20;
/** As long as a connection may take: what is not there by then is not there. */
const CONNECT_MS = 200;

let isEnding = false;
process.stdin.on('end', () => {
  isEnding = true;
});
process.stdin.resume();

type Outcome = 'acknowledged' | 'ambiguous' | 'not sent';

class Connection {
  readonly #socket: net.Socket;
  #settle: ((outcome: Outcome) => void) | undefined;
  #awaited = '';
  #read = '';
  isOpen = false;

  constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      this.#read += text;
      if (this.#read.includes(`MSA|AA|${this.#awaited}\r`)) this.#end('acknowledged');
    });
    for (const event of ['error', 'end', 'close'] as const)
      socket.on(event, () => {
        this.isOpen = false;
        this.#end('ambiguous');
        socket.destroy();
      });
  }

  static open(): Promise<Connection | undefined> {
    const socket = net.connect({ host, port: Number(port) });
    const connection = new Connection(socket);
    return new Promise((resolve) => {
      const late = setTimeout(() => socket.destroy(), CONNECT_MS);
      socket.once('connect', () => {
        clearTimeout(late);
        connection.isOpen = true;
        resolve(connection);
      });
      socket.once('close', () => {
        clearTimeout(late);
        resolve(undefined);
      });
    });
  }

  send(id: string, facility: string): Promise<Outcome> {
    this.#awaited = id;
    this.#read = '';
    const late = setTimeout(() => this.#socket.destroy(), Number(ackTimeoutMs));
    const text = `MSH|^~\\&|LAB|${facility}|GW|MIRTH|20260101||ADT^A01|${id}|P|2.5\rEVN|A01|20260101\rPID|1||4711\r`;
    return new Promise((resolve) => {
      this.#settle = (outcome) => {
        clearTimeout(late);
        resolve(outcome);
      };
      this.#socket.write(`\x0b${text}\x1c\r`, 'latin1');
    });
  }

  close(): void {
    this.#socket.end();
  }

  #end(outcome: Outcome): void {
    this.#settle?.(outcome);
    this.#settle = undefined;
  }
}

const pause = () => new Promise((resolve) => setTimeout(resolve, PAUSE_MS));

let connection: Connection | undefined;
for (let count = 1; !isEnding; count++) {
  const facility = `F${count % FACILITIES}`;
  const id = `${name}-${facility}-${count}`;
  let ambiguous = 0;
  let wasRefused = false;
  for (let outcome: Outcome = 'not sent'; outcome !== 'acknowledged'; ) {
    if (connection?.isOpen !== true) connection = await Connection.open();
    outcome = connection === undefined ? 'not sent' : await connection.send(id, facility);
    if (outcome === 'ambiguous') ambiguous++;
    if (outcome === 'not sent') wasRefused = true;
    if (outcome !== 'acknowledged') await pause();
    if (kind === 'new') {
      connection?.close();
      connection = undefined;
    }
    // What was never acknowledged is nobody's promise.
    if (isEnding && outcome !== 'acknowledged') process.exit();
  }
  console.log(JSON.stringify({ id, facility, ambiguous, wasRefused }));
  await pause();
}
process.exit();
