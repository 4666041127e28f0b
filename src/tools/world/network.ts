// The network of a simulated world, as TCP looks from above: bytes arrive in order, later, in other pieces, or never; connections are
// refused, reset and cut off. Promises: nothing is delivered within the call that sent it; a side that is slow to read holds the other up.
import type { Prng } from './prng.ts';
import type { VirtualTime } from './virtual-time.ts';

/** A dial that nobody answers is given up by the kernel after this. */
const SYN_MS = 120_000;
/** On the way of what was read, and its news. */
const LEAST_LATENCY_MS = 0.05;

export interface EndUser {
  onConnected?(): void;
  onBytes(bytes: Buffer): void;
  onEnd(): void;
  /** The connection is gone; `code`: as an operating system names it. */
  onGone(code: string): void;
  /** What it was full of has been taken. */
  onRoom?(): void;
}

export interface Acceptor {
  /** Undefined: it takes no more, and the connection is closed as soon as it was accepted. */
  accept(end: End): EndUser | undefined;
}

/** What is wrong with the way from one host to another. */
interface Trouble {
  readonly from: string;
  readonly to: string;
  readonly untilMs: number;
  /** `cut`: nothing arrives before it is over; `slow`: everything takes so much longer. */
  readonly slowMs: number | 'cut';
}

type Piece = Buffer | 'fin';

export class Network {
  readonly time: VirtualTime;
  readonly #prng: Prng;
  readonly #listeners = new Map<string, Acceptor[]>();
  readonly #ends = new Set<End>();
  #troubles: Trouble[] = [];
  /** Hosts that lost their power: what arrives there is lost without a word. */
  readonly dark = new Set<string>();
  /** Open connections that a host can have. */
  readonly maxOpen = new Map<string, number>();
  /**
   * Of each direction: what may be on its way or unread by the other side; and what a side's own kernel takes beyond that before it says
   * that it is full.
   */
  windowBytes = 65_536;
  /** Least and most that a piece takes from one host to another. */
  latencyMs: readonly [number, number] = [LEAST_LATENCY_MS, 0.3];
  /** Chance for a piece to be cut into several. */
  splitting = 0.1;
  #ports = 40_000;

  constructor(time: VirtualTime, prng: Prng) {
    this.time = time;
    this.#prng = prng;
  }

  /** False: somebody else has it, and does not share. */
  listen(address: string, acceptor: Acceptor, shares = false): boolean {
    const others = this.#listeners.get(address) ?? [];
    if (others.length > 0 && !shares) return false;
    this.#listeners.set(address, [...others, acceptor]);
    return true;
  }

