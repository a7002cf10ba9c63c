// What is true about the room, and how each event changes it. Pure: no clock, no network, no screen.

import type { ChatLine, FeedView, ParticipantView, RoomView, ServerMessage, WaitingView } from '../protocol/server';
import type { Layout, MediaState, Reaction, Role, TrackSource, ViewChoice } from '../protocol/words';
import { captioned, kept, type Caption, type CaptionWords } from './captions';
import { isLive, isRecording } from './facts';

/** Where somebody stands. */
export type Phase =
  | { kind: 'outside' }
  | { kind: 'joining' }
  | { kind: 'waiting' }
  | { kind: 'inside' }
  /** `code` is that of `closing`; the message is the server's own sentence. */
  | { kind: 'over'; code: string; message: string };

/** A line that is shown for a while. */
export interface Notice {
  id: number;
  kind:
    | 'joined'
    | 'left'
    | 'muted'
    | 'joined_muted'
    | 'unmute_asked'
    | 'share_stopped'
    | 'hand'
    | 'chat'
    | 'host'
    | 'recording_started'
    | 'recording_ended'
    | 'live_started'
    | 'live_ended'
    | 'refused'
    | 'copied'
    | 'saved'
    | 'device';
  /** A name, or the server's sentence. */
  text: string;
  /** Of what was refused: the contract's word. Of a device: its problem. */
  code: string;
}

/** What of a stream went out. */
export interface Sent {
  bytes: number;
  bitrate: number;
  dropped: number;
  duration: number;
  /** Frames were left out just now: its server does not keep up. */
  slow: boolean;
}

/** Somebody's reaction, shown for a moment. */
export interface Shown {
  id: number;
  participant: string;
  name: string;
  reaction: Reaction;
}

/** How one's own picture is drawn. */
export type SelfView = 'tile' | 'small' | 'hidden';

/** A tile's name in the state: whose, and which picture. */
export interface TileId {
  participant: string;
  source: Extract<TrackSource, 'camera' | 'screen'>;
}

export interface RoomState {
  phase: Phase;
  /** False while the socket is away; the room is drawn as it was. */
  connected: boolean;
  /** Whether media flows; false before the first connection and while it is made again. */
  media: boolean;
  you: string;
  role: Role;
  room: RoomView | null;
  /** When `room` was told, in milliseconds of the page's clock: durations count on from there. */
  roomAt: number;
  participants: ParticipantView[];
  /** What each receiving section shows, by mid. */
  slots: Readonly<Record<string, FeedView>>;
  /** Loudest first. */
  speaking: string[];
  /** Who spoke, latest first: they keep a tile when there are too many people. */
  spoke: string[];
  waiting: WaitingView[];
  invitation: { code: string; url: string } | null;
  /** To hosts: what of each stream went out. */
  sent: Readonly<Record<string, Sent>>;
  /** A picture of the room for a line that carries its sound alone: a `data:` address. */
  still: string | null;
  /** What the person asked to see. */
  view: ViewChoice;
  pinned: TileId | null;
  /** How the tiles are laid out on this page alone. */
  layout: Layout;
  self: SelfView;
  /** Which part of the people is drawn when not everybody fits; 0 holds you and who spoke. */
  page: number;
  /** Oldest first. */
  chat: ChatLine[];
  chatOpen: boolean;
  /** Lines of others since the chat was last open. */
  unread: number;
  reactions: Shown[];
  /** What is said, written: only where something hears for the page. */
  captions: Caption[];
  notices: Notice[];
  /** Of the next notice or reaction. */
  nextNotice: number;
}

export type RoomEvent =
  | { type: 'server'; message: ServerMessage; at: number }
  | { type: 'joining' }
  | { type: 'connection'; connected: boolean }
  | { type: 'media'; flowing: boolean }
  | { type: 'offered' }
  | { type: 'view'; mode: ViewChoice }
  | { type: 'pin'; tile: TileId | null }
  | { type: 'layout'; layout: Layout }
  | { type: 'self'; self: SelfView }
  | { type: 'chat'; open: boolean }
  | { type: 'reaction_over'; id: number }
  | { type: 'caption'; words: CaptionWords; at: number }
  | { type: 'captions_fade'; at: number }
  | { type: 'page'; page: number }
  | { type: 'notice'; kind: Notice['kind']; text?: string; code?: string }
  | { type: 'dismiss'; id: number }
  | { type: 'ended'; code: string; message: string };

/** The server keeps no more for late comers; a page that is open for long holds some more. */
const MOST_LINES = 500;
const MOST_REACTIONS = 24;

export const NOTHING_ON: MediaState = { microphone: false, camera: false, screen: false, screen_sound: false };

export function initial(): RoomState {
  return {
    phase: { kind: 'outside' },
    connected: false,
    media: false,
    you: '',
    role: 'guest',
    room: null,
    roomAt: 0,
    participants: [],
    slots: {},
    speaking: [],
    spoke: [],
    waiting: [],
    invitation: null,
    sent: {},
    still: null,
    view: 'auto',
    pinned: null,
    layout: 'auto',
    self: 'tile',
    page: 0,
    chat: [],
    chatOpen: false,
    unread: 0,
    reactions: [],
    captions: [],
    notices: [],
    nextNotice: 1,
  };
}

