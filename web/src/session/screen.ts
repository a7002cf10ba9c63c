// How many pictures this screen is asked to show.

import type { SlotLimits } from '../protocol/server';

/** Pictures at a time that a phone shows well and decodes easily; elsewhere it is the server's word. */
const PHONE_SLOTS = 4;

/** As many as the server lets and this screen shows. */
export function offered(slots: SlotLimits): SlotLimits {
  return { audio: slots.audio, video: isPhone() ? Math.min(PHONE_SLOTS, slots.video) : slots.video };
}

function isPhone(): boolean {
  return window.matchMedia('(max-width: 600px), (max-height: 480px)').matches && window.matchMedia('(pointer: coarse)').matches;
}
