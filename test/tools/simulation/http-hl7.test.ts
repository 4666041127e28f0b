// HL7 posted to the simulated node: acknowledged as Mirth's HTTP Listener does it, garbled where Mirth's is, failing on
// request, and told from everything else by its type or by how it begins.
import { describe, expect, test } from 'vitest';
import { encodeUtf16 } from '../../../src/hl7/charset.ts';
import { MIRTH_DEFAULTS } from '../../../src/tools/simulation/mirth-defaults.ts';
import type { SimulatedHttpNodeOptions } from '../../../src/tools/simulation/simulated-http-node.ts';
import { SimulatedNode } from '../../../src/tools/simulation/simulated-node.ts';
import { frame, message, msaOf } from '../../helpers/mllp.ts';
import { connectSender, type Sender } from '../../helpers/sender.ts';
import { turns, until } from '../../helpers/until.ts';
import { startHttpNode } from './http-room.ts';

const ER7 = 'x-application/hl7-v2+er7';

interface Posted {
  readonly status: number;
  readonly type: string | null;
  readonly body: Buffer;
}

async function post(url: string, body: Buffer | string, type: string | undefined): Promise<Posted> {
  const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type };
  const response = await fetch(url, {
    method: 'POST',
    headers,
    body: new Uint8Array(Buffer.from(body as string)),
  });
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    body: Buffer.from(await response.arrayBuffer()),
  };
}

/** Of a message of so many bytes. */
function head(bytes: number): Buffer {
  return Buffer.from(
    `POST / HTTP/1.1\r\nHost: n\r\nContent-Type: ${ER7}\r\nContent-Length: ${bytes}\r\n\r\n`,
  );
}

/** As `node` prints it. */
type Heard = [bytes: number, controlId: string | undefined, answer: string];

async function node(
  over: Partial<SimulatedHttpNodeOptions> = {},
): Promise<Awaited<ReturnType<typeof startHttpNode>> & { heard: Heard[] }> {
  const heard: Heard[] = [];
  const started = await startHttpNode(over, (payload, header, answer) =>
    heard.push([payload.length, header?.controlId, answer]),
  );
  return { ...started, heard };
}

const untimed = (ack: Buffer): string => ack.toString('latin1').replace(/\d{14}\.\d{3}/g, 'TIME');

describe('the acknowledgement', () => {
  test('is the one that the same node gives over MLLP, as text/plain', async () => {
    const { url, node: http, heard } = await node();
    const mllp = new SimulatedNode(MIRTH_DEFAULTS);
    await mllp.start();
    try {
      await using sender = await connectSender(mllp.port);
      for (const sent of [
        message(),
        message({ type: 'ORU^R01', delimiters: '#!@%*' }),
        message({ charset: 'X' }),
      ]) {
        const { status, type, body } = await post(`${url}/in`, sent, ER7);
        expect({ status, type }).toEqual({ status: 200, type: 'text/plain;charset=UTF-8' });
        expect(untimed(body)).toBe(untimed(await sender.exchange(sent)));
        expect(msaOf(body)?.code).toBe('AA');
      }
    } finally {
      await mllp.stop();
    }
    expect(heard.map(([, , answer]) => answer)).toEqual(['AA', 'AA', 'AA']);
    expect(http.messages).toBe(3);
  });

  test.for<[string | undefined, 'AA' | 'garbled']>([
    [ER7, 'AA'],
    ['text/plain', 'AA'],
    ['text/plain; charset=utf-8', 'AA'],
    ['application/json', 'AA'],
    ['application/hl7-v2+xml', 'AA'],
    ['not a type', 'AA'],
    ['application/hl7-v2', 'garbled'],
    ['Application/HL7-V2; charset=utf-8', 'garbled'],
    ['application/hl7-v2+er7', 'garbled'],
    ['application/octet-stream', 'garbled'],
    ['application/x-www-form-urlencoded', 'garbled'],
    ['image/png', 'garbled'],
  ])('of a body of type %s is %s, which binary types decide', async ([type, answer]) => {
    const sent = message({ controlId: 'B-1' });
    const { url, heard } = await node();
    const { status, body } = await post(url, sent, type);
    expect(status).toBe(200);
    expect(heard).toEqual([[sent.length, 'B-1', answer]]);
    if (answer === 'AA') expect(msaOf(body)).toEqual({ code: 'AA', controlId: 'B-1' });
    // MSH|^~\& in base64 is TVNIfF5+XCY: the fourth character becomes MSH-1, those behind it MSH-2.
    else {
      expect(body.toString('latin1')).toMatch(/^MSHIfF5\+I[^\r]*IACKI[^\r]*\rMSAIAAI[^\r]*\r$/);
      expect(body.toString('latin1')).not.toContain('B-1');
    }
    const all = await node({ binaryTypes: false });
    expect(msaOf((await post(all.url, sent, type)).body)).toEqual({ code: 'AA', controlId: 'B-1' });
  });

  test('is in UTF-8 whatever charset the request declares', async () => {
    const { url } = await node();
    const text = 'MSH|^~\\&|SENDÜ|F|RÉC|F|20260101||ADT^A01|C-1|P|2.5\r';
    for (const [bytes, charset] of [
      [Buffer.from(text, 'latin1'), 'iso-8859-1'],
      [Buffer.from(text, 'utf8'), 'utf-8'],
      [Buffer.from(text, 'utf8'), undefined],
      [encodeUtf16(text, 'utf-16le'), 'utf-16le'],
    ] as const) {
      const type = charset === undefined ? ER7 : `${ER7}; charset=${charset}`;
      const { body } = await post(url, bytes, type);
      expect(body.toString('utf8')).toContain('|RÉC|F|SENDÜ|F|');
    }
  });
});

