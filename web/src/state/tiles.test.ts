import { describe, expect, it } from 'vitest';
import type { ParticipantView } from '../protocol/server';
import { initial, NOTHING_ON, type RoomState } from './room';
import { arrange, colourOf, initials, slotOf, viewTiles } from './tiles';

const AREA = { width: 1260, height: 684, gap: 10 };

function person(id: string, change: Partial<ParticipantView> = {}): ParticipantView {
  const media = { ...NOTHING_ON, microphone: true, camera: true };
  return { id, name: id, role: 'guest', kind: 'browser', joined_at: '', media, muted_by_host: false, view: 'tiles', weak: false, connected: true, ...change };
}

function room(people: ParticipantView[], change: Partial<RoomState> = {}): RoomState {
  return { ...initial(), you: 'me', participants: people, ...change };
}

const many = (count: number) => Array.from({ length: count }, (_, index) => person(`p${index}`));
const sharing = person('s', { media: { ...NOTHING_ON, camera: true, screen: true } });

describe('arrange', () => {
  it('draws everybody in order of arrival, yourself among them', () => {
    const { tiles, pages } = arrange(room([person('b'), person('me'), person('a')]), AREA, 12);
    expect(tiles.map(({ participant, own }) => [participant, own])).toEqual([['b', false], ['me', true], ['a', false]]);
    expect(pages).toBe(1);
  });

  it('gives a viewer who cannot be seen or heard no tile', () => {
    expect(arrange(room([person('me'), person('w', { kind: 'whep' })]), AREA, 12).tiles).toHaveLength(1);
  });

  it('draws a shared screen large, beside its owner’s face', () => {
    const { tiles } = arrange(room([person('me'), sharing]), AREA, 12);
    expect(tiles.map(({ key, large }) => [key, large])).toEqual([['s screen', true], ['me camera', false], ['s camera', false]]);
  });

  it('draws only the pinned one large', () => {
    const { tiles } = arrange(room([person('me'), sharing, person('x')], { pinned: { participant: 'x', source: 'camera' } }), AREA, 12);
    expect(tiles.filter(({ large }) => large).map(({ key }) => key)).toEqual(['x camera']);
    expect(tiles.filter(({ participant }) => participant === 'x')).toHaveLength(1);
  });

  it('draws you, who spoke, and who is seen first, when not everybody fits', () => {
    const people = [...many(20), person('quiet', { media: NOTHING_ON }), person('me')];
    const { tiles, page, pages } = arrange(room(people, { spoke: ['quiet', 'p19'] }), AREA, 6);
    expect(tiles.map(({ participant }) => participant)).toEqual(['p0', 'p1', 'p2', 'p19', 'quiet', 'me']);
    expect([page, pages]).toEqual([0, 4]);
  });

  it('draws each of fifty on one page or another', () => {
    const people = [person('me'), ...many(49)];
    const drawn = [0, 1, 2, 3].flatMap((page) => arrange(room(people, { page }), AREA, 13).tiles.map(({ participant }) => participant));
    expect(new Set(drawn).size).toBe(50);
    expect(drawn).toHaveLength(50);
    expect(arrange(room(people, { page: 9 }), AREA, 13)).toMatchObject({ page: 3, pages: 4 });
    expect(arrange(room(people.slice(0, 9), { page: 3 }), AREA, 13)).toMatchObject({ page: 0, pages: 1 });
  });

  it('keeps a screen on every page', () => {
    const { tiles, pages } = arrange(room([person('me'), sharing, ...many(20)], { page: 2 }), AREA, 12);
    expect(tiles[0]?.key).toBe('s screen');
    expect([tiles.length, pages]).toEqual([7, 3]);
  });
});

