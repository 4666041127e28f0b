// One HTTP request to the gateway's admin API. Promises: a connection of its own that is gone with the answer, so that it is
// not among the gateway's descriptors later; undefined where nobody answers.
import http from 'node:http';

export interface Reply {
  readonly status: number;
  readonly text: string;
}

/** It answers at once, unless it is stopped, which lasts a second at most. */
const PATIENCE_MS = 10_000;

export function ask(
  address: string,
  method: 'GET' | 'POST',
  path: string,
  token?: string,
): Promise<Reply | undefined> {
  return new Promise((resolve) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const request = http.request(`http://${address}${path}`, {
      ...{ method, headers, agent: false },
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    request.on('error', () => resolve(undefined));
    request.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        text += part;
      });
      response.on('error', () => resolve(undefined));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    request.end();
  });
}
