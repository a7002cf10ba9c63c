// What is inside a media file: colours, words, tones, gaps, sync. Everything through ffmpeg, ffprobe and tesseract, so
// that nothing here shares code with what wrote the file.

import { readFile } from 'node:fs/promises';
import { run } from './processes.mjs';
import { isColour } from './participant.mjs';

const rate = 16_000;

/** Streams, format and start times. */
export async function describe(path) {
  const told = JSON.parse(await run('ffprobe', ['-v', 'error', '-show_format', '-show_streams', '-of', 'json', path]));
  const stream = (kind) => told.streams.find((one) => one.codec_type === kind);
  const [video, audio] = [stream('video'), stream('audio')];
  return {
    seconds: Number(told.format.duration),
    codecs: told.streams.map((one) => one.codec_name).sort(),
    width: video?.width,
    height: video?.height,
    startSkew: Number(audio?.start_time) - Number(video?.start_time),
    endSkew: Number(audio?.start_time) + Number(audio?.duration) - Number(video?.start_time) - Number(video?.duration),
  };
}

/** The names of the outer boxes of an MP4 in order: fast start is `moov` before `mdat`. */
export function boxes(bytes) {
  const names = [];
  for (let at = 0; at + 8 <= bytes.length;) {
    let size = bytes.readUInt32BE(at);
    if (size === 1) size = Number(bytes.readBigUInt64BE(at + 8));
    names.push(bytes.toString('latin1', at + 4, at + 8));
    if (size < 8) break;
    at += size;
  }
  return names;
}

export async function isFastStart(path) {
  const names = boxes(await readFile(path));
  return names.includes('moov') && names.indexOf('moov') < names.indexOf('mdat') && !names.includes('moof');
}

/** How many frames there are and the longest time between two, by their timestamps in seconds. */
export async function cadence(path, kind = 'v') {
  const text = String(await run('ffprobe', ['-v', 'error', '-select_streams', `${kind}:0`, '-show_entries', 'packet=pts_time',
    '-of', 'csv=p=0', path]));
  const times = text.split(/[\s,]+/).filter(Boolean).map(Number).filter(Number.isFinite).sort((a, b) => a - b);
  let [longestGap, gapAt] = [0, 0];
  for (let at = 1; at < times.length; at++) {
    if (times[at] - times[at - 1] > longestGap) [longestGap, gapAt] = [times[at] - times[at - 1], times[at - 1]];
  }
  return { frames: times.length, longestGap, gapAt, first: times[0], last: times.at(-1) };
}

/** Small pictures of the file, `fps` a second from `from` on: each a function of a place in 0..1 to a colour. */
export async function pictures(path, { fps = 2, from = 0, seconds, width = 64, height = 36 } = {}) {
  const raw = await run('ffmpeg', ['-v', 'error', ...(from ? ['-ss', String(from)] : []), '-i', path,
    ...(seconds ? ['-t', String(seconds)] : []),
    '-vf', `fps=${fps},scale=${width}:${height}:flags=area`, '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-']);
  const size = width * height * 3;
  return Array.from({ length: Math.floor(raw.length / size) }, (_, index) =>
    new Picture(raw.subarray(index * size, (index + 1) * size), width, from + index / fps));
}

export class Picture {
  constructor(pixels, width, at) {
    Object.assign(this, { pixels, width, at });
  }

  /** The part (0..1) of the picture that has the colour of `look`. */
  share({ colour }) {
    let found = 0;
    for (let at = 0; at < this.pixels.length; at += 3) {
      if (isColour([...this.pixels.subarray(at, at + 3)], colour)) found++;
    }
    return (3 * found) / this.pixels.length;
  }
}

/** The share of each look over time, to print and to compare: [{at, red: 0.31, …}]. */
export async function shares(path, looks, options) {
  return (await pictures(path, options)).map((picture) => ({ at: picture.at,
    ...Object.fromEntries(Object.entries(looks).map(([name, look]) => [name, Number(picture.share(look).toFixed(3))])) }));
}

/** The words that can be read in the frame at `second`. */
export async function words(path, second) {
  const png = await run('ffmpeg', ['-v', 'error', '-ss', String(second), '-i', path, '-frames:v', '1',
    '-vf', 'scale=iw*2:ih*2:flags=lanczos,format=gray', '-c:v', 'png', '-f', 'image2pipe', '-']);
  return String(await run('tesseract', ['-', '-', '--psm', '11'], { input: png }));
}

/** The sound as numbers in -1..1, mono, at `rate` a second. */
export async function sound(path, { from = 0, seconds } = {}) {
  const raw = await run('ffmpeg', ['-v', 'error', ...(from ? ['-ss', String(from)] : []), '-i', path,
    ...(seconds ? ['-t', String(seconds)] : []), '-vn', '-ac', '1', '-ar', String(rate), '-f', 'f32le', '-']);
  return new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length - (raw.length % 4)));
}

/** The amplitude of one tone (Goertzel) in each `window` seconds of samples. */
export function toneOverTime(samples, hertz, window = 0.5) {
  const length = Math.round(window * rate);
  const turn = 2 * Math.cos((2 * Math.PI * hertz) / rate);
  const found = [];
  for (let start = 0; start + length <= samples.length; start += length) {
    let [one, two] = [0, 0];
    for (let at = start; at < start + length; at++) [one, two] = [samples[at] + turn * one - two, one];
    found.push((2 * Math.sqrt(Math.max(0, one * one + two * two - turn * one * two))) / length);
  }
  return found;
}

/** Whether a tone is heard through most of the file: its median amplitude is `least` or more. */
export function heard(samples, hertz, least = 0.01) {
  const sorted = toneOverTime(samples, hertz).sort((a, b) => a - b);
  return { median: sorted[Math.floor(sorted.length / 2)] ?? 0, heard: (sorted[Math.floor(sorted.length / 2)] ?? 0) >= least };
}

/**
 * When a participant's flash is seen and when their beep is heard, in seconds of the file: see `synced` in witness.js.
 * Flashes are frames in which much of the picture is white.
 */
export async function flashesAndBeeps(path, hertz) {
  const fps = 30;
  const white = (await pictures(path, { fps, width: 32, height: 18 })).map((picture) => picture.share({ colour: [245, 245, 245] }));
  const window = 0.01;
  const loudness = toneOverTime(await sound(path), hertz, window);
  const rises = (values, step, least) => values.flatMap((value, at) =>
    (at > 2 && value >= least && values[at - 1] < least && values[at - 2] < least ? [at * step] : []));
  const loud = Math.max(...loudness) / 2;
  const { startSkew } = await describe(path);
  return { flashes: rises(white, 1 / fps, 0.3), beeps: rises(loudness, window, loud).map((at) => at + startSkew) };
}
