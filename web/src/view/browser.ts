// Which words explain how to let a page use the camera.

export type Browser = 'chromium' | 'firefox' | 'safari' | 'ios' | 'android' | 'other';

/** From what the browser says of itself: only the wording hangs on it. */
export function howToAllow(agent: string): Browser {
  if (/iPhone|iPad|iPod/.test(agent)) return 'ios';
  if (/Firefox\//.test(agent)) return 'firefox';
  if (/Android/.test(agent)) return 'android';
  if (/Chrom(e|ium)\/|Edg\//.test(agent)) return 'chromium';
  return /Safari\//.test(agent) ? 'safari' : 'other';
}
