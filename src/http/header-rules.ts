// A route's rules on header fields, compiled once: what is removed, then set, then added, with variables filled in.
// Promises that what a variable holds can end no header line (F70): such a field is left out.
import type { HeaderRules, HeaderValue } from '../config/config.ts';
import { type HeaderFields, plainName } from './fields.ts';

/** Values of `HEADER_VARIABLES`; undefined reads as empty. */
export interface HeaderVariables {
  readonly clientAddress: string;
  readonly tlsSubject: string | undefined;
  readonly requestId: string;
  readonly node: string;
}

type Render = (variables: HeaderVariables) => string;
type ApplyRules = (fields: HeaderFields, variables: HeaderVariables) => HeaderFields;

/** Plain names of what a rule removes or sets. */
export function ruledNames({ remove, set }: Pick<HeaderRules, 'remove' | 'set'>): ReadonlySet<string> {
  return new Set([...remove, ...set.map(({ name }) => name)].map(plainName));
}

/** Undefined: there are no rules. */
export function compileHeaderRules({ remove, set, add }: HeaderRules): ApplyRules | undefined {
  if (remove.length + set.length + add.length === 0) return undefined;
  // F58: of what a rule removes or sets no twin may pass, which a node could take for it.
  const gone = ruledNames({ remove, set });
  const values = [...set, ...add].map(({ name, value }) => [name, compileValue(value)] as const);
  return (fields, variables) => {
    const out: HeaderFields = [];
    for (let i = 0; i < fields.length; i += 2) {
      if (!gone.has(plainName(fields[i] as string))) out.push(fields[i] as string, fields[i + 1] as string);
    }
    for (const [name, render] of values) {
      const value = render(variables);
      if (isFieldValue(value)) out.push(name, value);
    }
    return out;
  };
}

/** RFC 9110 5.5; other control bytes may be cut, kept or taken for a line's end, so they do not pass. */
function isFieldValue(value: string): boolean {
  return !/[^\t\x20-\x7e\x80-\xff]/.test(value);
}

function compileValue(text: HeaderValue['value']): Render {
  // The parts between variables, and the variables' names, in turn.
  const parts = text.split(/\$\{([^}]*)\}/);
  if (parts.length === 1) return () => text;
  return (variables) => {
    let out = '';
    for (let i = 0; i < parts.length; i++)
      out += i % 2 === 0 ? parts[i] : variable(parts[i] as string, variables);
    return out;
  };
}

function variable(name: string, variables: HeaderVariables): string {
  switch (name) {
    case 'client.address':
      return variables.clientAddress;
    case 'tls.subject':
      return asLatin1(variables.tlsSubject ?? '');
    case 'request.id':
      return variables.requestId;
    default:
      return variables.node;
  }
}

/** Header fields are bytes to Node.js: a name in UTF-8 is sent as UTF-8. */
function asLatin1(text: string): string {
  return /[^\x00-\x7f]/.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text;
}
