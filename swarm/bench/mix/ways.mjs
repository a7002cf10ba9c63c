// Three ways to one recorded picture of a room: Veranda's own, ffmpeg from the same pictures in files, and a Chrome that looks at
// the room and is filmed. Each gives CPU ms per second of media, memory, and what its file holds.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { busy, cpu, family, memory, split } from './usage.mjs';

const run = promisify(execFile);
const CLIP = join(tmpdir(), 'veranda-swarm-clip-1');
const WIDTH = 1280;
const HEIGHT = 720;
/** x264 as pipelines/encoders/h264.toml has it; threads are ffmpeg's own choice. */
const X264 = ['-c:v', 'libx264', '-preset', 'superfast', '-tune', 'zerolatency', '-g', '60', '-profile:v', 'baseline', '-b:v', '2M',
  '-maxrate', '2M', '-bufsize', '2M', '-pix_fmt', 'yuv420p'];
const AAC = ['-c:a', 'aac', '-b:a', '128k', '-ar', '48000', '-ac', '2'];

/** Frames a second that differ from the one before: a film of a screen repeats what was not drawn in time. */
async function moved(file, seconds) {
  const { stderr } = await run('ffmpeg', ['-hide_banner', '-nostats', '-i', file, '-vf', 'mpdecimate=hi=1:lo=1:frac=0', '-an', '-f', 'null', '-'], { maxBuffer: 1 << 24 });
  return Number([...stderr.matchAll(/frame=\s*(\d+)/g)].at(-1)[1]) / seconds;
}

/** Seconds of picture in a file, its frames, those that differ, and the longest time between two. */
export async function look(file) {
  const { stdout } = await run('ffprobe', ['-v', 'error', '-select_streams', 'v', '-show_entries', 'packet=pts_time', '-of', 'csv=p=0', file],
    { maxBuffer: 1 << 24 });
  const times = stdout.split('\n').map(Number.parseFloat).filter(Number.isFinite).sort((a, b) => a - b);
  const gaps = times.slice(1).map((time, at) => time - times[at]);
  const seconds = times.at(-1) - times[0] + 1 / 30;
  return { fps: times.length / seconds, moved: await moved(file, seconds), longest: Math.max(...gaps) * 1000 };
}

/** CPU and memory of processes over a while. */
async function over(seconds, pids) {
  const [before, all, since] = [cpu(pids()), busy(), performance.now()];
  await sleep(seconds * 1000);
  const [used, took] = [cpu(pids()) - before, (performance.now() - since) / 1000];
  return { cpu: used / took, others: (busy() - all - used) / took, memory: memory(pids()) };
}

/** A room of the server with `people` of the swarm in it, who send and look at nothing. */
export class Room {
  static async open(server, programs, people, { simulcast, layout }) {
    const room = new Room();
    room.server = server;
    const made = await room.ask('POST', '/rooms', { name: 'Bench' });
    Object.assign(room, { id: made.id, token: made.host_token, invitation: made.invitation, url: made.url });
    if (layout) await room.ask('PATCH', `/rooms/${room.id}`, { layout });
    const args = [`--room=${room.invitation}`, '--people', people, '--seconds', 3600, '--audio-slots', 0, '--video-slots', 0, '--joins-per-second', 10];
    room.swarm = spawn(join(programs, 'veranda-swarm'), [...args.map(String), ...(simulcast ? ['--simulcast'] : []), server.url], { stdio: ['ignore', 'ignore', 'inherit'] });
    for (let tries = 0; (await room.ask('GET', `/rooms/${room.id}`)).participants < people; tries += 1) {
      if (tries > 300) throw new Error('the swarm does not come');
      await sleep(200);
    }
    await sleep(3000);
    return room;
  }

