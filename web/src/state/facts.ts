// What is asked of a room's state: plain questions, answered from it alone.

import type { ParticipantView, RoomView } from '../protocol/server';
import type { ViewMode } from '../protocol/words';
import type { RoomState } from './room';

/** Whose hand is up, the earliest first. */
export function raisedHands(state: RoomState): ParticipantView[] {
  return state.participants.filter(({ hand }) => hand !== undefined).sort((a, b) => (a.hand ?? 0) - (b.hand ?? 0));
}

/** Whether this person may share a screen here. */
export function mayShare(state: RoomState): boolean {
  return state.role === 'host' || state.room?.rules.guests_share !== false;
}

/** What becomes of media in this room at present, beyond being handed on from one to another. */
export type Handling = 'forwarded' | 'mixed' | 'recorded' | 'streamed' | 'recorded_streamed';

export function handling(state: RoomState): Handling {
  const recorded = state.room !== null && isRecording(state.room);
  const streamed = state.room !== null && runningStreams(state.room).length > 0;
  if (recorded) return streamed ? 'recorded_streamed' : 'recorded';
  if (streamed) return 'streamed';
  return state.participants.some(({ view, kind }) => view === 'mix' || kind === 'whep') ? 'mixed' : 'forwarded';
}

/** A recording is being written: everybody must see it. */
export function isRecording(room: RoomView): boolean {
  return room.recordings.some(({ state }) => state === 'starting' || state === 'live' || state === 'paused');
}

/** The recording that "Stop recording" stops. */
export function runningRecording(room: RoomView): RoomView['recordings'][number] | undefined {
  const first = (how: string) => room.recordings.find(({ state }) => state === how);
  return first('live') ?? first('paused') ?? first('starting');
}

export function runningStreams(room: RoomView): RoomView['streams'] {
  return room.streams.filter(({ state }) => state === 'connecting' || state === 'live' || state === 'retrying');
}

/** The HLS stream that runs: where players find it. */
export function playlist(room: RoomView): string | null {
  return runningStreams(room).find((stream) => stream.playlist != null)?.playlist ?? null;
}

export function isLive(room: RoomView): boolean {
  return runningStreams(room).some(({ state }) => state === 'live');
}

/** What the server sends me at present. */
export function sentView(state: RoomState): ViewMode {
  return state.participants.find(({ id }) => id === state.you)?.view ?? 'tiles';
}

/** Whether somebody else is sent sound alone: their line carries no more, or they chose it, mostly for that reason. */
export function hasThinListener(state: RoomState): boolean {
  return state.participants.some(({ id, view, connected }) => id !== state.you && connected && view === 'sound');
}

/** Whether the one picture is shown: asked for, or given by the server to a thin line. */
export function showsMix(state: RoomState): boolean {
  if (state.view === 'mix') return true;
  return sentView(state) === 'mix' && Object.values(state.slots).some(({ kind }) => kind === 'mix');
}
