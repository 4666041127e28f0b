// The HTTP node behind the proxies, a process of its own: answers by its first letter and path, from prepared bytes.
// Promises: one write for each read of small requests; a message is answered with its own control id.
import net from 'node:net';
import { ACK, ACK_ID_FROM, ID_FROM, ID_TO } from './frames.ts';

const HEAD_END = Buffer.from('\r\n\r\n');
const SMALL = response('text/plain', Buffer.alloc(64, 'x'));
const LARGE = response('application/octet-stream', Buffer.alloc(1024 * 1024, 'y'));
const FRAMED_ID_FROM = ID_FROM - 1;
const ANSWER = response('text/plain', ACK.subarray(1, -2));

function response(type: string, body: Buffer): Buffer {
  const head = `HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 12:00:00 GMT\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), body]);
}

/** The answer to a POST whose body is in `bytes` from `at` on. */
function answerTo(bytes: Buffer, at: number): Buffer {
  const answer = Buffer.from(ANSWER);
  const bodyAt = answer.indexOf(HEAD_END) + 4;
  bytes.copy(answer, bodyAt + ACK_ID_FROM - 1, at + FRAMED_ID_FROM, at + FRAMED_ID_FROM + ID_TO - ID_FROM);
  return answer;
}

const server = net.createServer({ noDelay: true }, (socket) => {
  let rest: Buffer = Buffer.alloc(0);
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const out: Buffer[] = [];
    let from = 0;
    for (let end = bytes.indexOf(HEAD_END); end >= 0; end = bytes.indexOf(HEAD_END, from)) {
      const head = bytes.toString('latin1', from, end);
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
      if (bytes.length < end + 4 + length) break;
      if (head.startsWith('POST')) out.push(answerTo(bytes, end + 4));
      else out.push(head.startsWith('GET /large') ? LARGE : SMALL);
      from = end + 4 + length;
    }
    rest = bytes.subarray(from);
    if (out.length > 0) socket.write(out.length === 1 ? (out[0] as Buffer) : Buffer.concat(out));
  });
});

server.listen({ host: '127.0.0.1', port: 0, backlog: 1024 }, () => {
  process.send?.({ port: (server.address() as net.AddressInfo).port });
});
process.once('disconnect', () => process.exit());
