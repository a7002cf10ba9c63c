// Where tiles go: plain functions from a size and a count to rectangles, in CSS pixels.

export interface Rect {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Area {
  width: number;
  height: number;
  gap: number;
}

/** Cameras are this wide for their height; a tile may be narrower (its picture is cut at the sides) or a little wider. */
const CAMERA_ASPECT = 16 / 9;
const NARROWEST = 4 / 5;
const WIDEST = 2;
/** On something this narrow, faces that fill it are nicer than whole pictures with room beside them. */
const PHONE = 500;

/** The best rows and columns for `count` equal tiles, centred, the last row too. */
export function grid(count: number, area: Area): Rect[] {
  if (count <= 0 || area.width <= 0 || area.height <= 0) return [];
  let best = tileFor(1, count, area);
  let bestScore = -1;
  let columns = 1;
  for (let candidate = 1; candidate <= count; candidate++) {
    const tile = tileFor(candidate, count, area);
    const score = worth(tile, area.width < PHONE ? 1 / 4 : 1 / 2);
    if (score > bestScore) [best, bestScore, columns] = [tile, score, candidate];
  }
  return place(count, columns, best, area);
}

function tileFor(columns: number, count: number, { width, height, gap }: Area): { width: number; height: number } {
  const rows = Math.ceil(count / columns);
  const cellWidth = Math.max(0, (width - gap * (columns - 1)) / columns);
  const cellHeight = Math.max(0, (height - gap * (rows - 1)) / rows);
  const aspect = Math.min(WIDEST, Math.max(NARROWEST, cellHeight > 0 ? cellWidth / cellHeight : WIDEST));
  const fitted = Math.min(cellWidth, cellHeight * aspect);
  return { width: Math.floor(fitted), height: Math.floor(fitted / aspect) };
}

/** The tile's area, less for what is cut off a camera's picture to fill it: the more, the higher `care`. */
function worth({ width, height }: { width: number; height: number }, care: number): number {
  if (width <= 0 || height <= 0) return 0;
  const aspect = width / height;
  const kept = Math.min(aspect / CAMERA_ASPECT, CAMERA_ASPECT / aspect);
  return width * height * kept ** care;
}

function place(count: number, columns: number, tile: { width: number; height: number }, area: Area): Rect[] {
  const rows = Math.ceil(count / columns);
  const top = (area.height - rows * tile.height - (rows - 1) * area.gap) / 2;
  return Array.from({ length: count }, (_, index) => {
    const row = Math.floor(index / columns);
    const inRow = row === rows - 1 ? count - row * columns : columns;
    const left = (area.width - inRow * tile.width - (inRow - 1) * area.gap) / 2;
    return {
      x: Math.round(left + (index % columns) * (tile.width + area.gap)),
      y: Math.round(top + row * (tile.height + area.gap)),
      ...tile,
    };
  });
}

/**
 * Large ones (shared screens, a pinned person) beside or above a strip of the others. `snug`: what the others leave of
 * their strip is the large ones'; without it this is what the recorded picture does.
 */
export function stage(large: number, others: number, area: Area, snug = false): { large: Rect[]; others: Rect[] } {
  if (large === 0) return { large: [], others: grid(others, area) };
  if (others === 0) return { large: split(large, area), others: [] };
  const wide = area.width >= area.height * 1.1;
  const strip = wide
    ? clamp(area.width * (others > 4 ? 0.26 : 0.2), 140, 340)
    : clamp(area.height * (others > 3 ? 0.3 : 0.22), 110, 320);
  const [along, across] = wide ? (['width', 'x'] as const) : (['height', 'y'] as const);
  const tiles = grid(others, { ...area, [along]: strip });
  const free = snug ? Math.min(...tiles.map((rect) => rect[across])) : 0;
  const main = { ...area, [along]: area[along] - (strip - 2 * free) - area.gap };
  const shift = { x: 0, y: 0, [across]: main[along] + area.gap - free };
  return { large: split(large, main), others: tiles.map((rect) => moved(rect, shift)) };
}

/** Screens want every pixel: side by side or stacked, whichever leaves 16:9 larger, with no tile smaller for neatness. */
function split(count: number, area: Area): Rect[] {
  const fit = (columns: number) => {
    const rows = Math.ceil(count / columns);
    const width = (area.width - area.gap * (columns - 1)) / columns;
    const height = (area.height - area.gap * (rows - 1)) / rows;
    return { columns, width: Math.floor(width), height: Math.floor(height), shown: Math.min(width, height * CAMERA_ASPECT) };
  };
  let best = fit(1);
  for (let columns = 2; columns <= count; columns++) {
    const candidate = fit(columns);
    if (candidate.shown > best.shown) best = candidate;
  }
  return place(count, best.columns, { width: best.width, height: best.height }, area);
}

function moved(rect: Rect, by: { x: number; y: number }): Rect {
  return { ...rect, x: Math.round(rect.x + by.x), y: Math.round(rect.y + by.y) };
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
