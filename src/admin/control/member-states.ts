// What all members of a cluster say of themselves, asked of their admin APIs, so that the page of one shows both. Promises an answer within
// two seconds whatever they do, that many who look ask once, and that what another says is taken as text and numbers alone.
import { NodeTls } from '../../../certs/node-tls.ts';
import type { ClusterConfig, MemberConfig } from '../../config/config.ts';
import { monotonicMs } from '../../platform/time.ts';
import { type HttpAnswer, type HttpTarget, NoAnswer, request } from '../../upstream/checks/http-request.ts';
import type { ClusterReport, MemberReport, StatusReport } from '../control.ts';

const TIMEOUT_MS = 2_000;
/** What was told so long ago is told again: each open page asks every few seconds. */
const FRESH_MS = 2_000;
/** The status of a gateway with 10,000 nodes has 8 MiB. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
/** Of a text of another member. */
const MAX_TEXT = 300;

export type OwnStatus = Pick<StatusReport, 'version' | 'condition' | 'startedAt' | 'draining'> & {
  readonly cluster?: ClusterReport | undefined;
};

export class MemberStates {
  #last:
    | { readonly at: number; readonly config: ClusterConfig; readonly told: Promise<readonly MemberReport[]> }
    | undefined;

  /** `own`: asked where nobody was told a moment ago. `token`: of this gateway, for members of whom the config has no other. */
  report(
    config: ClusterConfig,
    own: () => OwnStatus,
    token: string | undefined,
  ): Promise<readonly MemberReport[]> {
    const last = this.#last;
    if (last !== undefined && last.config === config && monotonicMs() - last.at < FRESH_MS) return last.told;
    const told = Promise.all(
      config.members.map((member) =>
        member.name === config.member
          ? { ...head(member), self: true, ...stateOf(own()) }
          : askMember(config, member, token),
      ),
    );
    this.#last = { at: monotonicMs(), config, told };
    return told;
  }
}

async function askMember(
  { tls, name: cluster }: ClusterConfig,
  member: MemberConfig,
  ownToken: string | undefined,
): Promise<MemberReport> {
  const told = (state: MemberReport['state'], reason?: string): MemberReport => ({
    ...head(member),
    self: false,
    state,
    reason,
  });
  if (member.admin === undefined) return told('no admin', 'the config has no admin URL of it');
  const answer = await ask(member.admin, tls, member.token ?? ownToken, member.name);
  if (answer instanceof NoAnswer) return told('unreachable', answer.reason);
  if (answer.status === 401 || answer.status === 403) return told('refused', 'it does not take the token');
  const status = answer.status === 200 ? jsonOf(answer.body) : undefined;
  if (status === undefined) return told('unreachable', `HTTP ${answer.status}, and no status`);
  const report = mapIn(status.cluster);
  if (report === undefined)
    return told('not in the cluster', 'it runs by a config without a cluster section');
  if (text(report.name) !== cluster || text(report.member) !== member.name)
    return told('another member', `it says that it is ${text(report.member)} of ${text(report.name)}`);
  return { ...head(member), self: false, ...stateOf(status) };
}

function head({ name, address, admin }: MemberConfig): Pick<MemberReport, 'member' | 'address' | 'admin'> {
  return { member: name, address, admin };
}

/** Of this gateway, or of one that may be of another version. */
function stateOf(
  status: OwnStatus | Readonly<Record<string, unknown>>,
): Omit<MemberReport, 'member' | 'address' | 'admin' | 'self'> {
  const report = mapIn(status.cluster) ?? {};
  const vips = Array.isArray(report.vips) ? report.vips : [];
  const isFit = report.fit === true;
  return {
    state: status.draining === true ? 'draining' : isFit ? 'fit' : 'unfit',
    reason: isFit ? undefined : text(report.reason),
    version: text(status.version),
    condition: text(status.condition),
    startedAt: text(status.startedAt),
    configDigest: text(report.configDigest),
    holds: vips.flatMap((one: unknown) => {
      const vip = mapIn(one) ?? {};
      return vip.held === true ? [text(vip.address) ?? ''] : [];
    }),
  };
}

function ask(
  admin: string,
  tls: ClusterConfig['tls'],
  token: string | undefined,
  node: string,
): Promise<HttpAnswer | NoAnswer> {
  const url = new URL(admin);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const trust = url.protocol === 'https:' ? new NodeTls(tls, host) : undefined;
  const target: HttpTarget = { node, url, tls: trust, timeoutMs: TIMEOUT_MS };
  const headers: Record<string, string> = { accept: 'application/json', 'user-agent': 'hl7-gateway' };
  if (token !== undefined) headers.authorization = `Bearer ${token}`;
  const path = `${url.pathname.replace(/\/$/, '')}/status`;
  const question = { method: 'GET' as const, path, headers, maxBytes: MAX_ANSWER_BYTES };
  return request(target, question, new AbortController().signal);
}

function jsonOf(body: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    return mapIn(JSON.parse(body.toString()));
  } catch {
    return undefined;
  }
}

function mapIn(value: unknown): Readonly<Record<string, unknown>> | undefined {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isMap ? (value as Readonly<Record<string, unknown>>) : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value.slice(0, MAX_TEXT) : undefined;
}
