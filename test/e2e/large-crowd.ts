// Many senders of large messages at once, a node that takes them, and a small sender beside them whose waits are measured.
// Promises to hold one copy of what is sent, however many send it.
import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { frame, message } from '../helpers/mllp.ts';

export interface Crowd {
  readonly senders: number;
  readonly bytes: number;
  /** Addresses of 127.0.0.0/8 that they come from, in turn. */
  readonly sources: number;
  readonly protocol: 'mllp' | 'http';
  /** With TLS where it is given. */
  readonly connect: () => net.Socket;
}

/** A node that answers each frame, whatever its size, without keeping it. */
export async function startSink(): Promise<AsyncDisposable & { url: string; bytes: number; ids: string[] }> {
  const sink = { bytes: 0, ids: [] as string[] };
  const server = net.createServer((socket) => {
    let head = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      sink.bytes += chunk.length;
      if (head.length < 1024) head = Buffer.concat([head, chunk.subarray(0, 1024)]);
      if (chunk.at(-1) !== 0x0d || (chunk.length > 1 && chunk.at(-2) !== 0x1c)) return;
      const id = head.toString('latin1').split('|')[9] ?? '';
      head = Buffer.alloc(0);
      sink.ids.push(id);
      const ack = `MSH|^~\\&|B|F|A|F|20240102030405||ACK|K${id}|P|2.5\rMSA|AA|${id}\r`;
      socket.write(frame(ack));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  return Object.assign(sink, {
    url: `mllp://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, 'close');
    },
  });
}

/** Sends one large message and resolves to the code of its acknowledgement, or to how the connection ended. */
export async function sendLarge(
  socket: net.Socket,
  protocol: 'mllp' | 'http',
  controlId: string,
  filler: Buffer,
): Promise<string> {
  const head = Buffer.from(
    `MSH|^~\\&|PACS|NORTH|HUB|F|20240102030405||MDM^T02|${controlId}|P|2.5\rOBX|1|ED|X||`,
  );
  let text = '';
  const answered = new Promise<string>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      const code = /MSA\|(\w\w)\|([^\r|]*)/.exec(text);
      if (code !== null) resolve(code[2] === controlId ? (code[1] ?? '') : `answer to ${code[2]}`);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.on('close', () => resolve(`closed: ${text.slice(0, 200)}`));
  });
  const [before, behind] =
    protocol === 'mllp'
      ? ['\x0b', '\r\x1c\r']
      : [
          `POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/hl7-v2\r\nContent-Length: ${head.length + filler.length + 1}\r\n\r\n`,
          '\r',
        ];
  socket.write(before);
  socket.write(head);
  socket.write(filler);
  socket.write(behind);
  const answer = await answered;
  socket.destroy();
  return answer;
}

/** One small message after the other, until stopped; resolves to how long each took, in ms. */
export function sendSmall(port: number, source: string): { stop(): Promise<number[]> } {
  let stopped = false;
  const run = async (): Promise<number[]> => {
    const socket = net.connect({ host: '127.0.0.1', port, localAddress: source });
    const waits: number[] = [];
    const broken: { error?: Error } = {};
    socket.on('error', (error) => {
      broken.error = error;
    });
    while (!stopped) {
      const startedAt = performance.now();
      socket.write(frame(message({ controlId: `small${waits.length}` })));
      await once(socket, 'data');
      if (broken.error !== undefined) throw broken.error;
      waits.push(performance.now() - startedAt);
      await pause(5);
    }
    socket.destroy();
    return waits;
  };
  const ran = run();
  ran.catch(() => {});
  return {
    stop: () => {
      stopped = true;
      return ran;
    },
  };
}

/** Nearest rank. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}
