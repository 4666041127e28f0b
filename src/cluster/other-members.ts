// Asks the other members whether they could carry messages. Promises an answer within a second, and that no answer is a no.
import { NodeTls } from '../../certs/node-tls.ts';
import type { ClusterConfig } from '../config/config.ts';
import { type HttpTarget, NoAnswer, request } from '../upstream/checks/http-request.ts';

const TIMEOUT_MS = 1000;
/** 10,000 pools have less. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

export interface OtherMember {
  readonly name: string;
  /** It is ready for messages, and has a node for some. */
  isReady(): Promise<boolean>;
}

/** Those whose admin API the config names. @throws GatewayError GW_ERR_TLS_FILE */
export function otherMembers({ member, members, tls }: ClusterConfig): readonly OtherMember[] {
  return members.flatMap(({ name, admin }) => {
    if (name === member || admin === undefined) return [];
    const url = new URL(admin);
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const trust = url.protocol === 'https:' ? new NodeTls(tls, host) : undefined;
    const target = { node: name, url, tls: trust, timeoutMs: TIMEOUT_MS };
    return [{ name, isReady: () => asksReady(target) }];
  });
}

async function asksReady(target: HttpTarget): Promise<boolean> {
  const path = `${target.url.pathname.replace(/\/$/, '')}/readyz`;
  const headers = { accept: 'application/json', 'user-agent': 'hl7-gateway' };
  const question = { method: 'GET' as const, path, headers, maxBytes: MAX_ANSWER_BYTES };
  const answer = await request(target, question, new AbortController().signal);
  return !(answer instanceof NoAnswer) && answer.status === 200 && hasNode(answer.body.toString());
}

function hasNode(text: string): boolean {
  try {
    const report: unknown = JSON.parse(text);
    const { ready, pools } = report as { readonly ready?: unknown; readonly pools?: unknown };
    return (
      ready === true &&
      Array.isArray(pools) &&
      pools.some((pool: { readonly available?: unknown } | null) => pool?.available === true)
    );
  } catch {
    return false;
  }
}