describe('what the server is told', () => {
  it('is the pictures of others, in device pixels, the large one first', () => {
    const { tiles } = arrange(room([person('me'), person('dark', { media: NOTHING_ON }), sharing]), AREA, 12);
    const told = viewTiles(tiles, 2);
    expect(told.map(({ participant, source }) => [participant, source])).toEqual([['s', 'screen'], ['s', 'camera']]);
    expect(told[0]?.height).toBe(684 * 2);
  });

  it('finds the section that shows a tile', () => {
    const slots = { 7: { kind: 'track', participant: 'b', source: 'screen' }, 8: { kind: 'track', participant: 'b', source: 'camera' } } as const;
    expect(slotOf(slots, { participant: 'b', source: 'camera' })).toBe('8');
    expect(slotOf(slots, { participant: 'c', source: 'camera' })).toBeUndefined();
  });
});

describe('a person without a picture', () => {
  it.each([
    ['Anna Lindqvist', 'AL'],
    ['  Bruno ', 'B'],
    ['Élodie de la Fabre', 'ÉF'],
    ['王小明', '王'],
    ['🙂 Sam', 'S'],
    ['…', ''],
  ])('%s', (name, expected) => {
    expect(initials(name)).toBe(expected);
  });

  it('keeps a colour', () => {
    expect(colourOf('p12')).toBe(colourOf('p12'));
    expect(colourOf('p12')).toBeLessThan(8);
  });
});

describe('a layout of one’s own', () => {
  const people = [person('me'), person('a'), person('b'), sharing];
  const drawn = (change: Partial<RoomState>) => arrange(room(people, change), AREA, 12).tiles;

  it('grid has screens among the others, the same size', () => {
    const tiles = drawn({ layout: 'grid' });
    expect(tiles.map(({ key }) => key)).toEqual(['s screen', 'me camera', 'a camera', 'b camera', 's camera']);
    expect(new Set(tiles.map(({ rect }) => rect.width)).size).toBe(1);
  });

  it('speaker has who speaks large, never oneself, and a screen before both', () => {
    const without = people.slice(0, 3);
    const large = (change: Partial<RoomState>) => arrange(room(without, { layout: 'speaker', ...change }), AREA, 12).tiles.filter((tile) => tile.large).map(({ key }) => key);
    expect(large({ spoke: ['me', 'b', 'a'] })).toEqual(['b camera']);
    expect(large({})).toEqual(['a camera']);
    expect(drawn({ layout: 'speaker', spoke: ['b'] }).filter((tile) => tile.large).map(({ key }) => key)).toEqual(['s screen']);
  });

  it('stage has nothing else', () => {
    expect(drawn({ layout: 'stage' }).map(({ key }) => key)).toEqual(['s screen']);
    expect(arrange(room([person('me')], { layout: 'stage' }), AREA, 12).tiles.map(({ key }) => key)).toEqual(['me camera']);
  });

  it('one’s own picture is small, hidden, or all there is', () => {
    const small = drawn({ self: 'small' }).find(({ own }) => own);
    expect(small).toMatchObject({ floating: true, large: false });
    expect((small?.rect.x ?? 0) + (small?.rect.width ?? 0)).toBeLessThanOrEqual(AREA.width);
    expect(drawn({ self: 'hidden' }).some(({ own }) => own)).toBe(false);
    expect(drawn({ self: 'hidden', pinned: { participant: 'me', source: 'camera' } }).some(({ own }) => own)).toBe(true);
    expect(arrange(room([person('me')], { self: 'hidden' }), AREA, 12).tiles).toHaveLength(1);
  });

  it('numbers raised hands and shows the last reaction', () => {
    const hands = [person('me'), person('a', { hand: 9 }), person('b', { hand: 3 })];
    const reactions = [{ id: 1, participant: 'a', name: 'a', reaction: 'clap' as const }, { id: 2, participant: 'a', name: 'a', reaction: 'heart' as const }];
    const tiles = arrange(room(hands, { reactions }), AREA, 12).tiles;
    expect(tiles.map(({ hand, reaction }) => [hand, reaction])).toEqual([[0, null], [2, 'heart'], [1, null]]);
  });
});
