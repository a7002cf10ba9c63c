import { describe, expect, it } from 'vitest';
import type { ClientFrame } from '../protocol/client';
import type { ServerMessage } from '../protocol/server';
import { backoff, Refused, RoomSocket, socketUrl, type SocketLike } from './socket';

class FakeSocket implements SocketLike {
  sent: unknown[] = [];
  closed = false;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: (() => void) | null = null;
  send(data: string): void {
    this.sent.push(JSON.parse(data));
  }
  close(): void {
    this.closed = true;
  }
  tell(message: ServerMessage): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
}

/** A socket whose network and clock are in the test's hands. */
function bench() {
  const sockets: FakeSocket[] = [];
  const timers: { run: () => void; milliseconds: number }[] = [];
  const heard: ServerMessage[] = [];
  const connected: boolean[] = [];
  let resume: string | undefined;
  let unreachable = 0;
  const socket = new RoomSocket({
    open: () => {
      const next = new FakeSocket();
      sockets.push(next);
      return next;
    },
    hello: () => ({ type: 'join', protocol: 1, name: 'Ada', resume, media: { microphone: true, camera: true, screen: false, screen_sound: false } }) as ClientFrame,
    onMessage: (message) => heard.push(message),
    onConnection: (up) => connected.push(up),
    onUnreachable: () => unreachable++,
    setTimer: (run, milliseconds) => timers.push({ run, milliseconds }),
    clearTimer: () => timers.pop(),
    random: () => 0,
  });
  const last = () => sockets[sockets.length - 1] as FakeSocket;
  return { socket, sockets, timers, heard, connected, last, unreachable: () => unreachable, keep: (token: string) => (resume = token) };
}

const WAITING: ServerMessage = { type: 'waiting' };

describe('RoomSocket', () => {
  it('says join first, and again with the resume token after a loss', () => {
    const { sockets, timers, keep, last, connected } = bench();
    last().onopen?.();
    expect(last().sent[0]).toMatchObject({ type: 'join', name: 'Ada' });
    keep('token');
    last().onclose?.();
    expect(connected).toEqual([true, false]);
    timers.pop()?.run();
    last().onopen?.();
    expect(sockets).toHaveLength(2);
    expect(last().sent[0]).toMatchObject({ type: 'join', resume: 'token' });
  });

  it('waits longer each time, and starts over once the server answered', () => {
    const { timers, last } = bench();
    const waits: number[] = [];
    for (let i = 0; i < 7; i++) {
      last().onclose?.();
      const timer = timers.pop();
      waits.push(timer?.milliseconds ?? -1);
      timer?.run();
    }
    expect(waits).toEqual([250, 500, 1000, 2000, 4000, 8000, 8000]);
    last().onopen?.();
    last().tell(WAITING);
    last().onclose?.();
    expect(timers.pop()?.milliseconds).toBe(250);
  });

  it('tells a connection that never opened from one that was lost', () => {
    const { last, timers, unreachable } = bench();
    last().onclose?.();
    expect(unreachable()).toBe(1);
    timers.pop()?.run();
    last().onopen?.();
    last().onclose?.();
    expect(unreachable()).toBe(1);
  });

  it('does not come back after closing', () => {
    const { last, timers, sockets, heard } = bench();
    last().onopen?.();
    last().tell({ type: 'closing', code: 'removed', message: 'The host removed you.' });
    expect(last().closed).toBe(true);
    last().onclose?.();
    expect(timers).toHaveLength(0);
    expect(sockets).toHaveLength(1);
    expect(heard.map(({ type }) => type)).toEqual(['closing']);
  });

  it.each(['shutdown', 'slow'])('comes back after closing for %s', (code) => {
    const { last, timers, sockets } = bench();
    last().onopen?.();
    last().tell({ type: 'closing', code, message: 'Soon back.' });
    last().onclose?.();
    timers.pop()?.run();
    expect(sockets).toHaveLength(2);
  });

  it('settles each request with its own outcome', async () => {
    const { socket, last, heard } = bench();
    last().onopen?.();
    const first = socket.request({ type: 'start_recording' });
    const second = socket.request({ type: 'end_room' });
    expect(last().sent.slice(1)).toEqual([
      { type: 'start_recording', request: 1 },
      { type: 'end_room', request: 2 },
    ]);
    last().tell({ type: 'error', code: 'forbidden', message: 'Only a host may.', request: 2 });
    last().tell({ type: 'done', request: 1 });
    await expect(first).resolves.toBeUndefined();
    await expect(second).rejects.toMatchObject({ code: 'forbidden' });
    expect(heard).toEqual([]);
  });

  it('refuses what was asked when the connection goes', async () => {
    const { socket, last } = bench();
    last().onopen?.();
    const asked = socket.request({ type: 'start_recording' });
    last().onclose?.();
    await expect(asked).rejects.toBeInstanceOf(Refused);
    await expect(socket.request({ type: 'end_room' })).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('passes errors without a request on, and lets nonsense be', () => {
    const { last, heard } = bench();
    last().onopen?.();
    for (const data of ['not json', '[]', '{"type":5}', 'null', new ArrayBuffer(2)]) last().onmessage?.({ data });
    last().tell({ type: 'error', code: 'too_many', message: 'Slow down.' });
    expect(heard).toEqual([{ type: 'error', code: 'too_many', message: 'Slow down.' }]);
  });
});

describe('backoff', () => {
  it('is spread by a third, so that a restarted server is not stormed', () => {
    expect(backoff(0, 1)).toBe(167);
    expect(backoff(9, 0.5)).toBe(6667);
  });
});

describe('socketUrl', () => {
  it('follows the page’s scheme', () => {
    expect(socketUrl({ protocol: 'https:', host: 'rooms.example' }, 'abc')).toBe('wss://rooms.example/api/v1/rooms/abc/socket');
    expect(socketUrl({ protocol: 'http:', host: 'localhost:8080' }, 'abc')).toBe('ws://localhost:8080/api/v1/rooms/abc/socket');
  });
});
