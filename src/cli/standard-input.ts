// Messages that come by standard input, for the file `-`. Promises a bound on what is read, and one sentence for what cannot be.
import { causeCode, GatewayError } from '../errors.ts';
import { STANDARD_INPUT } from '../hl7/message-file.ts';
import { usage } from './usage.ts';

/** It has to be in memory as a whole; what is larger than this is better off in files. */
const MAX_BYTES = 256 * 1024 * 1024;

/**
 * What `-` among the files stands for; undefined: it is not among them, and nothing is read.
 *
 * @throws GatewayError GW_ERR_USAGE, GW_ERR_FILE
 */
export async function readStandardInput(
  files: readonly string[],
  input: AsyncIterable<Buffer | string>,
  maxBytes = MAX_BYTES,
): Promise<Buffer | undefined> {
  const times = files.filter((file) => file === STANDARD_INPUT).length;
  if (times === 0) return undefined;
  if (times > 1) throw usage('- is standard input, which can be read once');
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of input) {
      const bytes = Buffer.from(chunk);
      size += bytes.length;
      if (size > maxBytes)
        throw new GatewayError('GW_ERR_FILE', {
          detail: `standard input: it has more than ${maxBytes} bytes; give files instead`,
        });
      chunks.push(bytes);
    }
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause;
    const code = causeCode(cause);
    const why = code === 'EISDIR' ? 'it is a directory, not a file' : code;
    throw new GatewayError('GW_ERR_FILE', { detail: `standard input: ${why}`, cause });
  }
  return Buffer.concat(chunks);
}
