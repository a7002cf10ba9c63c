// The room's WebSocket: typed both ways, reconnecting by itself. Knows no screen and no media.

import type { ClientFrame } from '../protocol/client';
import type { ServerMessage } from '../protocol/server';

/** Closings after which one comes back by oneself: docs/protocol.md, "Codes". */
export const COMES_BACK = ['shutdown', 'slow'];

/** What of a browser's `WebSocket` is used here; a test gives its own. */
export interface SocketLike {
  send(data: string): void;
  close(): void;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: (() => void) | null;
}

export interface SocketOptions {
  open: () => SocketLike;
  /** The first message of every connection: `join`, with the resume token when there is one. */
  hello: () => ClientFrame;
  onMessage: (message: ServerMessage) => void;
  /** `connected` is false from the loss of a connection until the next one stands. */
  onConnection: (connected: boolean) => void;
  /** A connection that never opened: the door may be shut for good, which only the HTTP API can tell. */
  onUnreachable?: () => void;
  setTimer?: (run: () => void, milliseconds: number) => unknown;
  clearTimer?: (timer: never) => void;
  random?: () => number;
}

/** A request that the server refused. */
export class Refused extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** Milliseconds before try number `attempt` (from 0): doubling from 250 ms to 8 s, spread by a third. */
export function backoff(attempt: number, random: number): number {
  const base = Math.min(8000, 250 * 2 ** attempt);
  return Math.round(base * (1 - random / 3));
}

interface Pending {
  resolve: () => void;
  reject: (error: Refused) => void;
}

export class RoomSocket {
  #options: Required<SocketOptions>;
  #socket: SocketLike | null = null;
  #open = false;
  #closed = false;
  #attempt = 0;
  #timer: unknown = null;
  #request = 0;
  #pending = new Map<number, Pending>();

  constructor(options: SocketOptions) {
    this.#options = {
      setTimer: (run, milliseconds) => setTimeout(run, milliseconds),
      clearTimer: (timer) => clearTimeout(timer),
      random: Math.random,
      onUnreachable: () => undefined,
      ...options,
    };
    this.#connect();
  }

  /** Sends now, or not at all: what is true is told again after `welcome`. */
  send(message: ClientFrame): boolean {
    if (!this.#open || this.#socket === null) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** Sends a request; settles with its `done` or `error`. */
  request(message: ClientFrame): Promise<void> {
    return new Promise((resolve, reject) => {
      const request = ++this.#request;
      this.#pending.set(request, { resolve, reject });
      if (this.#open && this.#socket !== null) this.#socket.send(JSON.stringify({ ...message, request }));
      else this.#settle(request, new Refused('unavailable', 'There is no connection to the server.'));
    });
  }

  /** Tries again at once: the network came back, or the window is looked at again. */
  retryNow(): void {
    if (this.#timer === null) return;
    this.#clearTimer();
    this.#attempt = 0;
    this.#connect();
  }

  /** Ends it for good. Doing so twice is harmless. */
  close(): void {
    this.#closed = true;
    this.#clearTimer();
    this.#socket?.close();
    this.#lost();
  }

  #connect(): void {
    if (this.#closed) return;
    const socket = this.#options.open();
    this.#socket = socket;
    let opened = false;
    socket.onopen = () => {
      opened = true;
      this.#open = true;
      this.send(this.#options.hello());
      this.#options.onConnection(true);
    };
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = () => {
      if (this.#socket !== socket) return;
      this.#lost();
      if (this.#closed) return;
      this.#options.onConnection(false);
      if (!opened) this.#options.onUnreachable();
      this.#timer = this.#options.setTimer(
        () => {
          this.#timer = null;
          this.#connect();
        },
        backoff(this.#attempt++, this.#options.random()),
      );
    };
  }

  #receive(data: unknown): void {
    const message = parse(data);
    if (message === null) return;
    if (message.type === 'welcome' || message.type === 'waiting') this.#attempt = 0;
    if (message.type === 'done') this.#settle(message.request, null);
    else if (message.type === 'error' && message.request != null) {
      this.#settle(message.request, new Refused(message.code, message.message));
    } else {
      // The server hangs up now. After most closings, coming back uninvited would be rude.
      if (message.type === 'closing' && !COMES_BACK.includes(message.code)) this.close();
      this.#options.onMessage(message);
    }
  }

  #settle(request: number, refusal: Refused | null): void {
    const pending = this.#pending.get(request);
    this.#pending.delete(request);
    if (refusal === null) pending?.resolve();
    else pending?.reject(refusal);
  }

  #lost(): void {
    this.#open = false;
    this.#socket = null;
    for (const request of [...this.#pending.keys()]) {
      this.#settle(request, new Refused('unavailable', 'The connection to the server was lost.'));
    }
  }

  #clearTimer(): void {
    if (this.#timer !== null) this.#options.clearTimer(this.#timer as never);
    this.#timer = null;
  }
}

/** A message, or nothing when it is not one: a newer server may say more than this page knows. */
function parse(data: unknown): ServerMessage | null {
  if (typeof data !== 'string') return null;
  try {
    const value: unknown = JSON.parse(data);
    const tagged = typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
    return tagged ? (value as ServerMessage) : null;
  } catch {
    return null;
  }
}

/** Where the room's socket is, seen from a page. */
export function socketUrl(location: { protocol: string; host: string }, invitation: string): string {
  const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
  return `${scheme}//${location.host}/api/v1/rooms/${encodeURIComponent(invitation)}/socket`;
}
