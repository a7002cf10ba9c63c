// Records one person who flashes and beeps each second while others come and go, for minutes, and says how far sound and
// picture are apart at the start, in the middle and at the end.
//
//   script/bench skew [--minutes 10] [--people 3]

import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Chromium } from '../../tests/e2e/harness/chromium.mjs';
import { looks } from '../../tests/e2e/harness/clips.mjs';
import { Program, run } from '../../tests/e2e/harness/processes.mjs';
import * as probe from '../../tests/e2e/harness/probe.mjs';
import { Server } from '../../tests/e2e/harness/server.mjs';
import { media, until } from '../../tests/e2e/harness/wait.mjs';

const { values } = parseArgs({ options: {
  minutes: { type: 'string', default: '10' }, people: { type: 'string', default: '3' }, programs: { type: 'string', default: 'target/release' },
} });
const swarm = process.env.E2E_SWARM ?? join(resolve(values.programs), 'veranda-swarm');
const seconds = Number(values.minutes) * 60;
const { tone } = looks.yellow;
const server = await Server.start();
const ann = await Chromium.start('Ann', { witness: { synced: { tone } }, args: ['--autoplay-policy=no-user-gesture-required'] });
try {
  const room = await server.room({ name: 'In step' });
  await ann.join(room.url);
  await until('her picture comes', async () => (await room.participants())[0]?.camera);
  await media(3);
  const { id } = await room.call('POST', `/rooms/${room.id}/recordings`, {});
  await until('it is live', async () => (await room.recording(id)).state === 'live');
  const end = performance.now() + seconds * 1000;
  let visits = 0;
  while (performance.now() < end) {
    // They join, talk and leave: tiles change their size, and with it their layers.
    const left = (end - performance.now()) / 1000;
    const some = new Program(swarm, ['--room', room.invitation, '--people', String(1 + (visits % Number(values.people))), '--simulcast', '--seconds', '12', server.url]);
    visits += 1;
    await Promise.race([some.exited, media(left)]);
    if (some.alive) await some.stop('SIGTERM');
    await media(Math.min(5, Math.max(0, (end - performance.now()) / 1000)));
  }
  await room.call('POST', `/recordings/${id}/stop`);
  const done = await until('it is complete', async () => {
    const recording = await room.recording(id);
    return recording.state === 'complete' && recording;
  }, { within: 60_000 });
  const file = join(server.data, 'whole.mp4');
  await writeFile(file, (await room.download(id)).bytes);
  const part = join(server.data, 'part.mp4');
  console.log(`${(done.duration / 60).toFixed(1)} minutes, ${visits} visits\n\n| at | flashes | sound after picture, ms: median | nearest to farthest |\n| --- | --- | --- | --- |`);
  for (const [name, from] of [['start', 5], ['middle', done.duration / 2 - 20], ['end', done.duration - 45]]) {
    await run('ffmpeg', ['-v', 'error', '-y', '-ss', String(Math.max(0, from)), '-i', file, '-t', '40', '-c:v', 'libx264', '-preset', 'ultrafast', '-c:a', 'aac', part]);
    const { flashes, beeps } = await probe.flashesAndBeeps(part, tone);
    const offsets = flashes.map((flash) => beeps.map((beep) => beep - flash).sort((a, b) => Math.abs(a) - Math.abs(b))[0])
      .filter((offset) => Math.abs(offset) < 0.5).sort((a, b) => a - b).map((offset) => Math.round(offset * 1000));
    console.log(`| ${name} | ${offsets.length} | ${offsets[Math.floor(offsets.length / 2)]} | ${offsets[0]} to ${offsets.at(-1)} |`);
  }
  const { frames, longestGap } = await probe.cadence(file);
  console.log(`\n${frames} frames for ${done.duration.toFixed(1)} s, longest gap ${(longestGap * 1000).toFixed(0)} ms`);
} finally {
  await ann.close();
  await server.close();
}
