// What tcp-load.ts and tcp-sink.ts say to each other.

/** The first byte of a connection. `echo`: everything comes back. `up`: it is only read. `down`: sent until the client ends its side. */
export const KIND_BYTES = { echo: 0x65, up: 0x75, down: 0x64 } as const;

export const WRITE_BYTES = 64 * 1024;

/** The last bytes of `up` and `down`: how much the server was sent, or has sent, as a double. */
export const COUNT_BYTES = 8;
