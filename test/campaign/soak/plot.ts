// The soak's picture: panels over one time axis, as SVG. Pure. Promises: nothing is loaded from anywhere, and every text is escaped.

export interface Panel {
  readonly title: string;
  readonly values: readonly number[];
  /** Marks on the axis are powers of ten. */
  readonly logarithmic?: boolean;
}

export interface Mark {
  readonly t: number;
  readonly kind: string;
}

export interface Plot {
  readonly title: string;
  /** Lines below the title. */
  readonly notes: readonly string[];
  /** Of the values, in seconds. */
  readonly times: readonly number[];
  readonly panels: readonly Panel[];
  readonly marks: readonly Mark[];
}

const WIDTH = 960;
const LEFT = 70;
const RIGHT = 20;
const PANEL_HEIGHT = 130;
const GAP = 40;
const LINE = 16;
const COLOURS = ['#1b6ca8', '#2e7d32', '#b23b3b', '#7b4fa3'];
const MARK_COLOURS = ['#c62828', '#6a8caf', '#c98a00', '#555555'];
const TIME_TICKS = 6;

export function plotSvg({ title, notes, times, panels, marks }: Plot): string {
  const kinds = [...new Set(marks.map(({ kind }) => kind))];
  const top = 30 + (notes.length + 1) * LINE;
  const bottom = top + panels.length * (PANEL_HEIGHT + GAP);
  const last = Math.max(1, ...times, ...marks.map(({ t }) => t));
  const x = (t: number): number => LEFT + (t / last) * (WIDTH - LEFT - RIGHT);
  const colourOf = (kind: string): string =>
    MARK_COLOURS[kinds.indexOf(kind) % MARK_COLOURS.length] ?? '#555555';
  const parts = [
    text(LEFT, 22, title, 'font-size="15" font-weight="bold"'),
    ...notes.map((note, i) => text(LEFT, 40 + i * LINE, note)),
    ...kinds.map((kind, i) =>
      text(LEFT + i * 150, 40 + notes.length * LINE, `| ${kind}`, `fill="${colourOf(kind)}"`),
    ),
    ...panels.flatMap((panel, i) => {
      const y = top + 20 + i * (PANEL_HEIGHT + GAP);
      return [
        ...marks.map(({ t, kind }) => line(x(t), y, x(t), y + PANEL_HEIGHT, colourOf(kind), 0.35)),
        ...panelParts(panel, times, x, y, COLOURS[i % COLOURS.length] ?? '#000000'),
      ];
    }),
    ...Array.from({ length: TIME_TICKS + 1 }, (_, i) => {
      const t = (last / TIME_TICKS) * i;
      return text(x(t), bottom + 4, `${(t / 60).toFixed(1)} min`, 'text-anchor="middle"');
    }),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${bottom + 16}" font-family="sans-serif" font-size="12" fill="#222222">
<title>${escaped(title)}</title>
<rect width="100%" height="100%" fill="#ffffff"/>
${parts.join('\n')}
</svg>
`;
}

function panelParts(
  { title, values, logarithmic = false }: Panel,
  times: readonly number[],
  x: (t: number) => number,
  top: number,
  colour: string,
): string[] {
  const scale = (value: number): number => (logarithmic ? Math.log10(Math.max(value, 0.1)) : value);
  const most = Math.max(...values.map(scale), logarithmic ? 1 : 0);
  const least = logarithmic ? Math.min(...values.map(scale), 0) : 0;
  const span = Math.max(most - least, 1e-9) * 1.1;
  const y = (scaled: number): number => top + PANEL_HEIGHT - ((scaled - least) / span) * PANEL_HEIGHT;
  const ticks = logarithmic ? powersBetween(least, least + span) : [0, most / 2, most];
  const points = values.map((value, i) => `${x(times[i] ?? 0).toFixed(1)},${y(scale(value)).toFixed(1)}`);
  return [
    text(LEFT, top - 6, title, 'font-weight="bold"'),
    line(LEFT, top + PANEL_HEIGHT, WIDTH - RIGHT, top + PANEL_HEIGHT, '#888888', 1),
    ...ticks.flatMap((tick) => [
      line(LEFT, y(tick), WIDTH - RIGHT, y(tick), '#cccccc', 0.6),
      text(LEFT - 6, y(tick) + 4, told(logarithmic ? 10 ** tick : tick), 'text-anchor="end"'),
    ]),
    `<polyline fill="none" stroke="${colour}" stroke-width="1.4" points="${points.join(' ')}"/>`,
  ];
}

function powersBetween(least: number, most: number): number[] {
  const first = Math.ceil(least);
  return Array.from({ length: Math.max(0, Math.floor(most) - first + 1) }, (_, i) => first + i);
}

function told(value: number): string {
  return value >= 10 || Number.isInteger(value) ? String(Math.round(value)) : value.toFixed(1);
}

function line(x1: number, y1: number, x2: number, y2: number, colour: string, opacity: number): string {
  const at = [x1, y1, x2, y2].map((one) => one.toFixed(1));
  return `<line x1="${at[0]}" y1="${at[1]}" x2="${at[2]}" y2="${at[3]}" stroke="${colour}" stroke-opacity="${opacity}"/>`;
}

function text(x: number, y: number, what: string, more = ''): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${escaped(what)}</text>`;
}

function escaped(what: string): string {
  return what
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
