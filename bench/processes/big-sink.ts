// A node for large messages, a process of its own: reads to the end of each frame and answers it; looks at nothing else.
import net from 'node:net';

const ANSWER = Buffer.from(
  '\x0bMSH|^~\\&|N|N|B|B|20261122083014||ACK|1|P|2.5.1\rMSA|AA|4711\r\x1c\r',
  'latin1',
);

const server = net.createServer({ noDelay: true }, (socket) => {
  let last = 0;
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    const before = chunk.length > 1 ? (chunk.at(-2) as number) : last;
    last = chunk.at(-1) as number;
    if (before === 0x1c && last === 0x0d) socket.write(ANSWER);
  });
});

server.listen(0, '127.0.0.1', () => {
  process.send?.({ port: (server.address() as net.AddressInfo).port });
});
process.once('disconnect', () => process.exit());