export function reduce(state: RoomState, event: RoomEvent): RoomState {
  switch (event.type) {
    case 'server':
      return told(state, event.message, event.at);
    case 'joining':
      return { ...state, phase: { kind: 'joining' } };
    case 'connection':
      return { ...state, connected: event.connected };
    case 'media':
      return { ...state, media: event.flowing };
    case 'offered':
      // A new session has new sections: nothing of the old map holds.
      return { ...state, slots: {}, media: false };
    case 'view':
      return { ...state, view: event.mode };
    case 'pin':
      return { ...state, pinned: event.tile };
    case 'layout':
      // A pin would hide what was chosen.
      return { ...state, layout: event.layout, pinned: null };
    case 'self':
      return { ...state, self: event.self };
    case 'chat':
      return { ...state, chatOpen: event.open, unread: event.open ? 0 : state.unread };
    case 'reaction_over':
      return { ...state, reactions: state.reactions.filter(({ id }) => id !== event.id) };
    case 'caption':
      return { ...state, captions: captioned(state.captions, event.words, state.participants, event.at) };
    case 'captions_fade':
      return { ...state, captions: kept(state.captions, event.at) };
    case 'page':
      return { ...state, page: Math.max(0, event.page) };
    case 'notice':
      return noticed(state, event.kind, event.text, event.code);
    case 'dismiss':
      return { ...state, notices: state.notices.filter((notice) => notice.id !== event.id) };
    case 'ended':
      return over(state, event.code, event.message);
  }
}

function told(state: RoomState, message: ServerMessage, at: number): RoomState {
  switch (message.type) {
    case 'waiting':
      return { ...state, phase: { kind: 'waiting' } };
    case 'welcome':
      return {
        ...(message.role === 'guest' && message.room.rules.join_muted && state.phase.kind !== 'inside' ? noticed(state, 'joined_muted') : state),
        phase: { kind: 'inside' },
        you: message.you,
        role: message.role,
        room: message.room,
        roomAt: at,
        participants: message.participants,
        speaking: [],
        waiting: [],
      };
    case 'slots':
      return { ...state, slots: refilled(state.slots, message.slots) };
    case 'participant_joined':
      return joined(state, message.participant);
    case 'participant_changed':
      return changed(state, message.participant);
    case 'participant_left':
      return left(state, message.participant);
    case 'speaking':
      return { ...state, speaking: message.participants, spoke: latest(message.participants, state.spoke) };
    case 'room_changed':
      return roomChanged(state, message.room, at);
    case 'waiting_changed':
      return { ...state, waiting: message.waiting };
    case 'invitation':
      return { ...state, invitation: { code: message.invitation, url: message.url } };
    case 'stream_sent':
      return { ...state, sent: { ...state.sent, [message.stream]: sentNow(state.sent[message.stream], message) } };
    case 'still':
      return { ...state, still: `data:image/jpeg;base64,${message.jpeg}` };
    case 'muted':
    case 'unmute_asked':
    case 'share_stopped':
      return noticed(state, message.type);
    case 'chat':
      return written(state, message.lines);
    case 'reacted':
      return reacted(state, message.participant, message.reaction);
    case 'error':
      return noticed(state, 'refused', message.message, message.code);
    case 'closing':
      // What this page says is not understood: it is older than the server.
      if (message.code === 'invalid_request' && state.phase.kind === 'joining') return over(state, 'outdated', message.message);
      // After these the socket comes back by itself; the room is drawn as it was.
      return message.code === 'shutdown' || message.code === 'slow' ? state : over(state, message.code, message.message);
    case 'answer':
      // A new session's sections are all empty until the server says otherwise.
      return { ...state, slots: {} };
    case 'layers':
    case 'media_lost':
    case 'done':
      return state;
    default:
      // A newer server may say more than this page knows.
      return state;
  }
}

function sentNow(before: Sent | undefined, now: Omit<Sent, 'slow'>): Sent {
  const { bytes, bitrate, dropped, duration } = now;
  return { bytes, bitrate, dropped, duration, slow: before !== undefined && dropped > before.dropped };
}

function over(state: RoomState, code: string, message: string): RoomState {
  return { ...initial(), room: state.room, phase: { kind: 'over', code, message } };
}

function refilled(slots: RoomState['slots'], changes: { mid: string; feed?: FeedView | null }[]): RoomState['slots'] {
  const next = new Map(Object.entries(slots));
  for (const { mid, feed } of changes) {
    if (feed == null) next.delete(mid);
    else next.set(mid, feed);
  }
  return Object.fromEntries(next);
}

function joined(state: RoomState, participant: ParticipantView): RoomState {
  if (state.participants.some(({ id }) => id === participant.id)) return changed(state, participant);
  const next = { ...state, participants: [...state.participants, participant] };
  return noticed(next, 'joined', participant.name);
}