  async ask(method, path, body) {
    const headers = { ...(this.token && { authorization: `Bearer ${this.token}` }), ...(body && { 'content-type': 'application/json' }) };
    const answer = await fetch(`${this.server.url}/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer.status === 204 ? undefined : answer.json();
  }

  async close() {
    this.swarm.kill('SIGKILL');
    await once(this.swarm, 'exit');
  }

  /** Waits for a state of a recording. */
  async until(recording, state) {
    for (;;) {
      const now = await this.ask('GET', `/recordings/${recording.id}`);
      if (now.state === state) return now;
      if (now.state === 'failed') throw new Error(`the recording failed: ${now.error}`);
      await sleep(100);
    }
  }

  async start() {
    const recording = await this.ask('POST', `/rooms/${this.id}/recordings`, {});
    await this.until(recording, 'live');
    return recording;
  }

  async stop(recording) {
    await this.ask('POST', `/recordings/${recording.id}/stop`);
    const complete = await this.until(recording, 'complete');
    return look(join(this.server.folder, 'recordings', recording.id, complete.files[0]));
  }
}

/** Veranda: the whole server, with receiving. */
export async function veranda(room, seconds) {
  const recording = await room.start();
  await sleep(3000);
  const used = await over(seconds, () => [room.server.pid]);
  const parts = await split(room.server.pid, Math.min(seconds, 8), join(room.server.folder, 'perf.data'));
  return { ...used, parts, file: await room.stop(recording) };
}

/** The same tiles by ffmpeg, from the clip that the swarm sends: at the pace of a recording, or as fast as it can. */
export async function ffmpeg(drawn, voices, seconds, paced) {
  const columns = Math.ceil(Math.sqrt(drawn));
  const tile = { width: Math.floor(WIDTH / columns / 2) * 2 - (drawn > 1 ? 4 : 0), height: Math.floor((HEIGHT / columns) / 2) * 2 - (drawn > 1 ? 4 : 0) };
  const picture = join(CLIP, tile.height <= 180 ? 'q.ivf' : tile.height <= 360 ? 'h.ivf' : 'f.ivf');
  const inputs = [...Array(drawn).fill(picture), ...Array(voices).fill(join(CLIP, 'voice.ogg'))].flatMap((file) => [...(paced ? ['-re'] : []), '-stream_loop', '-1', '-i', file]);
  const scaled = Array.from({ length: drawn }, (_, at) => `[${at}:v]scale=${tile.width}:${tile.height}:flags=bilinear[t${at}]`);
  const place = (at) => `${(at % columns) * Math.floor(WIDTH / columns) + 2}_${Math.floor(at / columns) * Math.floor(HEIGHT / columns) + 2}`;
  const all = Array.from({ length: drawn }, (_, at) => `[t${at}]`).join('');
  const stacked = drawn > 1
    ? `${all}xstack=inputs=${drawn}:layout=${Array.from({ length: drawn }, (_, at) => place(at)).join('|')}:fill=0x15171d,pad=${WIDTH}:${HEIGHT}:0:0[v]`
    : '[t0]null[v]';
  const heard = `${Array.from({ length: voices }, (_, at) => `[${drawn + at}:a]`).join('')}amix=inputs=${voices}[a]`;
  const args = ['-v', 'error', '-y', '-benchmark', ...inputs, '-filter_complex', [...scaled, stacked, heard].join(';'), '-map', '[v]', '-map', '[a]',
    ...X264, ...AAC, '-t', String(seconds), '-f', 'mp4', '/dev/null'];
  // -benchmark speaks at level info only.
  args.splice(0, 2, '-hide_banner', '-nostats', '-loglevel', 'info');
  const { stderr } = await run('ffmpeg', args, { maxBuffer: 1 << 24 });
  const [, user, system] = /bench: utime=([\d.]+)s stime=([\d.]+)s/.exec(stderr);
  const [, kib] = /bench: maxrss=(\d+)/.exec(stderr);
  return { cpu: ((Number(user) + Number(system)) * 1000) / seconds, memory: Number(kib) };
}

/** A Chrome joined to the room on a screen of its own, filmed by ffmpeg: how recorders beside a server work. */
export async function chrome(room, seconds) {
  const { chromium } = await import('../../../tests/e2e/node_modules/playwright-core/index.mjs');
  const display = ':77';
  const xvfb = spawn('Xvfb', [display, '-screen', '0', `${WIDTH}x${HEIGHT}x24`, '-nolisten', 'tcp'], { stdio: 'ignore' });
  await sleep(1000);
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', headless: false, env: { ...process.env, DISPLAY: display },
    args: ['--no-sandbox', '--disable-gpu', '--kiosk', `--window-size=${WIDTH},${HEIGHT}`, '--window-position=0,0', '--disable-features=WebRtcHideLocalIpsWithMdns'],
  });
  let film;
  try {
    const context = await browser.newContext({ viewport: null });
    const page = await context.newPage();
    await page.goto(room.url);
    await page.getByLabel('Your name', { exact: true }).fill('Recorder');
    await page.getByRole('button', { name: 'Join', exact: true }).click();
    await page.getByRole('button', { name: 'Leave', exact: true }).waitFor();
    await sleep(5000);
    const file = join(room.server.folder, 'chrome.mp4');
    film = spawn('ffmpeg', ['-v', 'error', '-y', '-f', 'x11grab', '-framerate', '30', '-video_size', `${WIDTH}x${HEIGHT}`, '-i', display,
      '-f', 'lavfi', '-i', 'anullsrc=r=48000:cl=stereo', ...X264, ...AAC, file], { stdio: ['pipe', 'ignore', 'inherit'] });
    await sleep(3000);
    const drawn = await page.locator('video').evaluateAll((all) => all.filter((one) => one.videoWidth > 0 && one.getBoundingClientRect().width > 0).length);
    const processes = family(process.pid).filter((pid) => pid !== process.pid && pid !== room.server.pid && pid !== room.swarm.pid);
    const used = await over(seconds, () => processes);
    film.stdin.write('q');
    await once(film, 'exit');
    film = undefined;
    return { ...used, drawn, file: await look(file) };
  } finally {
    film?.kill('SIGKILL');
    await browser.close();
    xvfb.kill('SIGTERM');
  }
}
