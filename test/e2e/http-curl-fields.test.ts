// What curl and the nodes get to know of each other through both VIPs: who the client is, whatever it says of itself,
// interim responses and trailers, in each version of HTTP.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { curl, hasCurl, lastHead, valuesOf } from './curl.ts';
import { LONG, openVips, VIPS, type Vip, type VipOptions, vipCertificate } from './http-vips.ts';
import { type Seen, startWebNode } from './web-node.ts';

let certificate: ReturnType<typeof vipCertificate>;
beforeAll(() => {
  certificate = vipCertificate();
});
afterAll(() => certificate[Symbol.dispose]());

const VERSIONS = ['--http1.0', '--http1.1', '--http2'] as const;

/** Every field that could tell a node of the client, as it came. */
function told({ rawHeaders }: Seen): string[] {
  const lines: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2)
    if (/forward|real|client|via/i.test(rawHeaders[i] ?? ''))
      lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`);
  return lines.sort();
}

/** The fields that a node gets of one request, and the ports in them. */
async function askedBy(
  vip: Vip,
  args: readonly string[],
  listener: VipOptions['listener'] = {},
): Promise<{ seen: Seen; port: number; lines: string[] }> {
  await using node = await startWebNode('a', (_, response) => response.end());
  await using vips = await openVips(certificate, { nodes: [node.url], listener });
  await curl(['--cacert', certificate.caFile, ...args, vips.url(vip)]);
  const [seen] = node.seen;
  if (seen === undefined) throw new Error('the node got no request');
  return { seen, port: vips.port(vip), lines: told(seen) };
}

/** What a client may say to pass for somebody else; F58's underscores too. */
const LIES = [
  'X-Forwarded-For: 10.9.9.9',
  'X-Forwarded-Proto: gopher',
  'X-Forwarded-Host: evil.test',
  'X-Forwarded-Port: 1',
  'Forwarded: for=10.9.9.9;host=evil.test;proto=gopher',
  'X_Forwarded_For: 10.9.9.9',
  'X-Real-IP: 10.9.9.9',
].flatMap((line) => ['-H', line]);

describe.skipIf(!hasCurl).each(VIPS)('curl at the %s VIP (skipped without curl)', LONG, (vip: Vip) => {
  test.each(VERSIONS)('F61 %s: the node is told who the client is, whatever that says', async (version) => {
    const { seen, port, lines } = await askedBy(vip, [version, '--interface', '127.0.0.2', ...LIES]);
    expect(lines).toEqual([
      `forwarded: for=127.0.0.2;host="127.0.0.1:${port}";proto=${vip}`,
      'x-forwarded-for: 127.0.0.2',
      `x-forwarded-host: 127.0.0.1:${port}`,
      `x-forwarded-port: ${port}`,
      `x-forwarded-proto: ${vip}`,
    ]);
    expect(seen.headers.host).toBe(`127.0.0.1:${port}`);
    expect(seen.headers['user-agent']).toMatch(/^curl\//);
  });

  test('F61 what a trusted proxy says is kept, and its own address added', async () => {
    const { port, lines } = await askedBy(
      vip,
      [
        '-H',
        'Host: clinic.test',
        '-H',
        'X-Forwarded-For: 10.9.9.9',
        '-H',
        'X-Forwarded-Proto: https',
        '-H',
        'Forwarded: for=10.9.9.9',
      ],
      { trustedProxies: '127.0.0.0/8' },
    );
    expect(lines).toEqual([
      `forwarded: for=10.9.9.9, for=127.0.0.1;host=clinic.test;proto=${vip}`,
      'x-forwarded-for: 10.9.9.9, 127.0.0.1',
      'x-forwarded-host: clinic.test',
      `x-forwarded-port: ${port}`,
      'x-forwarded-proto: https',
    ]);
  });

  test.each(VERSIONS)('%s: the end-to-end fields reach the node as they were', async (version) => {
    const fields = [
      'Accept-Language: de;q=0.7',
      'X-Requested-With: OpenAPI',
      'Cookie: a=1; b="2"',
      'X-Empty;',
    ];
    const { seen } = await askedBy(vip, [version, ...fields.flatMap((line) => ['-H', line])]);
    expect(seen.headers).toMatchObject({
      'accept-language': 'de;q=0.7',
      'x-requested-with': 'OpenAPI',
      cookie: 'a=1; b="2"',
      'x-empty': '',
    });
  });

  test.each(VERSIONS)('%s: early hints before, trailers behind', async (version) => {
    await using node = await startWebNode('a', (_, response) => {
      response.writeEarlyHints({ link: '</app.css>; rel=preload' });
      response.setHeader('trailer', 'X-Digest');
      response.write('body');
      response.addTrailers({ 'X-Digest': 'abc', 'X-Count': '4' });
      response.end();
    });
    await using vips = await openVips(certificate, { nodes: [node.url] });
    const run = await curl(['--cacert', certificate.caFile, version, vips.url(vip)]);
    expect(run.body.toString()).toBe('body');
    // HTTP/1.0 has neither.
    const isOld = version === '--http1.0';
    expect(run.heads.map(({ status }) => status)).toEqual(isOld ? [200] : [103, 200]);
    if (!isOld) expect(valuesOf(run.heads[0] ?? lastHead(run), 'link')).toEqual(['</app.css>; rel=preload']);
    expect([...run.trailers].sort()).toEqual(
      isOld
        ? []
        : [
            ['x-count', '4'],
            ['x-digest', 'abc'],
          ],
    );
  });

  test.each(VERSIONS)('%s -I: a node that names its trailers where there is no body', async (version) => {
    await using node = await startWebNode('a', (_, response) => {
      // Node.js would not write it: a node by other hands does (RFC 9110 6.6.2 does not forbid it).
      response.socket?.end(
        'HTTP/1.1 200 OK\r\nTrailer: X-Digest\r\nTransfer-Encoding: chunked\r\nX-Node: a\r\n\r\n',
      );
    });
    await using vips = await openVips(certificate, { nodes: [node.url] });
    const run = await curl(['--cacert', certificate.caFile, version, '-I', vips.url(vip)]);
    expect(run.info.response_code).toBe(200);
    expect(valuesOf(lastHead(run), 'x-node')).toEqual(['a']);
  });
});
