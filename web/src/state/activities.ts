// What a room is for decides what it begins with. A host changes any of it later.

import type { Activity, Layout, Rules } from '../protocol/words';

export interface Start {
  lobby: boolean;
  /** Of the recorded and streamed picture. */
  layout: Layout;
  rules: Rules;
}

export const ACTIVITIES: Activity[] = ['catch_up', 'family', 'work', 'class', 'party', 'show'];

const OPEN: Rules = { guests_share: true, join_muted: false, recording: true, names_shown: false };

export const STARTS: Record<Activity, Start> = {
  catch_up: { lobby: false, layout: 'auto', rules: OPEN },
  family: { lobby: false, layout: 'grid', rules: { ...OPEN, names_shown: true } },
  work: { lobby: false, layout: 'auto', rules: OPEN },
  class: { lobby: true, layout: 'stage', rules: { ...OPEN, guests_share: false, join_muted: true } },
  party: { lobby: false, layout: 'grid', rules: { ...OPEN, recording: false } },
  show: { lobby: false, layout: 'stage', rules: { ...OPEN, guests_share: false, join_muted: true } },
};

/** How many names are suggested for each. */
export const SUGGESTIONS = [1, 2, 3] as const;
