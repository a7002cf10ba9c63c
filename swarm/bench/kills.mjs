// Kills a recording server again and again at random moments, and says what each kill cost.
//
//   script/bench kills [--times 20] [--people 3] [--seed 1]

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Program } from '../../tests/e2e/harness/processes.mjs';
import * as probe from '../../tests/e2e/harness/probe.mjs';
import { Server } from '../../tests/e2e/harness/server.mjs';
import { media, until } from '../../tests/e2e/harness/wait.mjs';

const { values } = parseArgs({ options: {
  times: { type: 'string', default: '20' }, people: { type: 'string', default: '3' }, seed: { type: 'string', default: '1' },
  programs: { type: 'string', default: 'target/release' },
} });
const swarm = process.env.E2E_SWARM ?? join(resolve(values.programs), 'veranda-swarm');

/** The same moments for the same seed (mulberry32). */
function random(seed) {
  let state = Number(seed);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

async function killed(data, after) {
  const server = await Server.start({ data });
  const room = await server.room({ name: 'Killed' });
  const people = new Program(swarm, [`--room=${room.invitation}`, '--people', values.people, '--seconds', '60', server.url]);
  await until('they are in', async () => (await room.participants()).length === Number(values.people), { within: 60_000 });
  const asked = Date.now();
  const { id } = await room.call('POST', `/rooms/${room.id}/recordings`, { tracks: true });
  const live = await until('it is live', async () => {
    const recording = await room.recording(id);
    return recording.state === 'live' && recording;
  }, { every: 20, within: 60_000 });
  await media(after);
  // A machine that is too busy makes the mix late: what was not composed so far is not lost by the kill.
  const { duration: told } = await room.recording(id);
  const end = Date.now();
  await server.kill();
  await people.stop('SIGKILL');

  const again = await Server.start({ data });
  const found = await until('it is settled', async () => {
    const recording = await again.call('GET', `/recordings/${id}`, { token: room.host_token });
    return ['complete', 'failed'].includes(recording.state) && recording;
  });
  await again.terminate();
  const folder = join(data, 'recordings', id);
  const recorded = (end - Date.parse(live.first_frame_at)) / 1000;
  const playable = found.state === 'complete' && await probe.isFastStart(join(folder, found.files[0]));
  const { frames } = playable ? await probe.cadence(join(folder, found.files[0])) : { frames: 0 };
  const tracks = await Promise.all(found.tracks.map(async ({ file }) => (await probe.describe(join(folder, file)).catch(() => ({ seconds: 0 }))).seconds));
  return { after, begun: (Date.parse(live.first_frame_at) - asked) / 1000, recorded, kept: frames / found.fps, told, playable, tracks: tracks.length };
}

const data = await mkdtemp(join(tmpdir(), 'veranda-kills-'));
const next = random(values.seed);
const rows = [];
try {
  console.log('| kill | recorded, s | playable | told before the kill, s | kept, s | lost, s | press to first frame, s | own media |\n| --- | --- | --- | --- | --- | --- | --- | --- |');
  for (let at = 1; at <= Number(values.times); at += 1) {
    const row = await killed(data, next() * 8);
    rows.push(row);
    console.log(`| ${at} | ${row.recorded.toFixed(2)} | ${row.playable ? 'yes' : 'NO'} | ${row.told.toFixed(2)} | ${row.kept.toFixed(2)} | ${(row.recorded - row.kept).toFixed(2)} | ${row.begun.toFixed(2)} | ${row.tracks} |`);
  }
} finally {
  await rm(data, { recursive: true, force: true });
}
const lost = rows.map((row) => row.recorded - row.kept).sort((a, b) => a - b);
const begun = rows.map((row) => row.begun).sort((a, b) => a - b);
const middle = (list) => list[Math.floor(list.length / 2)].toFixed(2);
console.log(`\n${rows.filter(({ playable }) => playable).length} of ${rows.length} playable; lost: median ${middle(lost)} s, worst ${lost.at(-1).toFixed(2)} s; `
  + `press to first frame: median ${middle(begun)} s, worst ${begun.at(-1).toFixed(2)} s`);
process.exitCode = rows.every(({ playable }) => playable) && lost.at(-1) <= 1 && begun.at(-1) <= 1 ? 0 : 1;
