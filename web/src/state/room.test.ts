import { describe, expect, it } from 'vitest';
import type { ParticipantView, RoomView, ServerMessage } from '../protocol/server';
import type { Rules } from '../protocol/words';
import { handling, isLive, mayShare, raisedHands, showsMix } from './facts';
import { initial, NOTHING_ON, reduce, type RoomEvent, type RoomState } from './room';

const RULES: Rules = { guests_share: true, join_muted: false, recording: true, names_shown: false };

function person(id: string, change: Partial<ParticipantView> = {}): ParticipantView {
  return {
    id,
    name: id.toUpperCase(),
    role: 'guest',
    kind: 'browser',
    joined_at: '2026-11-22T10:00:00Z',
    media: { ...NOTHING_ON, microphone: true, camera: true },
    muted_by_host: false,
    view: 'tiles',
    weak: false,
    connected: true,
    ...change,
  };
}

const ROOM: RoomView = { id: 'r1', name: 'Tea', activity: 'family', locked: false, lobby: false, layout: 'grid', rules: RULES, max_participants: 50, recordings: [], streams: [] };

function welcome(you: string, ...participants: ParticipantView[]): ServerMessage {
  return { type: 'welcome', protocol: 1, you, role: 'guest', resume: 't', room: ROOM, participants, ice_servers: [], slots: { audio: 3, video: 9 } };
}

function after(state: RoomState, ...events: (ServerMessage | RoomEvent)[]): RoomState {
  return events.reduce<RoomState>((now, event) => {
    const ours = ['server', 'joining', 'connection', 'media', 'offered', 'view', 'pin', 'notice', 'dismiss', 'ended', 'layout', 'self', 'reaction_over'].includes(event.type);
    return reduce(now, ours ? (event as RoomEvent) : { type: 'server', message: event as ServerMessage, at: 1000 });
  }, state);
}

const inside = after(initial(), welcome('a', person('a'), person('b')));
const kinds = (state: RoomState) => state.notices.map(({ kind }) => kind);

describe('coming in', () => {
  it('goes through the door and the lobby', () => {
    const joining = after(initial(), { type: 'joining' });
    expect(joining.phase.kind).toBe('joining');
    const waiting = after(joining, { type: 'waiting' });
    expect(waiting.phase.kind).toBe('waiting');
    expect(after(waiting, welcome('a', person('a'))).phase.kind).toBe('inside');
  });

  it('keeps nothing of the room but its name when it is over', () => {
    const over = after(inside, { type: 'closing', code: 'ended', message: 'Ended.' });
    expect(over.phase).toEqual({ kind: 'over', code: 'ended', message: 'Ended.' });
    expect(over.participants).toEqual([]);
    expect(over.room?.name).toBe('Tea');
  });
});

describe('a server that stops or finds us slow', () => {
  it.each(['shutdown', 'slow'])('%s leaves the room as it was drawn', (code) => {
    expect(after(inside, { type: 'closing', code, message: 'Soon back.' })).toBe(inside);
  });
});

describe('people', () => {
  it('come, change and go', () => {
    const three = after(inside, { type: 'participant_joined', participant: person('c') });
    expect(three.participants.map(({ id }) => id)).toEqual(['a', 'b', 'c']);
    const muted = after(three, { type: 'participant_changed', participant: person('b', { media: NOTHING_ON }) });
    expect(muted.participants[1]?.media.microphone).toBe(false);
    const two = after(muted, { type: 'participant_left', participant: 'b' });
    expect(two.participants.map(({ id }) => id)).toEqual(['a', 'c']);
    expect(kinds(two)).toEqual(['joined', 'left']);
  });

  it('are never there twice', () => {
    expect(after(inside, { type: 'participant_joined', participant: person('b') }).participants).toHaveLength(2);
  });

  it('take their sections, their voice and their pin with them', () => {
    const state = after(
      inside,
      { type: 'slots', slots: [{ mid: '7', feed: { kind: 'track', participant: 'b', source: 'camera' } }] },
      { type: 'speaking', participants: ['b'] },
      { type: 'pin', tile: { participant: 'b', source: 'camera' } },
      { type: 'participant_left', participant: 'b' },
    );
    expect(state).toMatchObject({ slots: {}, speaking: [], spoke: [], pinned: null });
  });

  it('are hosts when they are made hosts', () => {
    expect(after(inside, { type: 'participant_changed', participant: person('a', { role: 'host' }) }).role).toBe('host');
    expect(after(inside, { type: 'participant_changed', participant: person('b', { role: 'host' }) }).role).toBe('guest');
  });

  it('who spoke last comes first', () => {
    const state = after(inside, { type: 'speaking', participants: ['b'] }, { type: 'speaking', participants: ['a', 'b'] }, { type: 'speaking', participants: [] });
    expect(state.speaking).toEqual([]);
    expect(state.spoke).toEqual(['a', 'b']);
  });
});

