// What a person set for themselves, kept on this device. What is kept is checked: an older or newer page wrote it.

import type { Layout } from '../protocol/words';
import type { SelfView } from './room';

export interface Prefs {
  sounds: boolean;
  /** m, c and the like work without a modifier. */
  keys: boolean;
  /** Holding the space bar unmutes. */
  pushToTalk: boolean;
  noise: boolean;
  echo: boolean;
  blur: boolean;
  /** What is said is shown as text, where something gives it. */
  captions: boolean;
  layout: Layout;
  self: SelfView;
}

export const USUAL_PREFS: Prefs = { sounds: true, keys: true, pushToTalk: true, noise: true, echo: true, blur: false, captions: true, layout: 'auto', self: 'tile' };

const CHOICES = { layout: ['auto', 'grid', 'speaker', 'stage'], self: ['tile', 'small', 'hidden'] } as const;

/** What was kept, as far as it makes sense. */
export function readPrefs(text: string | null): Prefs {
  let kept: unknown;
  try {
    kept = JSON.parse(text ?? '{}');
  } catch {
    kept = {};
  }
  const given = (typeof kept === 'object' && kept !== null ? kept : {}) as Record<string, unknown>;
  const prefs: Record<string, unknown> = { ...USUAL_PREFS };
  for (const key of Object.keys(USUAL_PREFS) as (keyof Prefs)[]) {
    const value = given[key];
    const fits = key === 'layout' || key === 'self' ? (CHOICES[key] as readonly unknown[]).includes(value) : typeof value === 'boolean';
    if (fits) prefs[key] = value;
  }
  return prefs as unknown as Prefs;
}
