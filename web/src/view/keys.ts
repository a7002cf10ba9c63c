// Keys that work wherever nobody is writing.

/** The key belongs to a field, a dialog or the browser. */
export function isTyping(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return true;
  return event.target instanceof Element && event.target.closest('input, select, textarea, dialog, [role="log"]') !== null;
}

/** The space bar presses what has the focus. */
export function isPressing(event: KeyboardEvent): boolean {
  return event.target instanceof Element && event.target.closest('button, a, summary, video, [role]') !== null;
}

/** What the letters do in a room, for the sheet of shortcuts. */
export const SHORTCUTS = [
  ['m', 'microphone'],
  ['c', 'camera'],
  ['␣', 'talk'],
  ['h', 'hand'],
  ['t', 'chat'],
  ['p', 'people'],
  ['s', 'share'],
  ['u', 'captions'],
  ['f', 'full'],
  ['⇞ ⇟', 'pages'],
  ['Esc', 'close'],
  ['?', 'help'],
] as const;