describe('sections', () => {
  const b = { kind: 'track', participant: 'b', source: 'camera' } as const;

  it('change only where named', () => {
    const state = after(inside, { type: 'slots', slots: [{ mid: '7', feed: b }, { mid: '8', feed: { kind: 'mix' } }] }, { type: 'slots', slots: [{ mid: '7' }] });
    expect(state.slots).toEqual({ 8: { kind: 'mix' } });
  });

  it('are empty when told null, as Rust writes nothing', () => {
    const filled = after(inside, { type: 'slots', slots: [{ mid: '7', feed: b }] });
    const emptied = JSON.parse('{"type":"slots","slots":[{"mid":"7","feed":null}]}') as ServerMessage;
    expect(after(filled, emptied).slots).toEqual({});
  });

  it('start empty in a new session', () => {
    const filled = after(inside, { type: 'slots', slots: [{ mid: '7', feed: b }] });
    expect(after(filled, { type: 'offered' }).slots).toEqual({});
    expect(after(filled, { type: 'answer', sdp: '' }).slots).toEqual({});
  });
});

describe('what went out', () => {
  it('tells a server that does not keep up from one that does', () => {
    const sent = (dropped: number): ServerMessage => ({ type: 'stream_sent', stream: 'o2', bytes: 10, bitrate: 20, dropped, duration: 1 });
    const slow = [[sent(0)], [sent(0), sent(3)], [sent(0), sent(3), sent(3)]].map((messages) => after(inside, ...messages).sent['o2']?.slow);
    expect(slow).toEqual([false, true, false]);
  });

  it('shows a still picture while the line carries sound alone', () => {
    const still: ServerMessage = { type: 'still', jpeg: 'AAAA' };
    const view = (mode: ParticipantView['view']): ServerMessage => ({ type: 'participant_changed', participant: person(inside.you, { view: mode }) });
    expect(after(inside, view('sound'), still).still).toBe('data:image/jpeg;base64,AAAA');
    expect(after(inside, view('sound'), still, view('mix')).still).toBeNull();
  });
});

describe('recordings and streams', () => {
  const recording = { id: 'o1', state: 'live', started_at: '', duration: 0 } as const;
  const stream = { id: 'o2', url: 'rtmp://x', state: 'connecting', retries: 0, started_at: '' } as const;
  const changed = (change: Partial<RoomView>): ServerMessage => ({ type: 'room_changed', room: { ...ROOM, ...change } });

  it('are told to everybody as they begin and end', () => {
    const state = after(inside, changed({ recordings: [recording] }), changed({ recordings: [{ ...recording, state: 'finishing' }] }));
    expect(kinds(state)).toEqual(['recording_started', 'recording_ended']);
  });

  it('are live only when a server takes them', () => {
    expect(isLive({ ...ROOM, streams: [stream] })).toBe(false);
    const state = after(inside, changed({ streams: [stream] }), changed({ streams: [{ ...stream, state: 'live' }] }));
    expect(kinds(state)).toEqual(['live_started']);
  });

  it('tell hosts, and only once, why one failed', () => {
    const host = after(inside, { type: 'participant_changed', participant: person('a', { role: 'host' }) }, changed({ streams: [stream] }));
    const failed = changed({ streams: [{ ...stream, state: 'failed', error: 'no such server' }] });
    expect(after(host, failed, failed).notices.filter(({ kind }) => kind === 'refused').map(({ text }) => text)).toEqual(['no such server']);
    expect(after(inside, changed({ streams: [stream] }), failed).notices).toEqual([]);
  });
});

describe('what is shown', () => {
  it('is one picture when asked for', () => {
    expect(showsMix(after(inside, { type: 'view', mode: 'mix' }))).toBe(true);
    expect(showsMix(inside)).toBe(false);
  });

  it('is one picture when the server gives a thin line nothing else', () => {
    const told = after(inside, { type: 'participant_changed', participant: person('a', { view: 'mix' }) });
    expect(showsMix(told)).toBe(false);
    expect(showsMix(after(told, { type: 'slots', slots: [{ mid: '7', feed: { kind: 'mix' } }] }))).toBe(true);
  });
});

