// A lane keeps messages in order: those of one sender connection to one pool, or of one sticky key (`ordering: key`).
// A message goes when it is the first of its lane, or behind its predecessor on the same connection to a node.

/** What a lane needs to know of a message. */
export interface Laned {
  /** Grows in the order in which messages are added; one that is added again has the same as before. */
  readonly sequence: number;
  readonly phase: 'ready' | 'queued' | 'sent' | 'over';
}

export class OrderingLane<T extends Laned> {
  /** In order; the settled ones are taken out. */
  readonly messages: T[] = [];
  /** Whether messages may follow one another on a node's connection before the first is answered. */
  mayFollow: boolean;
  /**
   * Since when its first message has waited for a node, whichever message that was at the time; undefined: the last one
   * that had its turn was taken by a node. In performance.now() milliseconds.
   */
  stuckSince: number | undefined;
  #moving = false;
  #again = false;

  constructor(mayFollow: boolean) {
    this.mayFollow = mayFollow;
  }

  get isEmpty(): boolean {
    return this.messages.length === 0;
  }

  /** Behind all that were added before it; also where it comes back, and later ones are there. */
  add(message: T): void {
    let at = this.messages.length;
    while (at > 0 && (this.messages[at - 1] as T).sequence > message.sequence) at--;
    if (at === this.messages.length) this.messages.push(message);
    else this.messages.splice(at, 0, message);
  }

  remove(message: T): void {
    if (this.messages[0] === message) this.messages.shift();
    else {
      const at = this.messages.indexOf(message);
      if (at >= 0) this.messages.splice(at, 1);
    }
  }

  /**
   * Sends what can be sent. `place` is for the first message: any node will do. `follow` is for one behind `ahead`,
   * which is with a node: it may only take the same way, and says whether it could.
   */
  advance(place: (message: T) => void, follow: (message: T, ahead: T) => boolean): void {
    // What is sent can fail, be answered and end a lane's messages while this runs.
    this.#again = true;
    if (this.#moving) return;
    this.#moving = true;
    while (this.#again) {
      this.#again = false;
      this.#pass(place, follow);
    }
    this.#moving = false;
  }

  #pass(place: (message: T) => void, follow: (message: T, ahead: T) => boolean): void {
    for (let i = 0; i < this.messages.length; i++) {
      const message = this.messages[i] as T;
      if (message.phase === 'sent') continue;
      if (message.phase !== 'ready') return;
      const ahead = this.messages[i - 1];
      if (ahead === undefined) place(message);
      else if (!this.mayFollow || !follow(message, ahead)) return;
      if (this.messages[i] !== message) {
        this.#again = true;
        return;
      }
    }
  }
}
