// Records one person who flashes and beeps about each second while others come and go, their camera goes off and on and packets are
// lost, for minutes, and says minute by minute how far sound and picture are apart.
//
//   script/bench skew [--minutes 10] [--people 3] [--lose 1]
//
// How exact that is: each flash and beep has a beginning and an end, so there are two measurements a second. Sound is looked at
// every millisecond. A picture is shown until the next one: the edge lies somewhere between the last frame without and the first
// with it. `shown` takes the first with it, as somebody who watches the file sees it; `between` takes the middle of the two, which on
// average is when it happened as far as the recorder's frames can tell. The camera's own frames, 33 ms apart, make single
// measurements that uneven. Flashes come at another place between two frames each time, so that the median of a minute's hundred is
// good to some 4 ms on a machine that keeps up. What the browser itself delays is in it.

import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Chromium } from '../../tests/e2e/harness/chromium.mjs';
import { looks } from '../../tests/e2e/harness/clips.mjs';
import { Network } from '../../tests/e2e/harness/network.mjs';
import { Program, run } from '../../tests/e2e/harness/processes.mjs';
import * as probe from '../../tests/e2e/harness/probe.mjs';
import { Server } from '../../tests/e2e/harness/server.mjs';
import { media, until } from '../../tests/e2e/harness/wait.mjs';

const { values } = parseArgs({ options: {
  minutes: { type: 'string', default: '10' }, people: { type: 'string', default: '3' }, lose: { type: 'string', default: '1' },
  programs: { type: 'string', default: 'target/release' }, keep: { type: 'string' },
} });
const swarm = process.env.E2E_SWARM ?? join(resolve(values.programs), 'veranda-swarm');
const seconds = Number(values.minutes) * 60;
const { tone } = looks.yellow;
/** Seconds from one flash to the next: not a multiple of a frame's time, or each would fall on the same place between two frames. */
const every = 1.0131;
/** Nothing here is given up because the machine is busy: what is measured is in the file. */
const patient = { within: 300_000 };
const [wide, high] = [64, 36];
const rate = 16_000;

/** The frames of a file, small and grey, with their own times in seconds. */
async function frames(file) {
  const [told, raw] = [await run('ffprobe', ['-v', 'error', '-select_streams', 'v:0', '-show_entries', 'packet=pts_time', '-of', 'csv=p=0', file], patient),
    await run('ffmpeg', ['-v', 'error', '-i', file, '-map', 'v', '-fps_mode', 'passthrough', '-vf', `scale=${wide}:${high}:flags=area`,
      '-f', 'rawvideo', '-pix_fmt', 'gray', '-'], { within: Math.max(300_000, seconds * 3000) })];
  const times = String(told).split(/[\s,]+/).filter(Boolean).map(Number);
  if (times.length * wide * high !== raw.length) throw new Error(`${times.length} frames, ${raw.length / wide / high} pictures`);
  return times.map((at, index) => ({ at, grey: raw.subarray(index * wide * high, (index + 1) * wide * high) }));
}

/** When much of the picture turned from black to white (`up`) or back: the last frame before it, and the first after it. */
function flashes(all) {
  const [least, dark, bright] = [0.03 * wide * high, 80, 170];
  const found = { up: [], down: [] };
  for (let index = 1; index < all.length; index++) {
    let [up, down] = [0, 0];
    const [before, after] = [all[index - 1].grey, all[index].grey];
    for (let at = 0; at < after.length; at++) {
      up += before[at] < dark && after[at] > bright;
      down += before[at] > bright && after[at] < dark;
    }
    const edge = { last: all[index - 1].at, first: all[index].at };
    if (up > least) found.up.push(edge);
    if (down > least) found.down.push(edge);
  }
  return found;
}

/** When the tone began and ended, to a millisecond: where half of a window of 8 ms has it. */
async function beeps(file) {
  const raw = await run('ffmpeg', ['-v', 'error', '-i', file, '-map', 'a', '-af', `aresample=${rate}:async=1:first_pts=0`, '-ac', '1', '-f', 'f32le', '-'], patient);
  const samples = new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length - (raw.length % 4)));
  const [window, step] = [rate * 0.008, rate * 0.001];
  const turn = (2 * Math.PI * tone) / rate;
  const [cosine, sine] = [Math.cos, Math.sin].map((of) => Float32Array.from({ length: window }, (_, at) => of(turn * at)));
  const levels = new Float32Array(Math.floor((samples.length - window) / step));
  for (let index = 0; index < levels.length; index++) {
    let [real, imaginary] = [0, 0];
    for (let at = 0, from = index * step; at < window; at++) {
      real += samples[from + at] * cosine[at];
      imaginary += samples[from + at] * sine[at];
    }
    levels[index] = Math.hypot(real, imaginary);
  }
  // Of the loudest hundredth: a beep is a tenth of each second.
  const half = Float32Array.from(levels).sort()[Math.floor(levels.length * 0.97)] / 2;
  const found = { up: [], down: [] };
  for (let at = 30; at < levels.length - 30; at++) {
    // And it stays so for some time: voices come and go within that.
    const loud = (from, to) => levels.subarray(from, to).every((level) => level >= half);
    const quiet = (from, to) => levels.subarray(from, to).every((level) => level < half);
    if (levels[at] >= half && levels[at - 1] < half && loud(at, at + 25) && quiet(at - 25, at)) found.up.push((at + 4) / 1000);
    if (levels[at] < half && levels[at - 1] >= half && quiet(at, at + 25) && loud(at - 25, at)) found.down.push((at + 4) / 1000);
  }
  return found;
}

