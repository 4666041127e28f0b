// A small plot over the last hour, by uPlot. Promises the page's own colours, light and dark, and a sentence in words for whoever does
// not see it.
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { clock } from '../words/format.ts';

export interface PlotLine {
  readonly name: string;
  readonly values: readonly (number | null)[];
  /** A variable of the style sheet. */
  readonly color: string;
}

interface PlotProps {
  readonly title: string;
  /** Beside the title: what it is now. */
  readonly value: string;
  /** For whoever does not see it. */
  readonly words: string;
  /** Seconds since 1970. */
  readonly at: readonly number[];
  readonly lines: readonly PlotLine[];
  readonly format: (value: number) => string;
}

const HOUR_S = 3600;
const HEIGHT = 120;

export function Plot({ title, value, words, at, lines, format }: PlotProps): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const [pointed, setPointed] = useState('');
  const shown = useRef({ at, lines, format });
  shown.current = { at, lines, format };
  const data = [at, ...lines.map(({ values }) => values)] as unknown as uPlot.AlignedData;
  const scheme = useScheme();

  // Made anew for other colours alone.
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const { lines: drawn, format: formatted } = shown.current;
    const made = new uPlot(options(element, drawn, formatted, setPointed, shown), data, element);
    plot.current = made;
    const watch = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    watch.observe(element);
    return () => {
      watch.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [scheme]);
  useEffect(() => plot.current?.setData(data));

  return (
    <figure class="plot">
      <figcaption>
        <span class="name">{title}</span>
        <span class="value">{value}</span>
        <span class="pointed" aria-hidden="true">
          {pointed}
        </span>
      </figcaption>
      <div class="canvas" ref={place} role="img" aria-label={words} />
    </figure>
  );
}

function useScheme(): boolean {
  const [isDark, setDark] = useState(() => matchMedia('(prefers-color-scheme: dark)').matches);
  useEffect(() => {
    const media = matchMedia('(prefers-color-scheme: dark)');
    const change = (): void => setDark(media.matches);
    media.addEventListener('change', change);
    return () => media.removeEventListener('change', change);
  }, []);
  return isDark;
}

function options(
  element: HTMLElement,
  lines: readonly PlotLine[],
  format: (value: number) => string,
  onPointed: (text: string) => void,
  shown: { readonly current: { readonly at: readonly number[]; readonly lines: readonly PlotLine[] } },
): uPlot.Options {
  const style = getComputedStyle(element);
  const color = (name: string): string => style.getPropertyValue(name).trim();
  const axis: uPlot.Axis = {
    stroke: color('--muted'),
    grid: { stroke: color('--line'), width: 1 },
    ticks: { show: false },
    font: '11px system-ui, sans-serif',
  };
  return {
    width: element.clientWidth || 300,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
    padding: [8, 8, 0, 0],
    scales: {
      x: { range: (_plot, _from, to) => [(to ?? Date.now() / 1000) - HOUR_S, to ?? Date.now() / 1000] },
      y: { range: (_plot, _from, to) => [0, to > 0 ? to * 1.1 : 1] },
    },
    axes: [
      {
        ...axis,
        size: 22,
        space: 60,
        values: (_plot, ticks) => ticks.map((at) => clock(at * 1000).slice(0, 5)),
      },
      { ...axis, size: 52, space: 28, values: (_plot, ticks) => ticks.map(format) },
    ],
    series: [
      {},
      ...lines.map(({ name, color: variable }) => ({
        label: name,
        stroke: color(variable),
        width: 1.5,
        // By uPlot: where they are few, as in the first minutes.
        points: { size: 4 },
      })),
    ],
    hooks: {
      setCursor: [
        ({ cursor: { idx } }) => {
          const at = idx == null ? undefined : shown.current.at[idx];
          if (idx == null || at === undefined) return onPointed('');
          const texts = shown.current.lines.map(({ name, values }) => {
            const value = values[idx];
            return `${name} ${value == null ? '–' : format(value)}`;
          });
          onPointed(`${clock(at * 1000)}: ${texts.join(', ')}`);
        },
      ],
    },
  };
}
