// Where to jump to in a recording: its beginning, who came and went, whose screen was shown. Pure.

/** Seconds of a recording. */
export interface Stretch {
  from: number;
  to: number;
}

/** Who was there and what they did: docs/protocol.md, `timeline`. */
export interface Timeline {
  duration: number;
  participants: { name: string; present: Stretch[]; spoke: Stretch[]; screen: Stretch[] }[];
}

export interface Chapter {
  at: number;
  kind: 'start' | 'came' | 'left' | 'screen';
  name: string;
}

/** What happens at the very edge is the recording's own beginning or end. */
const EDGE = 1;
/** A long recording of a restless room has more than anybody reads. */
const MOST = 200;

/** In the order of time. */
export function chapters({ duration, participants }: Timeline): Chapter[] {
  const found: Chapter[] = [{ at: 0, kind: 'start', name: '' }];
  for (const { name, present, screen } of participants) {
    for (const { from, to } of present) {
      if (from > EDGE) found.push({ at: from, kind: 'came', name });
      if (to < duration - EDGE) found.push({ at: to, kind: 'left', name });
    }
    for (const { from } of screen) found.push({ at: from, kind: 'screen', name });
  }
  return found.sort((a, b) => a.at - b.at).slice(0, MOST);
}

/** The one that is playing at `at`. */
export function playing(all: Chapter[], at: number): number {
  return all.findLastIndex((chapter) => chapter.at <= at + 0.1);
}
