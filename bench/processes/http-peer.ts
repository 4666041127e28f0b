// A reverse proxy of Node.js's world in a process of its own, as its manual sets it up: http-proxy-3, @fastify/http-proxy,
// or the gateway's own building blocks with nothing between them, which is the least that it can cost. Promises: keep-alive to the nodes, and nothing that its manual does not turn on.
import http from 'node:http';
import fastifyProxy from '@fastify/http-proxy';
import Fastify from 'fastify';
import { createProxyServer } from 'http-proxy-3';
import { Pool } from 'undici';

const [kind, port, ...nodes] = process.argv.slice(2);
const targets = nodes.map((node) => `http://127.0.0.1:${node}`);
let turn = 0;
const next = (): string => targets[turn++ % targets.length] ?? '';

if (kind === 'http-proxy-3') {
  const proxy = createProxyServer({ xfwd: true, agent: new http.Agent({ keepAlive: true }) });
  proxy.on('error', () => {});
  http
    .createServer((request, response) => proxy.web(request, response, { target: next() }))
    .listen(Number(port), '127.0.0.1');
} else if (kind === 'node:http + undici') {
  const pools = targets.map((target) => new Pool(target, { connections: 64, pipelining: 1 }));
  http
    .createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { method = 'GET', url = '/', headers } = request;
        const { connection: _, 'content-length': __, ...fields } = headers;
        const body = chunks.length === 0 ? null : Buffer.concat(chunks);
        pools[turn++ % pools.length]?.dispatch(
          { method: method as 'GET', path: url, headers: fields, body },
          {
            onRequestStart() {},
            onResponseStart(_controller, status, answered) {
              response.writeHead(status, answered as http.OutgoingHttpHeaders);
            },
            onResponseData(controller, chunk) {
              if (response.write(chunk)) return;
              controller.pause();
              response.once('drain', () => controller.resume());
            },
            onResponseEnd() {
              response.end();
            },
            onResponseError(_controller, error) {
              response.destroy(error);
            },
          },
        );
      });
    })
    .listen(Number(port), '127.0.0.1');
} else {
  const fastify = Fastify();
  await fastify.register(fastifyProxy, {
    upstream: '',
    undici: { connections: 64, pipelining: 1 },
    replyOptions: { getUpstream: next },
  });
  await fastify.listen({ port: Number(port), host: '127.0.0.1' });
}
process.once('SIGTERM', () => process.exit());