describe('notices', () => {
  it('are few, and each can be put away', () => {
    let state = inside;
    for (const code of ['1', '2', '3', '4', '5']) state = after(state, { type: 'error', code, message: code });
    expect(state.notices.map(({ code }) => code)).toEqual(['2', '3', '4', '5']);
    const [first] = state.notices;
    expect(reduce(state, { type: 'dismiss', id: first?.id ?? 0 }).notices).toHaveLength(3);
  });

  it('leave the state alone when the server says something new', () => {
    const unknown = { type: 'confetti' } as unknown as ServerMessage;
    expect(after(inside, unknown)).toBe(inside);
  });
});

describe('what is done together', () => {
  const line = (id: number, participant = 'b', text = 'hi', hour = 10) => ({ id, participant, name: participant.toUpperCase(), text, sent_at: `2026-11-22T${hour}:00:00Z` });
  const said = (...lines: ReturnType<typeof line>[]): ServerMessage => ({ type: 'chat', lines });

  it('keeps each line once, in order, and counts what was not read', () => {
    const late = after(inside, said(line(3), line(4, 'a')));
    expect([late.chat.map(({ id }) => id), late.unread, kinds(late)]).toEqual([[3, 4], 1, []]);
    const again = after(late, said(line(3), line(4, 'a'), line(5)));
    expect([again.chat.map(({ id }) => id), again.unread]).toEqual([[3, 4, 5], 2]);
    const news = after(again, said(line(6, 'b', 'look\nhere')));
    expect(news.notices.at(-1)).toMatchObject({ kind: 'chat', text: 'B: look here' });
    const open = reduce(news, { type: 'chat', open: true });
    expect(after(open, said(line(7))).unread).toBe(0);
    expect(kinds(after(open, said(line(7)))).length).toBe(kinds(open).length);
  });

  it('keeps what was written before the server restarted and counted anew', () => {
    const before = after(inside, said(line(0, 'b', 'one'), line(1, 'b', 'two')));
    const restarted = after(before, said(line(0, 'b', 'three', 11)));
    expect(restarted.chat.map(({ text }) => text)).toEqual(['one', 'two', 'three']);
  });

  it('shows reactions of who is here, for a moment', () => {
    const shown = after(inside, { type: 'reacted', participant: 'b', reaction: 'heart' }, { type: 'reacted', participant: 'gone', reaction: 'clap' });
    expect(shown.reactions.map(({ name, reaction }) => [name, reaction])).toEqual([['B', 'heart']]);
    expect(after(shown, { type: 'reaction_over', id: shown.reactions[0]?.id ?? 0 }).reactions).toEqual([]);
  });

  it('orders hands as they went up', () => {
    const up = after(
      inside,
      { type: 'participant_changed', participant: person('b', { hand: 4 }) },
      { type: 'participant_changed', participant: person('a', { hand: 2 }) },
    );
    expect(raisedHands(up).map(({ id }) => id)).toEqual(['a', 'b']);
    expect(kinds(up)).toEqual(['hand']);
  });

  it('tells a guest what the rules are, once', () => {
    const strict = { ...welcome('a', person('a')), room: { ...ROOM, rules: { ...RULES, join_muted: true, guests_share: false } } } as ServerMessage;
    const came = after(initial(), strict);
    expect([kinds(came), mayShare(came), mayShare({ ...came, role: 'host' })]).toEqual([['joined_muted'], false, true]);
    expect(kinds(after(came, strict))).toEqual(['joined_muted']);
  });

  it('says what becomes of the media', () => {
    const recording = { id: 'o', state: 'live' as const, started_at: '', duration: 0 };
    const stream = { id: 's', url: '', state: 'retrying' as const, retries: 0, started_at: '' };
    const shown = (room: Partial<RoomView>) => handling(after(inside, { type: 'room_changed', room: { ...ROOM, ...room } }));
    expect(handling(inside)).toBe('forwarded');
    expect(handling(after(inside, { type: 'participant_changed', participant: person('b', { view: 'mix' }) }))).toBe('mixed');
    expect([shown({ recordings: [recording] }), shown({ streams: [stream] }), shown({ recordings: [recording], streams: [stream] })]).toEqual(['recorded', 'streamed', 'recorded_streamed']);
  });

  it('knows a page older than the server', () => {
    const refused = after(initial(), { type: 'joining' }, { type: 'closing', code: 'invalid_request', message: 'load the page again' });
    expect(refused.phase).toMatchObject({ kind: 'over', code: 'outdated' });
  });
});