  close(address: string, acceptor: Acceptor): void {
    const left = (this.#listeners.get(address) ?? []).filter((one) => one !== acceptor);
    if (left.length > 0) this.#listeners.set(address, left);
    else this.#listeners.delete(address);
  }

  nextPort(): number {
    this.#ports = this.#ports >= 65_000 ? 40_000 : this.#ports + 1;
    return this.#ports;
  }

  openOf(host: string): number {
    let count = 0;
    for (const end of this.#ends) if (end.host === host) count++;
    return count;
  }

  isFull(host: string): boolean {
    const max = this.maxOpen.get(host);
    return max !== undefined && this.openOf(host) >= max;
  }

  /** From a host to `host:port`. What becomes of it is told to `user`, later. */
  connect(fromHost: string, address: string, user: EndUser): End {
    const near = new End(this, fromHost, this.nextPort());
    near.user = user;
    if (this.isFull(fromHost)) {
      this.time.after(0, () => near.gone('EMFILE'));
      return near;
    }
    this.#ends.add(near);
    const host = address.slice(0, address.lastIndexOf(':'));
    const port = Number(address.slice(address.lastIndexOf(':') + 1));
    this.time.at(this.arrival(fromHost, host), () => {
      if (near.isGone) return;
      if (this.dark.has(host)) {
        this.time.after(SYN_MS, () => near.gone('ETIMEDOUT'));
        return;
      }
      const acceptors = this.#listeners.get(address) ?? [];
      if (acceptors.length === 0) {
        this.time.at(this.arrival(host, fromHost), () => near.gone('ECONNREFUSED'));
        return;
      }
      const far = new End(this, host, port);
      this.#ends.add(far);
      near.join(far);
      const connectedAtMs = this.arrival(host, fromHost);
      far.nothingBefore(connectedAtMs);
      this.time.at(connectedAtMs, () => near.connected());
      const accepted = this.#prng.pick(acceptors).accept(far);
      if (accepted === undefined) far.close();
      else far.user = accepted;
    });
    return near;
  }

  /** Nothing arrives from one to the other, or later. */
  disturb(trouble: Trouble): void {
    this.#troubles = this.#troubles.filter(({ untilMs }) => untilMs > this.time.nowMs);
    this.#troubles.push(trouble);
  }

  /** The process on it is killed: its kernel ends all that it had. */
  kill(host: string): void {
    for (const end of [...this.#ends]) if (end.host === host) end.close();
  }

  /** Its connections are forgotten, and nobody is told. */
  powerOff(host: string): void {
    this.dark.add(host);
    for (const end of [...this.#ends]) if (end.host === host) end.forget();
  }

  /** When what is sent now arrives. */
  arrival(from: string, to: string): number {
    const [least, most] = this.latencyMs;
    let atMs = this.time.nowMs + least + this.#prng.next() * (most - least);
    for (const trouble of this.#troubles) {
      if (trouble.untilMs <= this.time.nowMs || trouble.from !== from || trouble.to !== to) continue;
      if (trouble.slowMs === 'cut') atMs = Math.max(atMs, trouble.untilMs + this.#prng.next() * 200);
      else atMs += this.#prng.next() * trouble.slowMs;
    }
    return atMs;
  }

  /** Where to cut what is sent: so many bytes go ahead. */
  cut(bytes: number): number {
    return bytes > 1 && this.#prng.chance(this.splitting) ? this.#prng.int(1, bytes - 1) : bytes;
  }

  left(end: End): void {
    this.#ends.delete(end);
  }
}

/** One side of a connection: what a process knows of it. */
export class End {
  readonly network: Network;
  readonly host: string;
  readonly port: number;
  user: EndUser | undefined;
  #peer: End | undefined;
  /** Still to be sent: the peer has no room for it. */
  #unsent: Piece[] = [];
  #unsentBytes = 0;
  #lastArrivalMs = 0;
  /** On their way to the peer, or unread there. */
  #outBytes = 0;
  /** Come, and not yet read. */
  #unread: Piece[] = [];
  #isConnected = false;
  #isPaused = false;
  #isReading = false;
  #isFull = false;
  #finSent = false;
  #isClosed = false;
  isGone = false;

  constructor(network: Network, host: string, port: number) {
    this.network = network;
    this.host = host;
    this.port = port;
  }

  get peer(): End | undefined {
    return this.#peer;
  }

  /** The kernel takes no more for now; `onRoom` tells when it does. */
  get isFull(): boolean {
    return this.#unsentBytes > this.network.windowBytes;
  }

  /** All that was written has at least left. */
  get isFlushed(): boolean {
    return this.#unsent.length === 0;
  }

  join(peer: End): void {
    this.#peer = peer;
    peer.#peer = this;
    peer.#isConnected = true;
  }

  /** What it sends arrives behind that moment. */
  nothingBefore(ms: number): void {
    this.#lastArrivalMs = ms;
  }

  connected(): void {
    if (this.isGone) return;
    this.#isConnected = true;
    this.#pump();
    if (!this.#isClosed) this.user?.onConnected?.();
  }

  write(bytes: Buffer): void {
    if (this.#isClosed || this.isGone || this.#finSent || bytes.length === 0) return;
    this.#unsent.push(bytes);
    this.#unsentBytes += bytes.length;
    this.#pump();
    if (this.isFull) this.#isFull = true;
  }

  /** FIN behind what was written. */
  end(): void {
    if (this.#finSent || this.#isClosed) return;
    this.#finSent = true;
    this.#unsent.push('fin');
    this.#pump();
  }

  /** The process lets go of it, as `close` of an operating system: what was written is sent still, unread bytes make a reset. */
  close(): void {
    if (this.#isClosed) return;
    const isUnread = this.#unread.some((piece) => piece !== 'fin');
    if (isUnread) {
      this.reset();
      return;
    }
    this.end();
    this.#isClosed = true;
    this.network.left(this);
  }

  reset(): void {
    if (this.#isClosed && this.isGone) return;
    this.#isClosed = true;
    this.#unsent = [];
    this.#unsentBytes = 0;
    this.network.left(this);
    const peer = this.#peer;
    if (peer === undefined || this.isGone) return;
    this.isGone = true;
    this.network.time.at(this.network.arrival(this.host, peer.host), () => peer.gone('ECONNRESET'));
  }

  /** Nobody is told: neither side. */
  forget(): void {
    this.#isClosed = true;
    this.isGone = true;
    this.#unsent = [];
    this.network.left(this);
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.#unread.length > 0) this.network.time.after(0, () => this.#read());
  }

  gone(code: string): void {
    if (this.isGone) return;
    this.isGone = true;
    this.#unsent = [];
    this.#unsentBytes = 0;
    this.#unread = [];
    this.network.left(this);
    if (!this.#isClosed) this.user?.onGone(code);
  }

  #pump(): void {
    const peer = this.#peer;
    if (peer === undefined || !this.#isConnected) return;
    const { network } = this;
    while (this.#unsent.length > 0) {
      const [piece] = this.#unsent;
      if (piece === undefined) return;
      if (piece === 'fin') {
        this.#unsent.shift();
        this.#send(peer, 'fin');
        continue;
      }
      const room = network.windowBytes - this.#outBytes;
      if (room <= 0) return;
      const bytes = network.cut(Math.min(room, piece.length));
      if (bytes < piece.length) this.#unsent[0] = piece.subarray(bytes);
      else this.#unsent.shift();
      this.#unsentBytes -= bytes;
      this.#outBytes += bytes;
      this.#send(peer, bytes < piece.length ? piece.subarray(0, bytes) : piece);
    }
  }

  #send(peer: End, piece: Piece): void {
    const { network } = this;
    const atMs = Math.max(this.#lastArrivalMs, network.arrival(this.host, peer.host));
    this.#lastArrivalMs = atMs;
    network.time.at(atMs, () => peer.#arrived(piece, this));
  }

  #arrived(piece: Piece, from: End): void {
    if (this.isGone) {
      // Its machine was off; now it knows nothing of this connection.
      if (!this.network.dark.has(this.host)) from.gone('ECONNRESET');
      return;
    }
    if (this.#isClosed) {
      if (piece === 'fin') {
        if (this.#finSent) this.isGone = true;
        return;
      }
      this.isGone = true;
      this.network.time.at(this.network.arrival(this.host, from.host), () => from.gone('ECONNRESET'));
      return;
    }
    this.#unread.push(piece);
    if (!this.#isPaused) this.#read();
  }

  #read(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    while (!this.#isPaused && this.#unread.length > 0 && !this.#isClosed && !this.isGone) {
      const piece = this.#unread.shift();
      if (piece === undefined) break;
      if (piece === 'fin') this.user?.onEnd();
      else {
        const peer = this.#peer;
        if (peer !== undefined) peer.#taken(piece.length);
        this.user?.onBytes(piece);
      }
    }
    this.#isReading = false;
  }

  /** The peer has read so much. */
  #taken(bytes: number): void {
    this.#outBytes -= bytes;
    if (this.#unsent.length === 0 && !this.#isFull) return;
    this.network.time.after(LEAST_LATENCY_MS, () => {
      this.#pump();
      if (!this.#isFull || this.isFull) return;
      this.#isFull = false;
      if (!this.#isClosed) this.user?.onRoom?.();
    });
  }
}
