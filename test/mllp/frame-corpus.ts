// Streams of bytes and what is to become of each, wherever it is cut: frames, filler, junk, and every framing fault.
import type { FrameReaderLimits } from '../../src/mllp/frame-reader.ts';

const MSG = 'MSH|^~\\&|A\rPID|1\r';
export const F = `\x0b${MSG}\x1c\r`;

export interface Case {
  readonly name: string;
  readonly bytes: string;
  readonly events: readonly string[];
  readonly limits?: Partial<FrameReaderLimits>;
}

export const REFUSE = { strayEndByte: 'refuse' } as const;
const ACCEPT = { missingCr: 'accept' } as const;
const CUT_OFF = 'GW_ERR_FRAME_CUT_OFF';
const NO_START = 'GW_ERR_FRAME_NO_START';
const TRUNCATED = 'GW_ERR_FRAME_TRUNCATED';
const TOO_LARGE = 'GW_ERR_FRAME_TOO_LARGE';

export const CORPUS: readonly Case[] = [
  { name: 'nothing but a frame', bytes: F, events: [`frame:${F}`] },
  { name: 'three frames', bytes: F + F + F, events: [`frame:${F}`, `frame:${F}`, `frame:${F}`] },
  { name: 'filler everywhere', bytes: `\r\n\0 ${F}\n${F}\0\0`, events: [`frame:${F}`, `frame:${F}`] },
  { name: 'empty frames', bytes: `\x0b\x1c\r${F}\x0b\x1c\r`, events: ['empty', `frame:${F}`, 'empty'] },
  { name: 'one byte of payload', bytes: '\x0bx\x1c\r', events: ['frame:\x0bx\x1c\r'] },
  { name: 'CR, LF and NUL as payload', bytes: '\x0b\r\n\0\r\x1c\r', events: ['frame:\x0b\r\n\0\r\x1c\r'] },
  {
    name: 'stray end bytes',
    bytes: '\x0bM\x1cS\x1c\x1c\n\r\x1c\r',
    events: ['frame:\x0bM\x1cS\x1c\x1c\n\r\x1c\r'],
  },
  {
    name: 'stray end bytes, refused, the next frame stands',
    bytes: `\x0bM\x1cS\x1c\r${F}`,
    events: ['GW_ERR_FRAME_END_BYTE:\x0bM\x1cS', `frame:${F}`],
    limits: REFUSE,
  },
  {
    name: 'a doubled end byte',
    bytes: '\x0bM\x1c\x1c\r',
    events: ['GW_ERR_FRAME_END_BYTE:\x0bM\x1c'],
    limits: REFUSE,
  },
  { name: 'no CR before the next frame', bytes: `\x0bM\x1c${F}`, events: [CUT_OFF, `frame:${F}`] },
  { name: 'no CR at the end', bytes: `${F}\x0bM\x1c`, events: [`frame:${F}`, TRUNCATED] },
  {
    name: 'no CR, accepted',
    bytes: `\x0bM\x1c${F}\x0bM\x1c`,
    events: ['frame:\x0bM\x1c\r', `frame:${F}`, 'frame:\x0bM\x1c\r'],
    limits: ACCEPT,
  },
  { name: 'cut off by a message', bytes: `\x0b${MSG}${F}`, events: [CUT_OFF, `frame:${F}`] },
  { name: 'cut off twice', bytes: `\x0b${MSG}\x0b${MSG}${F}`, events: [CUT_OFF, CUT_OFF, `frame:${F}`] },
  {
    name: 'a start block in a frame',
    bytes: `\x0bM\x0bMSx\x1c\r${F}`,
    events: ['GW_ERR_FRAME_START_BLOCK:\x0bM\x0bMSx', `frame:${F}`],
  },
  {
    name: 'a start block just before the end',
    bytes: `\x0bM\x0b\x1c\r${F}`,
    events: ['GW_ERR_FRAME_START_BLOCK:\x0bM\x0b', `frame:${F}`],
  },
  {
    name: 'start blocks that nearly begin a message',
    bytes: `\x0bM\x0bM\x0bMS${F}`,
    events: [CUT_OFF, `frame:${F}`],
  },
  {
    name: 'the first of two faults counts',
    bytes: '\x0bM\x0bx\x1cy\x1c\r',
    events: ['GW_ERR_FRAME_START_BLOCK:\x0bM\x0bx\x1cy'],
    limits: REFUSE,
  },
  { name: 'two start blocks', bytes: `\x0b${F}`, events: [`frame:${F}`] },
  { name: 'two start blocks and nothing', bytes: '\x0b\x0b\x1c\r', events: ['empty'] },
  { name: 'three start blocks', bytes: `\x0b\x0b${F}`, events: [CUT_OFF, `frame:${F}`] },
  {
    name: 'three start blocks and no message',
    bytes: `\x0b\x0b\x0bx\x1c\r${F}`,
    events: ['GW_ERR_FRAME_START_BLOCK:\x0b\x0bx', `frame:${F}`],
  },
  { name: 'four start blocks', bytes: `\x0b\x0b\x0b${F}`, events: [CUT_OFF, `frame:${F}`] },
  {
    name: 'two start blocks, frame after frame',
    bytes: `\x0b${F}\x0b${F}`,
    events: [`frame:${F}`, `frame:${F}`],
  },
  { name: 'junk, as much as is allowed', bytes: `${'x'.repeat(64)}${F}`, events: [`frame:${F}`] },
  { name: 'junk, one byte more', bytes: `${F}${'x'.repeat(65)}${F}`, events: [`frame:${F}`, NO_START] },
  { name: 'junk with filler in it', bytes: `x${' '.repeat(64)}${F}`, events: [NO_START] },
  {
    name: 'junk twice, each within bounds',
    bytes: `${'x'.repeat(60)}${F}${'x'.repeat(60)}${F}`,
    events: [`frame:${F}`, `frame:${F}`],
  },
  { name: 'junk at the end', bytes: `${F}MSH|`, events: [`frame:${F}`, NO_START] },
  { name: 'end and start bytes as junk', bytes: `\x1c\r\x1c${F}`, events: [`frame:${F}`] },
  { name: 'smuggled', bytes: `${F}${MSG}\x1c\r${F}`, events: [`frame:${F}`, `frame:${F}`] },
  { name: 'ends inside', bytes: '\x0bMSH', events: [TRUNCATED] },
  { name: 'ends at the start block of a next', bytes: '\x0bMSH\x0bMS', events: [TRUNCATED] },
  {
    name: 'the largest',
    bytes: `\x0b${'x'.repeat(18)}\x1c\r${F}`,
    events: [`frame:\x0b${'x'.repeat(18)}\x1c\r`, `frame:${F}`],
    limits: { maxFrameBytes: 18 },
  },
  {
    name: 'too large',
    bytes: `${F}\x0b${'x'.repeat(19)}\x1c\r${F}`,
    events: [`frame:${F}`, TOO_LARGE],
    limits: { maxFrameBytes: 18 },
  },
];