describe('what is taken for HL7', () => {
  test.for<[string, string | Buffer]>([
    ['a message', 'MSH|^~\\&|A'],
    ['a batch', 'FHS|^~\\&|A\rBHS|^~\\&|B\rMSH|^~\\&|C\r'],
    ['blank lines before it', '\r\n\nMSH|^~\\&|A|B|C|D'],
    ['a byte order mark', '\ufeffMSH|^~\\&|A|B|C|D|E'],
    ['UTF-16', encodeUtf16('\ufeffMSH|^~\\&|A|B|C', 'utf-16be')],
  ])('%s, of whatever type', async ([, body]) => {
    const { url, heard } = await node();
    await post(url, body, 'text/plain');
    expect(heard).toEqual([[Buffer.from(body as string).length, '', 'AA']]);
  });

  test('it may come byte by byte', async () => {
    const { node: http, heard } = await node();
    await using client = await connectSender(http.port);
    const body = message({ controlId: 'SLOW' }).subarray(0, 80);
    await client.write(`POST / HTTP/1.1\r\nHost: n\r\nContent-Length: ${body.length}\r\n\r\n`);
    await client.writeSplit(body, Array.from(body.keys()));
    await until(() => heard.length === 1);
    expect(heard).toEqual([[80, 'SLOW', 'AA']]);
  });

  test.for<[string, string]>([
    ['a form', 'a=MSH|'],
    ['MSH later', 'xMSH|^~\\&|A'],
    ['nothing', ''],
    ['a frame of MLLP', frame(message()).toString('latin1')],
  ])('not %s', async ([, body]) => {
    const { url, heard } = await node();
    expect((await post(url, body, 'text/plain')).type).toBe('application/json');
    expect(heard).toEqual([]);
  });

  test('of an HL7 type everything is: nothing is answered to what is too short, garble to what is no HL7', async () => {
    const { url, heard } = await node();
    for (const short of ['', '12345678']) {
      const { status, body } = await post(url, short, ER7);
      expect({ status, bytes: body.length }).toEqual({ status: 200, bytes: 0 });
    }
    const { body } = await post(url, 'Hello World, how are you?', ER7);
    expect(body.toString()).toMatch(/^MSHlo Wol.*\rMSAlAAl1\r$/);
    expect(heard.map(([, id, answer]) => [id, answer])).toEqual([
      [undefined, 'none'],
      [undefined, 'none'],
      [undefined, 'garbled'],
    ]);
  });

  test('PUT is none', async () => {
    const { url, heard } = await node();
    const response = await fetch(url, {
      method: 'PUT',
      headers: { 'content-type': ER7 },
      body: 'MSH|^~\\&|A',
    });
    expect(await response.json()).toMatchObject({ bytes: 10 });
    expect(heard).toEqual([]);
  });
});

