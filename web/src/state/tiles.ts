// Who gets a tile, in which order, how large, and what the server is told about it. Pure.

import type { ViewTile } from '../protocol/client';
import type { ParticipantView } from '../protocol/server';
import type { Reaction } from '../protocol/words';
import { stage, type Area, type Rect } from './layout';
import { raisedHands } from './facts';
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
  /** Their line carries less than they chose. */
  weak: boolean;
  /** Which in the order of raised hands, from 1; 0 when it is down. */
  hand: number;
  /** Their last reaction, while it is shown. */
  reaction: Reaction | null;
  /** False while the person's connection is away. */
  connected: boolean;
  /** Over the others, in the corner. */
  floating: boolean;
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

/**
 * Everything drawn for an area, `most` people at a time. Order is that of arrival, so nobody moves without need.
 * `snug`: of `stage`.
 */
export function arrange(state: RoomState, area: Area, most: number, snug = false): Arranged {
  const people = state.participants.filter(({ kind }) => kind !== 'whep');
  // Alone, one's own picture is all there is.
  const self = people.length > 1 && state.pinned?.participant !== state.you ? state.self : 'tile';
  const drawn = self === 'tile' ? people : people.filter(({ id }) => id !== state.you);
  const front = inFront(state, drawn);
  const rest = others(state, drawn, front);
  const parts = paged(rest, Math.max(1, front.length > 0 ? Math.min(most, 8) : most), state);
  const page = Math.min(state.page, parts.length - 1);
  const shown = front.length > 0 && state.layout === 'stage' ? [] : (parts[page] ?? []);
  const rects = stage(front.length, shown.length, area, snug);
  const byId = new Map(people.map((participant) => [participant.id, participant]));
  const tile = (id: TileId, rect: Rect | undefined, large: boolean, floating = false): Tile[] => {
    const participant = byId.get(id.participant);
    return participant === undefined || rect === undefined ? [] : [tileOf(state, participant, id, { rect, large, floating })];
  };
  return {
    tiles: [
      ...front.flatMap((id, index) => tile(id, rects.large[index], true)),
      ...shown.flatMap((id, index) => tile(id, rects.others[index], false)),
      ...(self === 'small' ? tile({ participant: state.you, source: 'camera' }, corner(area, rects.large.at(-1)), false, true) : []),
    ],
    page,
    pages: state.layout === 'stage' && front.length > 0 ? 1 : parts.length,
  };
}

/** What is drawn large: what is pinned alone; else screens, and where that was chosen who speaks. */
function inFront(state: RoomState, people: ParticipantView[]): TileId[] {
  const pinned = state.pinned;
  const pin = people.find(({ id }) => id === pinned?.participant);
  if (pinned !== null && pin !== undefined && (pinned.source === 'camera' || pin.media.screen)) return [pinned];
  if (state.layout === 'grid') return [];
  const screens = people.filter(({ media }) => media.screen).map(({ id }): TileId => ({ participant: id, source: 'screen' }));
  if (screens.length > 0 || state.layout === 'auto') return screens;
  const strangers = people.filter(({ id }) => id !== state.you);
  const spoke = state.spoke.find((id) => strangers.some((person) => person.id === id));
  const speaker = spoke ?? strangers.find(({ media }) => media.camera)?.id ?? strangers[0]?.id;
  return speaker === undefined ? [] : [{ participant: speaker, source: 'camera' }];
}

/** What is drawn beside that: faces, and in a grid the screens as well. */
function others(state: RoomState, people: ParticipantView[], front: TileId[]): TileId[] {
  const faces = people.map(({ id }): TileId => ({ participant: id, source: 'camera' }));
  const screens = people.filter(({ media }) => media.screen).map(({ id }): TileId => ({ participant: id, source: 'screen' }));
  const all = front.length === 0 && state.layout === 'grid' ? [...screens, ...faces] : faces;
  return all.filter((tile) => !front.some((large) => same(large, tile)));
}

/** Of one's own small picture: the lower right, of what is large where there is such a thing. */
function corner({ width, height, gap }: Area, large: Rect = { x: 0, y: 0, width, height }): Rect {
  const wide = Math.round(Math.min(220, Math.max(108, width * 0.17)));
  const high = Math.round((wide * 9) / 16);
  return { x: large.x + large.width - wide - gap, y: large.y + large.height - high - gap, width: wide, height: high };
}

/**
 * When not everybody fits: first yourself, those who spoke last and those with a picture, then the rest; each page in
 * the order of arrival.
 */
function paged(tiles: TileId[], most: number, state: RoomState): TileId[][] {
  if (tiles.length <= most) return [tiles];
  const cameras = new Set(state.participants.filter(({ media }) => media.camera).map(({ id }) => id));
  const rank = ({ participant, source }: TileId): number => {
    if (source === 'screen') return -2;
    if (participant === state.you) return -1;
    const spoke = state.spoke.indexOf(participant);
    return spoke >= 0 ? spoke : cameras.has(participant) ? 100 : 200;
  };
  const order = new Map(tiles.map((tile, index) => [tile, index]));
  const byArrival = (a: TileId, b: TileId) => (order.get(a) ?? 0) - (order.get(b) ?? 0);
  const first = [...tiles].sort((a, b) => rank(a) - rank(b) || byArrival(a, b)).slice(0, most);
  const rest = tiles.filter((tile) => !first.includes(tile));
  const parts = [first.sort(byArrival)];
  for (let at = 0; at < rest.length; at += most) parts.push(rest.slice(at, at + most));
  return parts;
}

function tileOf(state: RoomState, participant: ParticipantView, id: TileId, place: Pick<Tile, 'rect' | 'large' | 'floating'>): Tile {
  const camera = id.source === 'camera';
  return {
    ...id,
    ...place,
    key: `${id.participant} ${id.source}`,
    name: participant.name,
    own: participant.id === state.you,
    picture: camera ? participant.media.camera : participant.media.screen,
    muted: !participant.media.microphone,
    speaking: state.speaking.includes(participant.id),
    pinned: state.pinned !== null && same(state.pinned, id),
    weak: participant.weak,
    hand: camera && participant.hand !== undefined ? raisedHands(state).findIndex((person) => person.id === participant.id) + 1 : 0,
    reaction: (camera && state.reactions.findLast((shown) => shown.participant === participant.id)?.reaction) || null,
    connected: participant.connected,
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
