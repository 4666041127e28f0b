// A TCP server behind the proxies, a process of its own. The first byte of a connection says what it does.
// Promises: how much it was sent, or has sent, stands in its last eight bytes, when the client has ended its side.
import net from 'node:net';
import { COUNT_BYTES, KIND_BYTES, WRITE_BYTES } from './tcp-sink-protocol.ts';

const CHUNK = Buffer.alloc(WRITE_BYTES, 'x');

function countOf(bytes: number): Buffer {
  const count = Buffer.alloc(COUNT_BYTES);
  count.writeDoubleLE(bytes);
  return count;
}

function serve(socket: net.Socket, kind: number | undefined): void {
  if (kind === KIND_BYTES.echo) socket.pipe(socket);
  else if (kind === KIND_BYTES.up) {
    let bytes = 0;
    socket.on('data', ({ length }: Buffer) => {
      bytes += length;
    });
    socket.on('end', () => socket.end(countOf(bytes)));
  } else {
    let bytes = 0;
    const send = (): void => {
      do bytes += WRITE_BYTES;
      while (socket.write(CHUNK));
    };
    socket.on('drain', send);
    socket.on('end', () => {
      socket.off('drain', send);
      socket.end(countOf(bytes));
    });
    send();
  }
  socket.resume();
}

const server = net.createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
  socket.on('error', () => {});
  socket.once('data', (first: Buffer) => {
    socket.pause();
    socket.unshift(first.subarray(first[0] === KIND_BYTES.echo ? 0 : 1));
    serve(socket, first[0]);
  });
});

server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => {
  process.send?.({ port: (server.address() as net.AddressInfo).port });
});
process.once('disconnect', () => process.exit());
