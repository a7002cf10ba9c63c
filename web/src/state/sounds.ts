// Which gentle sound goes with which change. Pure; session/sounds.ts plays them.

import type { RoomState } from './room';

export type Cue = 'join' | 'leave' | 'message' | 'hand' | 'knock' | 'asked';

/** In a large room people come and go all the time. */
const QUIET_FROM = 12;

/** The sound of a change, at most one. */
export function cue(before: RoomState, after: RoomState): Cue | null {
  if (before.phase.kind !== 'inside' || after.phase.kind !== 'inside') return null;
  const fresh = after.notices.filter(({ id }) => id >= before.nextNotice).map(({ kind }) => kind);
  if (fresh.includes('unmute_asked')) return 'asked';
  if (after.waiting.length > before.waiting.length) return 'knock';
  if (fresh.includes('hand') && after.role === 'host') return 'hand';
  if (after.unread > before.unread) return 'message';
  if (after.participants.length >= QUIET_FROM) return null;
  if (fresh.includes('joined')) return 'join';
  return fresh.includes('left') ? 'leave' : null;
}
