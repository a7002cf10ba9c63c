// Who gets a tile, in which order, how large, and what the server is told about it. Pure.

import type { ViewTile } from '../protocol/client';
import type { ParticipantView } from '../protocol/server';
import { stage, type Area, type Rect } from './layout';
import type { RoomState, TileId } from './room';

export interface Tile extends TileId {
  key: string;
  name: string;
  own: boolean;
  /** A picture is being sent. */
  picture: boolean;
  muted: boolean;
  speaking: boolean;
  pinned: boolean;
  /** False while the person's connection is away. */
  connected: boolean;
  rect: Rect;
  /** Drawn large: a screen, or pinned. */
  large: boolean;
}

export interface Arranged {
  tiles: Tile[];
  /** The page drawn, from 0; the one asked for may have gone when people left. */
  page: number;
  pages: number;
}

/** Everything drawn for an area, `most` people at a time. Order is that of arrival, so nobody moves without need. */
export function arrange(state: RoomState, area: Area, most: number): Arranged {
  const people = state.participants.filter(({ kind }) => kind !== 'whep');
  const screens = people.filter(({ media }) => media.screen);
  const large: TileId[] = screens.map(({ id }) => ({ participant: id, source: 'screen' }));
  const pinned = state.pinned;
  const pin = pinned !== null && people.some(({ id }) => id === pinned.participant) ? pinned : null;
  if (pin !== null && !large.some((tile) => same(tile, pin)) && pin.source === 'camera') large.push(pin);
  // A pinned thing is alone in the large place.
  const front = pin === null ? large : large.filter((tile) => same(tile, pin));
  const candidates = people.filter(({ id }) => !front.some((tile) => tile.source === 'camera' && tile.participant === id));
  const parts = paged(candidates, Math.max(1, front.length > 0 ? Math.min(most, 8) : most), state);
  const page = Math.min(state.page, parts.length - 1);
  const shown = parts[page] ?? [];
  const rects = stage(front.length, shown.length, area);
  const byId = new Map(people.map((participant) => [participant.id, participant]));
  const tile = (id: TileId, rect: Rect | undefined, isLarge: boolean): Tile[] => {
    const participant = byId.get(id.participant);
    return participant === undefined || rect === undefined ? [] : [tileOf(state, participant, id, rect, isLarge)];
  };
  return {
    tiles: [
      ...front.flatMap((id, index) => tile(id, rects.large[index], true)),
      ...shown.flatMap(({ id }, index) => tile({ participant: id, source: 'camera' }, rects.others[index], false)),
    ],
    page,
    pages: parts.length,
  };
}

/**
 * When not everybody fits: first yourself, those who spoke last and those with a picture, then the rest; each page in
 * the order of arrival.
 */
function paged(people: ParticipantView[], most: number, state: RoomState): ParticipantView[][] {
  if (people.length <= most) return [people];
  const rank = (participant: ParticipantView): number => {
    if (participant.id === state.you) return -1;
    const spoke = state.spoke.indexOf(participant.id);
    return spoke >= 0 ? spoke : participant.media.camera ? 100 : 200;
  };
  const order = new Map(people.map((participant, index) => [participant.id, index]));
  const arrival = (participant: ParticipantView) => order.get(participant.id) ?? 0;
  const byArrival = (a: ParticipantView, b: ParticipantView) => arrival(a) - arrival(b);
  const first = [...people].sort((a, b) => rank(a) - rank(b) || byArrival(a, b)).slice(0, most);
  const rest = people.filter((participant) => !first.includes(participant));
  const parts = [first.sort(byArrival)];
  for (let at = 0; at < rest.length; at += most) parts.push(rest.slice(at, at + most));
  return parts;
}

function tileOf(state: RoomState, participant: ParticipantView, id: TileId, rect: Rect, large: boolean): Tile {
  const own = participant.id === state.you;
  return {
    ...id,
    key: `${id.participant} ${id.source}`,
    name: participant.name,
    own,
    picture: id.source === 'screen' ? participant.media.screen : participant.media.camera,
    muted: !participant.media.microphone,
    speaking: state.speaking.includes(participant.id),
    pinned: state.pinned !== null && same(state.pinned, id),
    connected: participant.connected,
    rect,
    large,
  };
}

/** What `view` tells the server: pictures of others that are drawn, large ones first. */
export function viewTiles(tiles: Tile[], pixelRatio: number): ViewTile[] {
  return tiles
    .filter(({ own, picture }) => !own && picture)
    .map(({ participant, source, rect, pinned }) => ({
      participant,
      source,
      height: Math.min(65535, Math.max(1, Math.round(rect.height * pixelRatio))),
      pinned,
    }));
}

/** The receiving section that shows a picture now. */
export function slotOf(slots: RoomState['slots'], tile: TileId): string | undefined {
  return Object.keys(slots).find((mid) => {
    const feed = slots[mid];
    return feed?.kind === 'track' && feed.participant === tile.participant && feed.source === tile.source;
  });
}

export function same(a: TileId, b: TileId): boolean {
  return a.participant === b.participant && a.source === b.source;
}

/** Up to two letters for a person without a picture. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word));
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : [words[0] ?? name];
  return letters.map((word) => [...(word ?? '')].find((letter) => /[\p{L}\p{N}]/u.test(letter)) ?? '').join('').toLocaleUpperCase();
}

/** One of eight colours that stays with a person. */
export function colourOf(id: string): number {
  let sum = 0;
  for (const letter of id) sum = (sum * 31 + letter.charCodeAt(0)) >>> 0;
  return sum % 8;
}
