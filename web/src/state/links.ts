// Text of strangers cut into words and links. Only web addresses become links, and they show where they lead.

export interface Part {
  text: string;
  /** Set for a link: an address of http or https, normalised. */
  href?: string;
}

const ADDRESS = /\bhttps?:\/\/[^\s<>"'`\u{200b}-\u{200f}\u{202a}-\u{202e}\u{2066}-\u{2069}]+/giu;
/** What ends a sentence, not an address. */
const AFTER = /[.,;:!?…]+$/u;

/** The parts of a text; put together again they are the text. */
export function parts(text: string): Part[] {
  const found: Part[] = [];
  let at = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const address = trimmed(match[0]);
    const href = safe(address);
    if (href === null) continue;
    if (match.index > at) found.push({ text: text.slice(at, match.index) });
    found.push({ text: address, href });
    at = match.index + address.length;
  }
  if (at < text.length) found.push({ text: text.slice(at) });
  return found;
}

/** Without the full stop or the bracket of the sentence around it. */
function trimmed(address: string): string {
  let rest = address.replace(AFTER, '');
  while (rest.endsWith(')') && rest.split('(').length < rest.split(')').length) rest = rest.slice(0, -1).replace(AFTER, '');
  return rest;
}

/** Neither another scheme nor a name and password before the host, which make an address look like another. */
function safe(address: string): string | null {
  try {
    const url = new URL(address);
    const fine = (url.protocol === 'https:' || url.protocol === 'http:') && url.username === '' && url.password === '';
    return fine ? url.href : null;
  } catch {
    return null;
  }
}
