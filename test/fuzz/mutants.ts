// Gateways that are wrong in one place each, for a fuzzer to find out. Promises: as in the campaign, a patch whose place is not
// there exactly once throws.
import { MUTANTS as CAMPAIGN_MUTANTS, type Mutant, makeMutant } from '../campaign/mutants.ts';
import { type FuzzResult, runFuzz } from './fuzz.ts';
import { TARGETS } from './targets.ts';

export interface FuzzMutant extends Pick<Mutant, 'name' | 'patches'> {
  readonly target: string;
  readonly caughtBy: 'crash' | 'leak' | 'wrong';
}

const NO_MSA_CHECK = 'no MSA-2 check';

export const MUTANTS: readonly FuzzMutant[] = [
  ...CAMPAIGN_MUTANTS.filter(({ name }) => name === NO_MSA_CHECK).map(
    ({ name, patches }) => ({ name, patches, target: 'mllp-node', caughtBy: 'wrong' }) as const,
  ),
  {
    name: 'a start block inside a frame is content',
    target: 'mllp-sender',
    caughtBy: 'wrong',
    patches: [
      {
        file: 'src/mllp/frame-reader.ts',
        find: "        this.#refuse('GW_ERR_FRAME_START_BLOCK');\n        return at + 1;",
        put: '        return at + 1;',
      },
    ],
  },
  {
    name: 'a PROXY line may end in LF alone',
    target: 'proxy-protocol',
    caughtBy: 'wrong',
    patches: [
      {
        file: 'listeners/accept/proxy-protocol.ts',
        find: "  if (bytes[end - 1] !== 0x0d) return bad('a line that does not end in CRLF');\n",
        put: '',
      },
    ],
  },
  {
    name: 'a PROXY header that nobody has thought of is thrown about',
    target: 'proxy-protocol',
    caughtBy: 'crash',
    patches: [
      {
        file: 'listeners/accept/proxy-protocol.ts',
        find: "  if (command === PROXY && !isKnown) return bad('an unknown address family or transport');",
        put: "  if (command === PROXY && !isKnown) throw new Error('an unknown address family or transport');",
      },
    ],
  },
  {
    name: 'a response loses its first byte',
    target: 'http-node',
    caughtBy: 'wrong',
    patches: [
      {
        file: 'listeners/http/proxy/node-response.ts',
        find: 'if (writeTo(this.#response, chunk)) return;',
        put: 'if (writeTo(this.#response, chunk.subarray(1))) return;',
      },
    ],
  },
  {
    name: 'two streams of HTTP/2 get the same target',
    target: 'http2-client',
    caughtBy: 'wrong',
    patches: [
      {
        file: 'listeners/http/client-request.ts',
        find: 'this.target = readTarget(url, limits.path);',
        put: "this.target = readTarget(v2 === undefined ? url : url.replace(/-[2-9]$/, '-1'), limits.path);",
      },
    ],
  },
  {
    name: 'a refusal keeps its socket: its client ends, and nobody reads that',
    target: 'http-client',
    caughtBy: 'leak',
    patches: [
      {
        file: 'listeners/http/connections.ts',
        find: '      socket.write(httpRefusalBytes(error));\n      closeLingering(socket);\n    } else',
        put: '      socket.end(httpRefusalBytes(error));\n      socket.pause();\n    } else',
      },
    ],
  },
  {
    name: 'what a client says behind its upgrade is lost',
    target: 'upgrades',
    caughtBy: 'wrong',
    patches: [
      {
        file: 'listeners/http/proxy/tunnel.ts',
        find: '  if (head.length > 0) node.write(head);\n',
        put: '',
      },
    ],
  },
];

export async function runFuzzMutant(mutant: FuzzMutant, seed: number, inputs: number): Promise<FuzzResult> {
  const target = TARGETS.find(({ name }) => name === mutant.target);
  if (target === undefined) throw new Error(`no target ${mutant.target}`);
  using made = makeMutant(mutant);
  return await runFuzz(target, { seed, inputs, root: made.root, maxFindings: 1 });
}
