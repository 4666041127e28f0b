// Where messages are sent to, from the command line: an address, and what TLS and HTTP want beside it. Shared by `send` and
// `replay`. Promises one sentence for each option that does not fit its address.
import { readPassphrase } from '../../../certs/files/read-bytes.ts';
import type { NodeTls } from '../../../certs/node-tls.ts';
import { isHost, type NodeUrl, parseNodeUrl } from '../../config/formats.ts';
import { quoted } from '../../config/source/problem.ts';
import { urlHintText } from '../../config/url-hints.ts';
import { type ContentType, parseContentType } from '../../hl7/content-type.ts';
import type { HttpMessageClientOptions } from '../../upstream/client/http-message-client.ts';
import type { MessageClient, MessageClientOptions } from '../../upstream/client/message-client.ts';
import { CONTENT_TYPE } from '../defaults.ts';
import type { Terminal } from '../terminal.ts';
import { usage, warnIfOpen } from '../usage.ts';

export interface TargetOptions {
  readonly timeoutMs: number;
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly insecure?: boolean | undefined;
  /** Of the certificate, and SNI, instead of the address's host. */
  readonly servername?: string | undefined;
  /** Over HTTP. */
  readonly contentType?: string | undefined;
  readonly user?: string | undefined;
  readonly passwordFile?: string | undefined;
}

export type MessageTarget =
  | { readonly kind: 'mllp'; readonly client: MessageClientOptions }
  | { readonly kind: 'http'; readonly client: HttpMessageClientOptions };

/** @throws GatewayError GW_ERR_USAGE, GW_ERR_FILE, GW_ERR_TLS_FILE */
export async function messageTarget(
  to: string,
  options: TargetOptions,
  terminal: Terminal,
  option = '--to',
): Promise<MessageTarget> {
  const url = urlOf(to, option);
  const { protocol, host, port, path } = url;
  const isHttp = protocol === 'http' || protocol === 'https';
  const tls = protocol === 'mllps' || protocol === 'https' ? await clientTls(url, options) : undefined;
  if (tls === undefined && options.servername !== undefined)
    throw usage(`--servername needs mllps:// or https://, and this is ${protocol}://`);
  const limits = { host, port, tls, connectMs: options.timeoutMs, ackMs: options.timeoutMs };
  if (isHttp) {
    const contentType = contentTypeOf(options.contentType ?? CONTENT_TYPE);
    const credentials = credentialsOf(url, options, terminal);
    return { kind: 'http', client: { ...limits, path, contentType, credentials } };
  }
  const { contentType, user, passwordFile } = options;
  if (contentType !== undefined || user !== undefined || passwordFile !== undefined)
    throw usage(
      `--content-type, --user and --password-file need http:// or https://, and this is ${protocol}://`,
    );
  return { kind: 'mllp', client: limits };
}

/** Loads what the address's protocol needs, and no more. */
export async function clientOf(target: MessageTarget, pipelining = 1): Promise<() => MessageClient> {
  if (target.kind === 'http') {
    const { HttpMessageClient } = await import('../../upstream/client/http-message-client.ts');
    return () => new HttpMessageClient(target.client);
  }
  const { MllpClient } = await import('../../upstream/client/mllp-client.ts');
  return () => new MllpClient({ ...target.client, pipelining });
}

function urlOf(to: string, option: string): NodeUrl {
  const url = parseNodeUrl(to);
  if (url !== undefined) return url;
  // What stands before an @ may be a password: not to be repeated on a screen, or in the log of a job.
  if (/^https?:\/\/[^/]*@/.test(to))
    throw usage(`${option} takes no user and password; see --user, --password-file`);
  throw usage(
    `${option} takes mllp://HOST:PORT, mllps://HOST:PORT, http://HOST/PATH or https://HOST/PATH, not ${quoted(to)}${urlHintText(to)}`,
  );
}

function contentTypeOf(text: string): ContentType {
  const type = parseContentType(text);
  if (type === undefined)
    throw usage(`--content-type takes a type such as ${CONTENT_TYPE}, not ${quoted(text)}`);
  return type;
}

function credentialsOf(
  { protocol, host }: NodeUrl,
  { user, passwordFile }: TargetOptions,
  terminal: Terminal,
): { user: string; password: string } | undefined {
  if (user === undefined && passwordFile === undefined) return undefined;
  if (user === undefined || passwordFile === undefined) throw usage('--user and --password-file go together');
  // RFC 7617 2: the first colon ends the name, and neither has control characters.
  if (/[:\p{Cc}]/u.test(user)) throw usage('--user takes a name without a colon');
  warnIfOpen(passwordFile, terminal);
  const password = readPassphrase(passwordFile);
  if (protocol === 'http' && !/^(localhost|127\..*|::1)$/.test(host))
    terminal.err('warning: over http:// the password crosses the network as it is; use https://');
  return { user, password };
}

async function clientTls(
  url: NodeUrl,
  { ca, cert, key, insecure, servername }: TargetOptions,
): Promise<NodeTls> {
  if ((cert === undefined) !== (key === undefined)) throw usage('--cert and --key go together');
  if (servername !== undefined && !isHost(servername))
    throw usage(`--servername takes a host name, not ${quoted(servername)}`);
  const { NodeTls, trusting } = await import('../../../certs/node-tls.ts');
  const keyPair =
    cert === undefined || key === undefined
      ? undefined
      : ({ kind: 'pem', certFile: cert, keyFile: key, passphrase: undefined } as const);
  return new NodeTls({ ...trusting(ca), keyPair, servername, insecure: insecure === true }, url.host);
}
