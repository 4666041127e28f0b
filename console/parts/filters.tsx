// What a list is narrowed by. It stands in the address, so that a page can be sent to a colleague and comes back as it was.
import type { ComponentChildren, JSX } from 'preact';
import { want, wanted } from '../state/place.ts';

interface FiltersProps {
  readonly children: ComponentChildren;
  /** How many there are. */
  readonly found: string | undefined;
}

export function Filters({ children, found }: FiltersProps): JSX.Element {
  return (
    <search>
      <form class="filters" onSubmit={(event) => event.preventDefault()}>
        {children}
        <output>{found}</output>
      </form>
    </search>
  );
}

interface FieldProps {
  readonly name: string;
  readonly label: string;
}

export function SearchField({ name, label }: FieldProps): JSX.Element {
  return (
    <label>
      {label}
      <input
        type="search"
        name={name}
        value={wanted(name)}
        maxLength={200}
        autoComplete="off"
        spellcheck={false}
        onInput={({ currentTarget }) => want({ [name]: currentTarget.value })}
      />
    </label>
  );
}

interface SelectProps extends FieldProps {
  readonly choices: readonly string[];
  /** Where none of them is chosen. */
  readonly none?: string;
}

export function SelectField({ name, label, choices, none = 'all' }: SelectProps): JSX.Element {
  return (
    <label>
      {label}
      <select
        name={name}
        value={wanted(name)}
        onChange={({ currentTarget }) => want({ [name]: currentTarget.value })}
      >
        <option value="">{none}</option>
        {choices.map((choice) => (
          <option key={choice} value={choice}>
            {choice}
          </option>
        ))}
      </select>
    </label>
  );
}
