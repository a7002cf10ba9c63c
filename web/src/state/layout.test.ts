import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { grid, stage, type Area, type Rect } from './layout';

const LAPTOP: Area = { width: 1260, height: 684, gap: 10 };
const PHONE: Area = { width: 378, height: 680, gap: 6 };

function overlap(a: Rect, b: Rect): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

/** Inside the area (one pixel for rounding), and none on another. */
function sound(rects: Rect[], area: Area): void {
  const outside = rects.filter(({ x, y, width, height }) => x < 0 || y < 0 || x + width > area.width + 1 || y + height > area.height + 1);
  const touching = rects.filter((rect, index) => rects.slice(index + 1).some((other) => overlap(rect, other)));
  expect({ outside, touching }).toEqual({ outside: [], touching: [] });
}

function rows(rects: Rect[]): number[] {
  const counts = new Map<number, number>();
  for (const { y } of rects) counts.set(y, (counts.get(y) ?? 0) + 1);
  return [...counts.values()];
}

describe('grid', () => {
  it.each(Array.from({ length: 50 }, (_, index) => index + 1))('%i tiles fit without touching', (count) => {
    for (const area of [LAPTOP, PHONE, { width: 320, height: 200, gap: 6 }, { width: 2560, height: 600, gap: 10 }]) {
      const rects = grid(count, area);
      expect(rects).toHaveLength(count);
      sound(rects, area);
    }
  });

  it.each([
    [1, [1]],
    [2, [2]],
    [3, [2, 1]],
    [4, [2, 2]],
    [6, [3, 3]],
    [9, [3, 3, 3]],
    [12, [4, 4, 4]],
  ])('%i people on a laptop', (count, expected) => {
    expect(rows(grid(count, LAPTOP))).toEqual(expected);
  });

  it('stacks on a phone held upright', () => {
    expect(rows(grid(2, PHONE))).toEqual([1, 1]);
    expect(rows(grid(6, PHONE))).toEqual([2, 2, 2]);
  });

  it('centres a short last row', () => {
    const [first, second, third] = grid(3, LAPTOP);
    const middle = ((first?.x ?? 0) + (second?.x ?? 0)) / 2;
    expect(Math.abs((third?.x ?? 0) - middle)).toBeLessThanOrEqual(1);
  });

  it('draws nothing where there is no room', () => {
    expect(grid(3, { width: 0, height: 500, gap: 8 })).toEqual([]);
    expect(grid(0, LAPTOP)).toEqual([]);
  });
});

/** What the server's own picture does with the same rules: tests/layouts.rs writes it down. */
const SHARED = JSON.parse(readFileSync(new URL('../../../tests/golden/layout.json', import.meta.url), 'utf8')) as {
  grids: { width: number; height: number; gap: number; tiles: number[][] }[];
  stages: { width: number; height: number; gap: number; large: number[]; others: number[][] }[];
};

describe('the rules shared with the recorded picture', () => {
  it.each(SHARED.grids)('a grid of $tiles.length on $width x $height', ({ width, height, gap, tiles }) => {
    const own = grid(tiles.length, { width: width - 2 * gap, height: height - 2 * gap, gap });
    const far = own.filter((rect, index) => {
      const [x = 0, y = 0, w = 0, h = 0] = tiles[index] ?? [];
      // The picture has even numbers only, and what each tile of a row loses adds up.
      const sizes = Math.max(Math.abs(rect.width - w), Math.abs(rect.height - h));
      const places = Math.max(Math.abs(rect.x + gap - x), Math.abs(rect.y + gap - y));
      return sizes > 2 || places > 9;
    });
    expect(far).toEqual([]);
    expect(rows(own)).toEqual(rows(tiles.map(([x = 0, y = 0, w = 0, h = 0]) => ({ x, y, width: w, height: h }))));
  });

  it.each(SHARED.stages)('a screen beside $others.length on $width x $height', ({ width, height, gap, large, others }) => {
    const own = stage(1, others.length, { width, height, gap });
    const [screen] = own.large;
    const [, , w = 0, h = 0] = large;
    expect(Math.abs((screen?.width ?? 0) - w)).toBeLessThanOrEqual(gap + 1);
    expect(Math.abs((screen?.height ?? 0) - h)).toBeLessThanOrEqual(gap + 1);
    expect(own.others.length).toBe(others.length);
  });
});

describe('stage', () => {
  it('gives a screen most of the window', () => {
    const { large, others } = stage(1, 5, LAPTOP);
    const [screen] = large;
    expect((screen?.width ?? 0) * (screen?.height ?? 0)).toBeGreaterThan(LAPTOP.width * LAPTOP.height * 0.6);
    sound([...large, ...others], LAPTOP);
  });

  const DESKTOP = { width: 1420, height: 780, gap: 10 };

  it('gives the large picture what the strip has no use for', () => {
    const [roomy, snug] = [stage(1, 6, DESKTOP), stage(1, 6, DESKTOP, true)];
    expect(snug.others.map(({ width, height }) => [width, height])).toEqual(roomy.others.map(({ width, height }) => [width, height]));
    expect(snug.large[0]?.width).toBeGreaterThan((roomy.large[0]?.width ?? 0) + 50);
    expect(Math.max(...snug.others.map(({ x, width }) => x + width))).toBeGreaterThanOrEqual(DESKTOP.width - 1);
    sound([...snug.large, ...snug.others], DESKTOP);
  });

  it('puts the others below on a phone', () => {
    const { large, others } = stage(1, 3, PHONE);
    expect(others.every(({ y }) => y >= (large[0]?.y ?? 0) + (large[0]?.height ?? 0))).toBe(true);
    sound([...large, ...others], PHONE);
  });

  it('is the grid when nothing is large, and all of it when nobody else is there', () => {
    expect(stage(0, 4, LAPTOP).others).toEqual(grid(4, LAPTOP));
    expect(stage(1, 0, LAPTOP).large).toEqual([{ x: 0, y: 0, width: LAPTOP.width, height: LAPTOP.height }]);
  });

  it('shows two screens as large as they can be', () => {
    expect(rows(stage(2, 0, { width: 1600, height: 500, gap: 10 }).large)).toEqual([2]);
    expect(rows(stage(2, 0, { width: 700, height: 900, gap: 10 }).large)).toEqual([1, 1]);
  });
});
