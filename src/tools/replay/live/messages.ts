// The messages to replay: files and folders of them, each message with its sender. A message's bytes are those of the file.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { causeCode, GatewayError } from '../../../errors.ts';
import { type Header, readHeader } from '../../../hl7/header.ts';
import { examineMessageFile } from '../../../hl7/message-file.ts';

export interface LiveMessage {
  readonly file: string;
  /** Which of the file's, from 1. */
  readonly number: number;
  readonly bytes: Buffer;
  readonly header: Header;
  /** MSH-3 and MSH-4, as they lie in the message. */
  readonly sender: string;
}

export interface LiveMessages {
  readonly messages: readonly LiveMessage[];
  /** GW_ERR_FILE: what is bad hides nothing that is good (F112). */
  readonly faults: readonly GatewayError[];
}

/** Of a folder all `*.hl7`, by name. At least one message, or one fault. */
export function readLiveMessages(places: readonly string[]): LiveMessages {
  const messages: LiveMessage[] = [];
  const faults: GatewayError[] = [];
  for (const place of places) {
    try {
      for (const file of filesAt(place)) {
        const read = examineMessageFile(file);
        faults.push(...read.faults);
        for (const { number, bytes } of read.messages) {
          const header = readHeader(bytes);
          messages.push({ file, number, bytes, header, sender: `${header.text(3)}\n${header.text(4)}` });
        }
      }
    } catch (thrown) {
      if (!(thrown instanceof GatewayError)) throw thrown;
      faults.push(thrown);
    }
  }
  return { messages, faults };
}

/** @throws GatewayError GW_ERR_FILE */
function filesAt(place: string): string[] {
  try {
    if (!statSync(place).isDirectory()) return [place];
    const names = readdirSync(place).filter((name) => name.endsWith('.hl7'));
    if (names.length > 0) return names.sort().map((name) => join(place, name));
  } catch (cause) {
    const reason = causeCode(cause) === 'ENOENT' ? 'no such file or folder' : causeCode(cause);
    throw new GatewayError('GW_ERR_FILE', { detail: `${place}: ${reason}`, cause });
  }
  throw new GatewayError('GW_ERR_FILE', { detail: `${place}: the folder has no *.hl7` });
}
