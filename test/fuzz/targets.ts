// Every fuzzer that there is.
import { http2Client } from './h2/target.ts';
import { httpClient } from './http/client-target.ts';
import { httpNode } from './http/node-target.ts';
import { upgrades } from './http/upgrade-target.ts';
import { mllpNode } from './mllp/node-target.ts';
import { mllpSender } from './mllp/sender-target.ts';
import { proxyProtocol } from './proxy/target.ts';
import type { Target } from './target.ts';

export const TARGETS: readonly Target[] = [
  mllpSender,
  mllpNode,
  httpClient,
  httpNode,
  http2Client,
  proxyProtocol,
  upgrades,
];
