// Reads what came as JSON by the keys of the shape that it should have: what is missing or of another type is empty, so
// that a gateway of another version can be shown as far as it is understood. Texts come without control characters.
import { printable } from '../config/source/problem.ts';

type Key<Shape> = keyof Shape & string;

export class TypedFields<Shape> {
  readonly #values: ReadonlyMap<string, unknown>;

  constructor(value: unknown) {
    const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
    this.#values = new Map(isMap ? Object.entries(value) : []);
  }

  value(key: Key<Shape>): unknown {
    return this.#values.get(key);
  }

  has(key: Key<Shape>): boolean {
    return this.#values.has(key);
  }

  text(key: Key<Shape>): string {
    const value = this.value(key);
    return typeof value === 'string' ? printable(value) : '';
  }

  number(key: Key<Shape>): number | undefined {
    const value = this.value(key);
    return typeof value === 'number' ? value : undefined;
  }

  flag(key: Key<Shape>): boolean {
    return this.value(key) === true;
  }

  list(key: Key<Shape>): readonly unknown[] {
    return listOf(this.value(key));
  }

  texts(key: Key<Shape>): readonly string[] {
    return this.list(key).flatMap((one) => (typeof one === 'string' ? [printable(one)] : []));
  }

  /** Milliseconds since 1970; NaN where there is no time. */
  time(key: Key<Shape>): number {
    return Date.parse(this.text(key));
  }

  /** Those above 0. */
  counts(key: Key<Shape>): readonly (readonly [name: string, count: number])[] {
    const value = this.value(key);
    const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
    return entries.flatMap(([name, count]) =>
      typeof count === 'number' && count > 0 ? [[printable(name), count] as const] : [],
    );
  }
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