/** What belongs together: each edge of a beep with the nearest one of a flash, within 0.3 s; [seconds of the file, s, s]. */
function pairs(seen, heard) {
  return ['up', 'down'].flatMap((way) => heard[way].flatMap((beep) => {
    const nearest = seen[way].reduce((one, other) => (Math.abs(other.first - beep) < Math.abs((one?.first ?? Infinity) - beep) ? other : one), undefined);
    if (!nearest || Math.abs(nearest.first - beep) > 0.3) return [];
    return [{ at: beep, shown: beep - nearest.first, between: beep - (nearest.first + nearest.last) / 2 }];
  }));
}

const part = (numbers, of) => [...numbers].sort((a, b) => a - b)[Math.min(numbers.length - 1, Math.floor(numbers.length * of))];
const ms = (seconds) => (1000 * seconds).toFixed(0);

/** Ann in the room, recorded, with whatever happens to her. */
async function record(server, network) {
  const far = network?.browser(server.url);
  const ann = await Chromium.start('Ann', { ...far, witness: { synced: { tone, every } },
    args: [...(far?.args ?? []), '--autoplay-policy=no-user-gesture-required'] });
  try {
    const room = await server.room({ name: 'In step' });
    await ann.join(room.url);
    await until('her picture comes', async () => (await room.participants())[0]?.camera, patient);
    await media(3);
    network?.lose({ up: Number(values.lose) });
    const { id } = await room.call('POST', `/rooms/${room.id}/recordings`, {});
    await until('it is live', async () => (await room.recording(id)).state === 'live', patient);
    const end = performance.now() + seconds * 1000;
    const left = () => Math.max(0, (end - performance.now()) / 1000);
    const happened = { visits: 0, switches: 0 };
    while (left() > 0) {
      // They join, talk and leave: tiles change their size, and with it their layers.
      const people = String(1 + (happened.visits % Number(values.people)));
      const some = new Program(swarm, [`--room=${room.invitation}`, '--people', people, '--simulcast', '--seconds', '12', server.url]);
      happened.visits += 1;
      await Promise.race([some.exited, media(left())]);
      if (some.alive) await some.stop('SIGTERM');
      if (happened.visits % 2 === 0 && left() > 8) {
        await ann.press('Turn camera off');
        await media(2);
        await ann.press('Turn camera on');
        happened.switches += 1;
      }
      await media(Math.min(4, left()));
    }
    await room.call('POST', `/recordings/${id}/stop`);
    const done = await until('it is complete', async () => {
      const recording = await room.recording(id);
      return recording.state === 'complete' && recording;
    }, patient);
    const file = join(values.keep ?? server.data, 'skew.mp4');
    await writeFile(file, (await room.download(id)).bytes);
    return { file, done, happened };
  } finally {
    await ann.close();
  }
}

const missing = Network.missing();
const network = missing ? undefined : await Network.start();
const server = await Server.start(network ? { listen: network.address, mediaAddress: network.address } : {});
try {
  const { file, done, happened } = await record(server, network);
  const all = await frames(file);
  const measured = pairs(flashes(all), await beeps(file));
  console.log(`${(done.duration / 60).toFixed(1)} minutes, ${happened.visits} visits, camera off and on ${happened.switches} times, ` +
    (network ? `${values.lose} % of her packets lost (${network.lost.up})` : `no packets lost: ${missing}`));
  console.log('\n| minute | measured | sound after picture, ms: shown, median | between, median | 5 % to 95 % |\n| --- | --- | --- | --- | --- |');
  const medians = [];
  for (let minute = 0; minute * 60 < done.duration; minute++) {
    const own = measured.filter(({ at }) => Math.floor(at / 60) === minute);
    if (own.length < 20) continue;
    const between = own.map((one) => one.between);
    medians.push(part(between, 0.5));
    console.log(`| ${minute + 1} | ${own.length} | ${ms(part(own.map((one) => one.shown), 0.5))} | ${ms(part(between, 0.5))} | ` +
      `${ms(part(between, 0.05))} to ${ms(part(between, 0.95))} |`);
  }
  const { longestGap } = await probe.cadence(file);
  console.log(`\nmedians of the minutes ${ms(Math.min(...medians))} to ${ms(Math.max(...medians))} ms; ${all.length} frames for ` +
    `${done.duration.toFixed(1)} s, longest gap ${ms(longestGap)} ms`);
} finally {
  await server.close();
  await network?.close();
}
