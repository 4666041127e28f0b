// Reads a .cpuprofile of Node.js: which functions the time went to, by self time.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Long enough that what is compiled on the way is not what shows. */
export const PROFILE_MS = 5_000;

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** The first functions by self time, a line each; idle time is left out of the shares. */
export function topFunctions(folder: string, count: number): string[] {
  const name = readdirSync(folder).find((file) => file.endsWith('.cpuprofile'));
  if (name === undefined) return ['no profile was written'];
  const profile = JSON.parse(readFileSync(join(folder, name), 'utf8')) as CpuProfile;
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const self = new Map<string, number>();
  let busy = 0;
  profile.samples.forEach((id, i) => {
    const frame = frames.get(id);
    if (frame === undefined || frame.functionName === '(idle)') return;
    const place =
      frame.url === '' ? '' : `  ${frame.url.replace(/^.*\/(?=[^/]+\/[^/]+$)/, '')}:${frame.lineNumber + 1}`;
    const key = `${frame.functionName || '(anonymous)'}${place}`;
    const micros = profile.timeDeltas[i] ?? 0;
    self.set(key, (self.get(key) ?? 0) + micros);
    busy += micros;
  });
  const sorted = [...self].sort(([, a], [, b]) => b - a).slice(0, count);
  return sorted.map(([key, micros]) => `${((micros / busy) * 100).toFixed(1).padStart(5)} %  ${key}`);
}
