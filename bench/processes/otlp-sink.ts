// The collector behind the gateway, a process of its own: takes every export over HTTP and throws it away. Its port may be given.
// Promises to say, when it is asked, how many exports and bytes came since it was asked before.
import http from 'node:http';
import type { AddressInfo } from 'node:net';

let requests = 0;
let bytes = 0;

const server = http.createServer((request, response) => {
  requests++;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  request.on('end', () => response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end());
});

process.on('message', () => {
  process.send?.({ requests, bytes });
  requests = 0;
  bytes = 0;
});
server.listen({ host: '127.0.0.1', port: Number(process.argv[2] ?? 0) }, () => {
  process.send?.({ port: (server.address() as AddressInfo).port });
});
process.once('disconnect', () => process.exit());
