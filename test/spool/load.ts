// Messages that say themselves which ones they are.

export const LABEL = {
  listener: 'lab',
  route: 'results',
  source: '10.0.0.1',
  controlId: 'C-1',
  type: 'ORU^R01',
  sender: 'LAB|NORTH',
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
};

/** Of a length of its own: most in a page, some over several. */
export function payloadOf(n: number): Buffer {
  return Buffer.from(`${n}|`.repeat(20 + ((n * 37) % 400) * (n % 11 === 0 ? 20 : 1)));
}
