// Who is told that a client's connection has closed, of those that come and go with its requests. Promises one listener for each
// socket, however many requests it carries: V8 puts lists of listeners that grow and shrink among what lives long, where each keeps
// what a request has left until the whole heap is collected. That made a message cost a fifth more.
import type { Socket } from 'node:net';

type Callback = () => void;

/** Of one socket. Mostly there is one: requests of HTTP/1 are read one after the other. */
class Callbacks {
  #first: Callback | undefined;
  #others: Callback[] | undefined;

  add(callback: Callback): void {
    if (this.#first === undefined) this.#first = callback;
    else {
      this.#others ??= [];
      this.#others.push(callback);
    }
  }

  remove(callback: Callback): void {
    if (this.#first === callback) this.#first = undefined;
    else this.#others = this.#others?.filter((other) => other !== callback);
  }

  call(): void {
    const all = [this.#first, ...(this.#others ?? [])];
    this.#first = undefined;
    this.#others = undefined;
    for (const callback of all) callback?.();
  }
}

const callbacksOf = new WeakMap<Socket, Callbacks>();

/** Calls back once, unless `offSocketClose` is called with the same. */
export function onSocketClose(socket: Socket, callback: Callback): void {
  let callbacks = callbacksOf.get(socket);
  if (callbacks === undefined) {
    const made = new Callbacks();
    callbacks = made;
    callbacksOf.set(socket, made);
    socket.once('close', () => made.call());
  }
  callbacks.add(callback);
}

export function offSocketClose(socket: Socket, callback: Callback): void {
  callbacksOf.get(socket)?.remove(callback);
}
