// The whole terminal for a picture that is drawn again and again, as an editor has it. Promises that the terminal is as it was when it ends,
// whatever ends it.

/** What `top` draws on. */
export interface Screen {
  readonly columns: number;
  /** Undefined: it is no terminal, and pictures stand one below the other. */
  readonly rows: number | undefined;
  draw(lines: readonly string[]): void;
  /** `q`, Ctrl-C, or a signal. */
  readonly ended: AbortSignal;
  onResize(resized: () => void): void;
  close(): void;
}

/** ECMA-48 and xterm: the other screen and back, the cursor away and back. */
const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[H';
const REST_OF_LINE = '\x1b[K';
const REST_OF_SCREEN = '\x1b[J';
/** Of a pipe: what most tools take for a line. */
const COLUMNS = 100;

export function fullScreen(
  output: NodeJS.WriteStream,
  input: NodeJS.ReadStream,
  signal: AbortSignal,
): Screen {
  const quit = new AbortController();
  const ended = AbortSignal.any([quit.signal, signal]);
  if (output.isTTY !== true) return plainScreen(output, ended);
  const onKey = (bytes: Buffer): void => {
    // Ctrl-C comes as a byte here.
    if (/[qQ\x03\x04]/.test(bytes.toString('latin1'))) quit.abort();
  };
  const restore = (): void => {
    if (input.isTTY === true) input.setRawMode(false);
    output.write(LEAVE);
  };
  if (input.isTTY === true) {
    input.setRawMode(true);
    input.on('data', onKey);
  }
  process.once('exit', restore);
  output.write(ENTER);
  return {
    get columns() {
      return output.columns;
    },
    get rows() {
      return output.rows;
    },
    ended,
    draw: (lines) =>
      // In one piece, so that it does not flicker. The last line has no line end: it would scroll.
      void output.write(
        `${HOME}${lines.map((line) => `${line}${REST_OF_LINE}`).join('\r\n')}${REST_OF_SCREEN}`,
      ),
    onResize: (resized) => void output.on('resize', resized),
    close: () => {
      process.off('exit', restore);
      input.off('data', onKey);
      input.pause();
      restore();
    },
  };
}

function plainScreen(output: NodeJS.WriteStream, ended: AbortSignal): Screen {
  let isFirst = true;
  return {
    columns: COLUMNS,
    rows: undefined,
    ended,
    draw: (lines) => {
      output.write(`${isFirst ? '' : '\n'}${lines.join('\n')}\n`);
      isFirst = false;
    },
    onResize: () => {},
    close: () => {},
  };
}
