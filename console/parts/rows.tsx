// A long table of which only what is seen is there: 5,000 rows cost as much as 30. Promises rows of one height, so that the page's own
// scroll bar is right; keys that move between rows; and that whoever hears the page knows how many rows there are.
import type { ComponentChildren, JSX } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';

export interface Column<T> {
  readonly head: string;
  /** Class of its cells. */
  readonly as?: string;
  readonly cell: (row: T, index: number) => ComponentChildren;
}

interface RowsProps<T> {
  readonly label: string;
  readonly name: string;
  readonly rows: readonly T[];
  readonly columns: readonly Column<T>[];
  readonly keyOf: (row: T) => string;
  /** What stands there where there is none. */
  readonly none: string;
  readonly toneOf?: (row: T) => string;
}

/** Beside what is seen, so that the next row is there for the tabulator key. */
const MORE = 8;
const STEPS: Readonly<Record<string, number>> = {
  ArrowDown: 1,
  ArrowUp: -1,
  PageDown: 15,
  PageUp: -15,
  Home: Number.NEGATIVE_INFINITY,
  End: Number.POSITIVE_INFINITY,
};

export function Rows<T>({ label, name, rows, columns, keyOf, none, toneOf }: RowsProps<T>): JSX.Element {
  const body = useRef<HTMLDivElement>(null);
  const height = useRowHeight(body);
  const focus = useFocus(body, height);
  const [first, many] = useSeen(body, height, rows.length);
  const shown = rows.slice(first, first + many);
  const move = (event: KeyboardEvent): void => {
    const step = STEPS[event.key];
    const row = (event.target as Element).closest('[data-index]');
    if (step === undefined || row === null) return;
    const at = Number((row as HTMLElement).dataset.index) + step;
    event.preventDefault();
    focus(Math.min(Math.max(at, 0), rows.length - 1));
  };
  return (
    <div class={`rows ${name}`} role="table" aria-label={label} aria-rowcount={rows.length + 1}>
      <div role="rowgroup" class="head">
        <div role="row" aria-rowindex={1}>
          {columns.map(({ head, as }) => (
            <div role="columnheader" key={head} class={as}>
              {head}
            </div>
          ))}
        </div>
      </div>
      <div
        role="rowgroup"
        class="body"
        ref={body}
        onKeyDown={move}
        style={{
          paddingTop: `${first * height}px`,
          paddingBottom: `${(rows.length - first - shown.length) * height}px`,
        }}
      >
        {shown.map((row, at) => (
          <div
            role="row"
            key={keyOf(row)}
            aria-rowindex={first + at + 2}
            data-index={first + at}
            class={toneOf?.(row)}
          >
            {columns.map(({ head, as, cell }) => (
              <div role="cell" key={head} class={as}>
                {cell(row, first + at)}
              </div>
            ))}
          </div>
        ))}
        {rows.length === 0 && (
          <div role="row" class="none">
            <div role="cell">{none}</div>
          </div>
        )}
      </div>
    </div>
  );
}

/** By the style sheet: rows are higher where the page is narrow. */
function useRowHeight(body: { readonly current: HTMLDivElement | null }): number {
  const [height, setHeight] = useState(44);
  useLayoutEffect(() => {
    const read = (): void => {
      if (body.current === null) return;
      const text = getComputedStyle(body.current).getPropertyValue('--row');
      setHeight(Number.parseFloat(text) || 44);
    };
    read();
    addEventListener('resize', read);
    return () => removeEventListener('resize', read);
  }, [body]);
  return height;
}

/** The first row that is there, and how many. */
function useSeen(
  body: { readonly current: HTMLDivElement | null },
  height: number,
  length: number,
): readonly [first: number, many: number] {
  const [seen, setSeen] = useState<readonly [number, number]>([0, 40]);
  // More rows are looked at anew.
  useLayoutEffect(() => {
    let asked = 0;
    const look = (): void => {
      asked = 0;
      if (body.current === null) return;
      const top = -body.current.getBoundingClientRect().top;
      const from = Math.max(0, Math.floor(top / height) - MORE);
      const many = Math.ceil(innerHeight / height) + 2 * MORE;
      setSeen((before) => (before[0] === from && before[1] === many ? before : [from, many]));
    };
    const later = (): void => {
      if (asked === 0) asked = requestAnimationFrame(look);
    };
    look();
    addEventListener('scroll', later, { passive: true });
    addEventListener('resize', later);
    return () => {
      cancelAnimationFrame(asked);
      removeEventListener('scroll', later);
      removeEventListener('resize', later);
    };
  }, [body, height, length]);
  const [from, many] = seen;
  // A filter may have taken away what was seen.
  return [Math.max(0, Math.min(from, length - many)), many];
}

/** Focuses a row, which need not be there yet. */
function useFocus(
  body: { readonly current: HTMLDivElement | null },
  height: number,
): (index: number) => void {
  const wanted = useRef<number | undefined>(undefined);
  const take = (): boolean => {
    const row = body.current?.querySelector(`[data-index="${wanted.current}"] :is(button, a)`);
    if (!(row instanceof HTMLElement)) return false;
    wanted.current = undefined;
    row.focus();
    return true;
  };
  // After each picture: one of them has it.
  useLayoutEffect(() => {
    if (wanted.current !== undefined) take();
  });
  return (index) => {
    wanted.current = index;
    if (take() || body.current === null) return;
    scrollTo({ top: scrollY + body.current.getBoundingClientRect().top + index * height - innerHeight / 2 });
  };
}
