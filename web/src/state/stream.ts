// Where a room can go live: services by name, and the address of a stream as people are given it.

/** What a host chooses between. */
export const PLACES = ['server', 'youtube', 'twitch', 'facebook', 'hls'] as const;
export type Place = (typeof PLACES)[number];

/** Names that are the same in every language. */
export const SERVICES: Readonly<Partial<Record<Place, string>>> = { youtube: 'YouTube', twitch: 'Twitch', facebook: 'Facebook' };

/** The services' own addresses: only the key is asked for. Nothing here contacts them. */
const SERVERS: Readonly<Partial<Record<Place, string>>> = {
  youtube: 'rtmps://a.rtmps.youtube.com:443/live2',
  twitch: 'rtmp://live.twitch.tv/app',
  facebook: 'rtmps://live-api-s.facebook.com:443/rtmp',
};

/** The address to stream to, or nothing when what was given is not enough. */
export function targetUrl(place: Place, address: string, key: string, whole: boolean): string | null {
  if (place === 'hls') return whole ? 'hls:event' : 'hls:';
  const server = SERVERS[place];
  if (server === undefined) return streamUrl(address, key);
  return key.trim() === '' ? null : streamUrl(server, key);
}

/** An address and a key, or both in one line; nothing when it is not one. */
export function streamUrl(address: string, key: string): string | null {
  const base = address.trim();
  if (!/^(rtmps?|srt):\/\/[^\s/]+/i.test(base) || /\s/.test(base)) return null;
  const secret = key.trim();
  if (secret === '') return base;
  if (/^srt:/i.test(base)) return `${base}${base.includes('?') ? '&' : '?'}streamid=${encodeURIComponent(secret)}`;
  return `${base.replace(/\/+$/, '')}/${secret.replace(/^\/+/, '')}`;
}
