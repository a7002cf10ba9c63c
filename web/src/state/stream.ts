// The address of a stream as people are given it: an address and a key, or both in one line.

/** The address to stream to, or nothing when it is not one. */
export function streamUrl(address: string, key: string): string | null {
  const base = address.trim();
  if (!/^rtmps?:\/\/[^\s/]+/i.test(base) || /\s/.test(base)) return null;
  const secret = key.trim();
  if (secret === '') return base;
  return `${base.replace(/\/+$/, '')}/${secret.replace(/^\/+/, '')}`;
}
