// Requests to the admin API that serves the page, typed by its own document. Promises an ApiError for whatever does not work, with a
// sentence for people; and that an answer of "not logged in" is told once to whoever keeps the session.
import type { Endpoints } from './schema.ts';

export type EndpointKey = keyof Endpoints;

export interface AskOptions<K extends EndpointKey> {
  readonly path?: Endpoints[K]['path'];
  readonly query?: Endpoints[K]['query'];
  readonly body?: Endpoints[K]['body'];
  readonly signal?: AbortSignal;
}

/** `status` 0: no answer came. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

interface Login {
  /** Proves that a request comes from the page and from no other. */
  csrf: string;
  onOver: () => void;
}

/** Set by state/session.ts. */
export const login: Login = { csrf: '', onOver: () => {} };

export async function ask<K extends EndpointKey>(
  key: K,
  { path, query, body, signal }: AskOptions<K> = {},
): Promise<Endpoints[K]['answer']> {
  const [method = 'GET', template = '/'] = key.split(' ');
  const response = await send(method, `${pathOf(template, path)}${queryOf(query)}`, body, signal);
  if (response.status === 401) login.onOver();
  if (!response.ok) throw await errorOf(response);
  const isJson = response.headers.get('content-type')?.includes('json') === true;
  return (isJson ? await response.json() : await response.text()) as Endpoints[K]['answer'];
}

/** @throws ApiError where no answer comes */
export async function send(
  method: string,
  url: string,
  body?: unknown,
  signal?: AbortSignal,
): Promise<Response> {
  const isText = typeof body === 'string';
  const headers: Record<string, string> = { accept: 'application/json' };
  if (method !== 'GET' && login.csrf !== '') headers['x-csrf-token'] = login.csrf;
  if (body !== undefined) headers['content-type'] = isText ? 'application/hl7-v2' : 'application/json';
  try {
    return await fetch(url, {
      method,
      headers,
      cache: 'no-store',
      credentials: 'same-origin',
      redirect: 'error',
      ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (thrown) {
    if (signal?.aborted === true) throw thrown;
    throw new ApiError(0, '', 'the gateway does not answer');
  }
}

/** Of an answer that says no. */
export async function errorOf(response: Response): Promise<ApiError> {
  const text = await response.text();
  try {
    const { detail, code } = JSON.parse(text) as { readonly detail: string; readonly code: string };
    return new ApiError(response.status, code, detail);
  } catch {
    return new ApiError(response.status, '', `the gateway answers with ${response.status}`);
  }
}

/** What to show of whatever was thrown. */
export function sentenceOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

function pathOf(template: string, parts: object = {}): string {
  const path = template.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(String((parts as Record<string, unknown>)[name])),
  );
  // Beside the page, wherever that is.
  return `.${path}`;
}

function queryOf(query: object = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text === '' ? '' : `?${text}`;
}
