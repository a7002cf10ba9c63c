// What people say, as lines of text. The page recognises no speech: something beside it does, and gives its words here. Pure.

/** What is given: somebody's words so far, or, with `final`, as they stay. */
export interface CaptionWords {
  /** Whose: an id of the room's. */
  participant: string;
  text: string;
  final: boolean;
}

export interface Caption extends CaptionWords {
  /** Its own, also while it grows. */
  id: number;
  name: string;
  /** When it was last changed, in milliseconds of the page's clock. */
  at: number;
}

/** As many lines as are read at a glance. */
const MOST = 3;
const LONGEST = 300;
export const FADES_MS = 8000;

/** The lines with what was just said: a speaker's unfinished line is replaced, nobody else's. */
export function captioned(lines: Caption[], words: CaptionWords, people: { id: string; name: string }[], at: number): Caption[] {
  const name = people.find(({ id }) => id === words.participant)?.name;
  const text = words.text.trim().slice(-LONGEST);
  if (name === undefined) return lines;
  const growing = lines.find((line) => !line.final && line.participant === words.participant);
  const others = lines.filter((line) => line !== growing);
  const id = growing?.id ?? 1 + Math.max(0, ...lines.map((line) => line.id));
  return text === '' ? others : [...others, { ...words, id, text, name, at }].slice(-MOST);
}

/** Those that are still to be read. */
export function kept(lines: Caption[], now: number): Caption[] {
  return lines.filter(({ at }) => now - at < FADES_MS);
}

/** What was given from outside the page, if it is words. */
export function wordsOf(given: unknown): CaptionWords | null {
  if (typeof given !== 'object' || given === null) return null;
  const { participant, text, final } = given as Record<string, unknown>;
  if (typeof participant !== 'string' || typeof text !== 'string') return null;
  return { participant, text, final: final === true };
}
