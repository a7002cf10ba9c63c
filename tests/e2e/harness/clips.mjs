// Pictures and sounds that can be told apart afterwards: a colour and a tone for each person.

import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './processes.mjs';

/** What the participants of the tests look and sound like. The tones are not multiples of each other; the
 * colours are far from those the mix paints people in who have no camera. */
export const looks = {
  red: { colour: [220, 20, 30], tone: 440 },
  green: { colour: [20, 190, 60], tone: 730 },
  blue: { colour: [20, 30, 230], tone: 1130 },
  yellow: { colour: [200, 190, 30], tone: 1790 },
  violet: { colour: [170, 20, 200], tone: 2510 },
};

const sentence = 'The quick brown fox jumps over the lazy dog while seven wizards quietly mix a strange and very bitter potion';

let folder;
const made = new Map();

async function clipFolder() {
  if (!folder) {
    folder = await mkdtemp(join(tmpdir(), 'veranda-clips-'));
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  }
  return folder;
}

/**
 * Files for Chromium's fake camera and microphone: a solid colour with a bar that moves (so that frames differ) and a
 * white flash a second, and the tone, full for the first 60 ms of each second and softer after that.
 * With `speech` a voice reads instead: an encoder treats a tone as music, and music otherwise. With `busy` it is grainy, and
 * as much to encode as a face.
 * @param {keyof typeof looks} look
 */
export async function clip(look, { width = 640, height = 360, fps = 30, speech = false, busy = false } = {}) {
  const key = `${look}-${width}x${height}-${fps}${speech ? '-speech' : ''}${busy ? '-busy' : ''}`;
  if (!made.has(key)) made.set(key, make(look, key, { width, height, fps, speech, busy }));
  return made.get(key);
}

async function make(look, key, { width, height, fps, speech, busy }) {
  const { colour, tone } = looks[look];
  const base = join(await clipFolder(), key);
  const hex = colour.map((part) => part.toString(16).padStart(2, '0')).join('');
  // The bar keeps to the bottom eighth, the flash to the top eighth: the middle of a tile is the pure colour.
  const bar = `color=white:size=${Math.round(width / 16)}x${Math.round(height / 16)}:rate=${fps}`;
  const flash = `color=white:size=${width}x${Math.round(height / 8)}:rate=${fps}`;
  await run('ffmpeg', ['-v', 'error', '-y',
    '-f', 'lavfi', '-i', `color=0x${hex}:size=${width}x${height}:rate=${fps}`,
    '-f', 'lavfi', '-i', bar, '-f', 'lavfi', '-i', flash,
    '-filter_complex',
    `[0][1]overlay=x='mod(n*${Math.round(width / 60)}\\,W)':y=H-h[m];[m][2]overlay=x=0:y=0:enable='lt(mod(t\\,1)\\,0.06)'${busy ? '[f];[f]noise=alls=25:allf=t' : ''}`,
    '-t', '2', '-pix_fmt', 'yuv420p', `${base}.y4m`]);
  const sound = speech ? `flite=voice=slt:text='${sentence}'` : `aevalsrc='(0.15+0.35*lt(mod(t\\,1)\\,0.06))*sin(2*PI*${tone}*t)':s=48000:d=10`;
  await run('ffmpeg', ['-v', 'error', '-y', '-f', 'lavfi', '-i', sound, '-ar', '48000', '-ac', '1', `${base}.wav`]);
  return { look, colour, tone, video: `${base}.y4m`, audio: `${base}.wav` };
}