function changed(state: RoomState, participant: ParticipantView): RoomState {
  const participants = state.participants.map((known) => (known.id === participant.id ? participant : known));
  const before = state.participants.find(({ id }) => id === participant.id);
  const own = participant.id === state.you;
  const role = own ? participant.role : state.role;
  const still = own && participant.view !== 'sound' ? null : state.still;
  let next: RoomState = { ...unpinned(state, (tile) => tile.participant === participant.id && !participant.media.screen && tile.source === 'screen'), participants, role, still };
  if (own && before?.role === 'guest' && role === 'host') next = noticed(next, 'host');
  if (!own && participant.hand !== undefined && before !== undefined && before.hand === undefined) next = noticed(next, 'hand', participant.name);
  return next;
}

function left(state: RoomState, id: string): RoomState {
  const gone = state.participants.find((participant) => participant.id === id);
  if (gone === undefined) return state;
  const slots = Object.fromEntries(
    Object.entries(state.slots).filter(([, feed]) => feed.kind !== 'track' || feed.participant !== id),
  );
  const next = {
    ...unpinned(state, (tile) => tile.participant === id),
    slots,
    participants: state.participants.filter((participant) => participant.id !== id),
    speaking: state.speaking.filter((speaker) => speaker !== id),
    spoke: state.spoke.filter((speaker) => speaker !== id),
  };
  return noticed(next, 'left', gone.name);
}

/** A line's own name: after a restart of the server its numbers begin anew. */
export function lineKey({ id, sent_at }: ChatLine): string {
  return `${sent_at} ${id}`;
}

/** What a returning page is told again is not there twice; what was written before the server restarted stays. */
function written(state: RoomState, lines: ChatLine[]): RoomState {
  const known = new Set(state.chat.map(lineKey));
  const news = lines.filter((line) => !known.has(lineKey(line)));
  if (news.length === 0) return state;
  const chat = [...state.chat, ...news].sort((a, b) => Date.parse(a.sent_at) - Date.parse(b.sent_at) || a.id - b.id).slice(-MOST_LINES);
  const ofOthers = news.filter(({ participant }) => participant !== state.you);
  const next = { ...state, chat, unread: state.chatOpen ? 0 : state.unread + ofOthers.length };
  const [line] = ofOthers;
  // What was written before one came is counted, not called out.
  if (state.chatOpen || line === undefined || lines.length !== 1) return next;
  return noticed(next, 'chat', `${line.name}: ${line.text.replace(/\s+/g, ' ').slice(0, 120)}`);
}

function reacted(state: RoomState, participant: string, reaction: Reaction): RoomState {
  const name = state.participants.find(({ id }) => id === participant)?.name;
  if (name === undefined) return state;
  const shown: Shown = { id: state.nextNotice, participant, name, reaction };
  return { ...state, reactions: [...state.reactions, shown].slice(-MOST_REACTIONS), nextNotice: state.nextNotice + 1 };
}

function unpinned(state: RoomState, where: (tile: TileId) => boolean): RoomState {
  return state.pinned !== null && where(state.pinned) ? { ...state, pinned: null } : state;
}

function latest(now: string[], before: string[]): string[] {
  return [...now, ...before.filter((id) => !now.includes(id))].slice(0, 50);
}

function roomChanged(state: RoomState, room: RoomView, at: number): RoomState {
  let next: RoomState = { ...state, room, roomAt: at };
  const recorded = state.room !== null && isRecording(state.room);
  const live = state.room !== null && isLive(state.room);
  if (recorded !== isRecording(room)) next = noticed(next, recorded ? 'recording_ended' : 'recording_started');
  if (live !== isLive(room)) next = noticed(next, live ? 'live_ended' : 'live_started');
  const failed = [...room.recordings, ...room.streams].find(
    ({ id, state: how }) => how === 'failed' && wasRunning(state.room, id),
  );
  if (failed !== undefined && state.role === 'host') next = noticed(next, 'refused', failed.error ?? '', 'output_failed');
  const cut = room.recordings.find(({ id, state: how, error }) => how === 'finishing' && error !== undefined && wasLive(state.room, id));
  if (cut !== undefined && state.role === 'host') next = noticed(next, 'refused', cut.error ?? '', 'recording_cut');
  return next;
}

function wasRunning(room: RoomView | null, id: string): boolean {
  const before = [...(room?.recordings ?? []), ...(room?.streams ?? [])].find((output) => output.id === id);
  return before !== undefined && before.state !== 'failed';
}

/** It was not known to end early: it is told once. */
function wasLive(room: RoomView | null, id: string): boolean {
  return room?.recordings.some((recording) => recording.id === id && recording.error === undefined) ?? false;
}

function noticed(state: RoomState, kind: Notice['kind'], text = '', code = ''): RoomState {
  const notice = { id: state.nextNotice, kind, text, code };
  return { ...state, notices: [...state.notices, notice].slice(-4), nextNotice: state.nextNotice + 1 };
}
