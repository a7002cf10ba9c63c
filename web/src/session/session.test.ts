import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ClientFrame } from '../protocol/client';
import type { ParticipantView, ServerMessage } from '../protocol/server';
import type { Rules } from '../protocol/words';
import { Memory, type Shelf } from '../state/memory';
import { NOTHING_ON } from '../state/room';
import { LocalMedia } from './local.svelte';
import { Session } from './session.svelte';

/** The server's end of the page's socket. */
class FakeSocket {
  static all: FakeSocket[] = [];
  sent: ClientFrame[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  constructor(readonly url: string) {
    FakeSocket.all.push(this);
  }
  send(data: string): void {
    this.sent.push(JSON.parse(data) as ClientFrame);
  }
  close(): void {
    this.onclose?.();
  }
  say(message: ServerMessage): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
  types(): string[] {
    return this.sent.map(({ type }) => type);
  }
}

class FakeConnection {
  static all: FakeConnection[] = [];
  closed = false;
  signalingState = 'stable';
  connectionState = 'new';
  iceConnectionState = 'new';
  localDescription: unknown = null;
  onconnectionstatechange: (() => void) | null = null;
  senders: { track: unknown; replaceTrack: (track: unknown) => Promise<void> }[] = [];
  #mids = 0;
  constructor() {
    FakeConnection.all.push(this);
  }
  addTransceiver(what: unknown) {
    const kind = typeof what === 'string' ? what : 'video';
    const sender = {
      track: typeof what === 'string' ? null : what,
      replaceTrack: async (track: unknown) => {
        sender.track = track;
      },
      getParameters: () => ({ encodings: [] }),
    };
    this.senders.push(sender);
    return { mid: String(this.#mids++), sender, receiver: { track: { kind } } };
  }
  async createOffer() {
    return { type: 'offer', sdp: `offer ${FakeConnection.all.indexOf(this)}` };
  }
  async setLocalDescription(description: unknown) {
    this.localDescription = description;
    this.signalingState = 'have-local-offer';
  }
  async setRemoteDescription() {
    this.signalingState = 'stable';
    this.connectionState = 'connected';
    this.onconnectionstatechange?.();
  }
  async getStats() {
    return new Map();
  }
  close(): void {
    this.closed = true;
  }
}

function shelf(): Shelf {
  const kept = new Map<string, string>();
  return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => void kept.set(key, value), removeItem: (key) => void kept.delete(key) };
}

const RULES: Rules = { guests_share: true, join_muted: false, recording: true, names_shown: false };

function person(id: string): ParticipantView {
  return { id, name: id, role: 'guest', kind: 'browser', joined_at: '', media: { ...NOTHING_ON, camera: true }, muted_by_host: false, view: 'tiles', weak: false, connected: true };
}

const WELCOME: ServerMessage = {
  type: 'welcome',
  protocol: 1,
  you: 'me',
  role: 'guest',
  resume: 'place',
  room: { id: 'r1', name: 'Tea', activity: 'family', locked: false, lobby: false, layout: 'grid', rules: RULES, max_participants: 50, recordings: [], streams: [] },
  participants: [person('me')],
  ice_servers: [],
  slots: { audio: 3, video: 12 },
};

/** Lets promises that are already settled run on. */
const settle = () => vi.advanceTimersByTimeAsync(0);
const socket = () => FakeSocket.all[FakeSocket.all.length - 1] as FakeSocket;
const offers = () => FakeSocket.all.flatMap(({ sent }) => sent).filter(({ type }) => type === 'offer').length;

function bench() {
  const [lasting, visit] = [shelf(), shelf()];
  const memory = new Memory(() => lasting, () => visit);
  const local = new LocalMedia(memory);
  return { memory, local, session: new Session('abc', memory, local) };
}

async function inside() {
  const all = bench();
  all.session.join('Ada');
  socket().onopen?.();
  socket().say(WELCOME);
  await settle();
  socket().say({ type: 'answer', sdp: 'answer' });
  await settle();
  return all;
}

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.all = [];
  FakeConnection.all = [];
  const events = { addEventListener: vi.fn(), removeEventListener: vi.fn() };
  vi.stubGlobal('window', { ...events, devicePixelRatio: 1, matchMedia: () => ({ matches: false }) });
  vi.stubGlobal('document', { ...events, visibilityState: 'visible' });
  vi.stubGlobal('location', { protocol: 'http:', host: 'localhost' });
  vi.stubGlobal('history', { replaceState: vi.fn() });
  vi.stubGlobal('WebSocket', FakeSocket);
  vi.stubGlobal('RTCPeerConnection', FakeConnection);
  vi.stubGlobal('MediaStream', Object);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('a visit', () => {
  it('offers right after the welcome, and knows when media flows', async () => {
    const { session } = await inside();
    expect(socket().types()).toEqual(['join', 'offer']);
    expect(session.state.phase.kind).toBe('inside');
    expect(session.state.media).toBe(true);
    expect(session.slots).toHaveLength(15);
  });

  it('offers anew, on a connection of its own, when the server has other slots than was prepared for', async () => {
    const { session } = bench();
    session.prepare();
    await settle();
    session.join('Ada');
    socket().onopen?.();
    socket().say({ ...WELCOME, slots: { audio: 3, video: 9 } });
    await settle();
    expect(FakeConnection.all.map(({ closed }) => closed)).toEqual([true, false]);
    expect(offers()).toBe(1);
    expect(session.slots).toHaveLength(12);
  });

  it('offers what was prepared when the server has the usual slots', async () => {
    const { session } = bench();
    session.prepare();
    await settle();
    session.join('Ada');
    socket().onopen?.();
    socket().say(WELCOME);
    await settle();
    expect(FakeConnection.all).toHaveLength(1);
    expect(offers()).toBe(1);
  });

  it('never offers again for people, slots, devices or the room', async () => {
    const { session, local } = await inside();
    socket().say({ type: 'participant_joined', participant: person('b') });
    socket().say({ type: 'slots', slots: [{ mid: '7', feed: { kind: 'track', participant: 'b', source: 'camera' } }] });
    local.onTracks(['camera']);
    session.choose('mix');
    socket().say({ type: 'participant_left', participant: 'b' });
    await vi.advanceTimersByTimeAsync(20_000);
    expect(offers()).toBe(1);
    expect(FakeConnection.all).toHaveLength(1);
  });

  it('puts a camera that opened during the offer where the offer holds a place for it', async () => {
    const { session, local } = bench();
    const camera = { kind: 'video', stop: vi.fn(), getSettings: () => ({}) } as unknown as MediaStreamTrack;
    session.join('Ada');
    socket().onopen?.();
    socket().say(WELCOME);
    local.tracks = { camera };
    await settle();
    expect(offers()).toBe(1);
    expect(FakeConnection.all[0]?.senders[1]?.track).toBe(camera);
  });

  it('says what was switched on while the server still answered', async () => {
    const { session, local } = bench();
    const camera = { kind: 'video', stop: vi.fn(), getSettings: () => ({}) } as unknown as MediaStreamTrack;
    session.join('Ada');
    socket().onopen?.();
    local.tracks = { camera };
    local.onTracks(['camera']);
    expect(socket().types()).toEqual(['join']);
    socket().say(WELCOME);
    await settle();
    expect(socket().sent.find(({ type }) => type === 'media')).toMatchObject({ media: { camera: true } });
    local.onTracks(['camera']);
    expect(socket().types().filter((type) => type === 'media')).toHaveLength(1);
  });

  it('makes a new connection when the media is lost, later and later while that fails', async () => {
    await inside();
    const waits: number[] = [];
    for (let i = 0; i < 4; i++) {
      const before = offers();
      socket().say({ type: 'media_lost', reason: 'gone' });
      let waited = 0;
      while (offers() === before && waited < 10_000) {
        await vi.advanceTimersByTimeAsync(10);
        waited += 10;
      }
      waits.push(waited);
    }
    expect(offers()).toBe(5);
    expect(waits[0]).toBeLessThanOrEqual(10);
    expect(waits[3]).toBeGreaterThan(500);
    expect(FakeConnection.all.filter(({ closed }) => !closed)).toHaveLength(1);
  });

  it('takes its place again after a loss of the socket, with a new offer', async () => {
    await inside();
    socket().onclose?.();
    await vi.advanceTimersByTimeAsync(300);
    socket().onopen?.();
    expect(socket().sent[0]).toMatchObject({ type: 'join', resume: 'place' });
    socket().say(WELCOME);
    await settle();
    expect(socket().types()).toEqual(['join', 'offer']);
    expect(FakeConnection.all).toHaveLength(2);
    expect(FakeConnection.all[0]?.closed).toBe(true);
  });

  it('says what is drawn at once, and later changes when they have come to rest', async () => {
    const { session } = await inside();
    const tile = (width: number) => ({ key: 'b camera', participant: 'b', source: 'camera' as const, name: 'b', own: false, picture: true, muted: false, speaking: false, pinned: false, connected: true, large: false, weak: false, hand: 0, reaction: null, floating: false, rect: { x: 0, y: 0, width, height: width } });
    session.drawn([tile(100)]);
    session.drawn([tile(150)]);
    session.drawn([tile(200)]);
    await vi.advanceTimersByTimeAsync(1000);
    const views = socket().sent.filter((frame) => frame.type === 'view');
    expect(views.map((frame) => frame.tiles[0]?.height)).toEqual([100, 200]);
  });

  it('shows the host token to the room alone, and keeps it under a renewed invitation', async () => {
    const { session, memory } = bench();
    memory.keepHostToken('abc', 'secret');
    session.join('Ada');
    socket().onopen?.();
    expect(socket().sent[0]).toMatchObject({ type: 'join', host_token: 'secret' });
    expect(socket().url).toBe('ws://localhost/api/v1/rooms/abc/socket');
    socket().say(WELCOME);
    socket().say({ type: 'invitation', invitation: 'def', url: 'http://localhost/r/def' });
    expect(session.hostToken).toBe('secret');
    expect(history.replaceState).toHaveBeenCalledWith(null, '', '/r/def');
  });

  it('is over when it was left: nothing stays open', async () => {
    const { session, memory } = await inside();
    session.leave();
    await vi.advanceTimersByTimeAsync(30_000);
    expect(session.state.phase).toMatchObject({ kind: 'over', code: 'left' });
    expect(FakeSocket.all).toHaveLength(1);
    expect(FakeConnection.all.every(({ closed }) => closed)).toBe(true);
    expect(memory.resume('abc')).toBeUndefined();
  });
});
