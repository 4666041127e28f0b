// What of hl7-standard 1.0.4 the adapter calls; the package has no types of its own. What it gives back is unknown on
// purpose: splitting.ts looks at it before it believes it.
declare module 'hl7-standard' {
  class HL7 {
    constructor(text: string);
    readonly transformed: unknown;
    /** Without a callback it throws; `true`: a text that begins with FHS or BHS is no special case. */
    transform(callback: undefined, batch: boolean): void;
  }
  export = HL7;
}
