// What each section of haproxy.cfg speaks. Promises one protocol for all TCP sections that are connected with each other: a
// listener that reads messages needs nodes that get them.
import type { DraftProtocol } from '../draft.ts';
import { type GuessOptions, whyMllp } from '../hl7-guess.ts';
import type { HaproxySection } from './sections.ts';

export interface SectionProtocol {
  readonly protocol: DraftProtocol;
  /** Why MLLP. */
  readonly guess?: string;
}

export function modeOf({ directives, defaults }: HaproxySection): string {
  const modes = [...defaults, ...directives].flatMap(({ words: [first, second = ''] }) =>
    first === 'mode' ? [second] : [],
  );
  return modes.at(-1) ?? 'tcp';
}

export function sectionProtocols(
  proxies: readonly HaproxySection[],
  options: GuessOptions,
): ReadonlyMap<HaproxySection, SectionProtocol> {
  const passed = proxies.filter((section) => modeOf(section) !== 'http');
  const groups = new Map<HaproxySection, Set<HaproxySection>>(
    passed.map((section) => [section, new Set([section])]),
  );
  const byName = new Map(passed.map((section) => [section.name, section]));
  for (const section of passed) {
    for (const { words } of [...section.defaults, ...section.directives]) {
      const other = /^(use_backend|default_backend)$/.test(words[0] ?? '')
        ? byName.get(words[1] ?? '')
        : undefined;
      const [one, two] = [groups.get(section), other === undefined ? undefined : groups.get(other)];
      if (one === undefined || two === undefined || one === two) continue;
      for (const member of two) {
        one.add(member);
        groups.set(member, one);
      }
    }
  }
  return new Map(
    proxies.map((section): [HaproxySection, SectionProtocol] => {
      const group = [...(groups.get(section) ?? [])];
      if (group.length === 0) return [section, { protocol: 'http' }];
      const guess = whyMllp(group.flatMap(namesOf), group.flatMap(portsOf), options);
      return [section, guess === undefined ? { protocol: 'tcp' } : { protocol: 'mllp', guess }];
    }),
  );
}

function namesOf({ name, directives }: HaproxySection): string[] {
  return [
    name,
    ...directives.flatMap(({ words: [first, second = ''] }) => (first === 'server' ? [second] : [])),
  ];
}

function portsOf({ directives }: HaproxySection): number[] {
  return directives.flatMap(({ words: [first, second = ''] }) => {
    if (first !== 'bind') return [];
    return second
      .split(',')
      .flatMap((part) => Number(/:(\d{1,5})(-\d+)?$/.exec(part)?.[1] ?? Number.NaN) || []);
  });
}