describe('failing on request', () => {
  test('ack, failEvery and closeAfter count messages alone', async () => {
    const { url, node: http, heard } = await node({ ack: 'CA', failEvery: 2, closeAfter: 5 });
    const codes: unknown[] = [];
    for (let i = 0; i < 6; i++) {
      await fetch(url);
      const code = post(url, message(), ER7).then(
        ({ body }) => msaOf(body)?.code,
        () => 'closed',
      );
      codes.push(await code);
    }
    expect(codes).toEqual(['CA', 'AE', 'CA', 'AE', 'closed', 'AE']);
    expect(heard.map(([, , answer]) => answer)).toEqual(['CA', 'AE', 'CA', 'AE', 'close', 'AE']);
    expect([http.messages, http.received]).toEqual([6, 12]);
  });

  test('closing is the end of the connection, without a byte', async () => {
    const { node: http } = await node({ closeAfter: 1 });
    await using client = await connectSender(http.port);
    await client.write('POST / HTTP/1.1\r\nHost: n\r\nContent-Length: 10\r\n\r\nMSH|^~\\&|A');
    expect((await client.closed).hadError).toBe(false);
    expect(client.received).toHaveLength(0);
  });

  test('delayMs is how long a message takes, and nothing else', async () => {
    const { url } = await node({ delayMs: 100 });
    const startedAt = performance.now();
    await post(url, message(), ER7);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(98);
    expect((await fetch(url)).status).toBe(200);
  });

  test('a client that does not wait for its answer does no harm', async () => {
    const { url, node: http, heard } = await node({ delayMs: 60 });
    await using client = await connectSender(http.port);
    await client.write(Buffer.concat([head(1000), message({ size: 1000 })]));
    await until(() => http.messages === 1);
    client.reset();
    await until(() => heard.length === 1);
    expect(msaOf((await post(url, message(), ER7)).body)?.code).toBe('AA');
  });
});

describe('bounds', () => {
  test('a message over the limit is 413', async () => {
    const { url, heard } = await node({ maxBodyBytes: 1000 });
    expect((await post(url, message({ size: 1000 }), ER7)).status).toBe(200);
    const { status, body } = await post(url, message({ size: 1001 }), ER7);
    expect([status, body.toString()]).toEqual([413, 'larger than this node takes\n']);
    expect(heard).toHaveLength(1);
  });

  test('it is read to its end, so that the connection can go on', async () => {
    const { node: http } = await node({ maxBodyBytes: 1000 });
    await using client = await connectSender(http.port);
    await client.write(head(3_000_000));
    await client.write(message({ size: 3_000_000 }));
    await until(() => client.received.includes('larger than'));
    await client.write(Buffer.concat([head(1000), message({ size: 1000 })]));
    await until(() => client.received.includes('MSA|AA|'));
  });

  test('what is no HL7 is not kept, and has no limit', async () => {
    const { url } = await node({ maxBodyBytes: 1000 });
    const { status, body } = await post(url, 'x'.repeat(3_000_000), 'text/plain');
    expect([status, JSON.parse(body.toString())]).toEqual([
      200,
      expect.objectContaining({ bytes: 3_000_000 }),
    ]);
  });

  test('all messages together have one too: four of the largest', async () => {
    const { node: http, heard } = await node({ maxBodyBytes: 1000 });
    // One that has no room any more takes none.
    await using refused = await connectSender(http.port);
    await refused.write(Buffer.concat([head(5000), message({ size: 4000 })]));
    const clients: Sender[] = [];
    const open = async (): Promise<Sender> => {
      const client = await connectSender(http.port);
      clients.push(client);
      await client.write(Buffer.concat([head(1000), message({ size: 999 })]));
      await until(() => http.received === 1 + clients.length);
      await turns(10);
      return client;
    };
    try {
      for (let i = 0; i < 4; i++) await open();
      const fifth = await open();
      for (const client of clients) await client.write('\r');
      await until(() => heard.length === 4);
      await until(() => fifth.received.includes(' 413 '));
      // Their room is free again.
      await (await open()).write('\r');
      await until(() => heard.length === 5);
    } finally {
      for (const client of clients) await client[Symbol.asyncDispose]();
    }
  });

  test('room of a client that goes away is free again', async () => {
    const { url, node: http } = await node({ maxBodyBytes: 1000 });
    for (let i = 0; i < 5; i++) {
      await using client = await connectSender(http.port);
      await client.write(Buffer.concat([head(1000), message({ size: 999 })]));
      await until(() => http.received === i + 1);
      client.reset();
    }
    await until(async () => (await post(url, message({ size: 1000 }), ER7)).status === 200);
  });
});
