// kill -9 leaves a file that the next start finishes; SIGTERM leaves a finished one.

import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { behaviour } from './harness/behaviour.mjs';
import { looks } from './harness/clips.mjs';
import * as probe from './harness/probe.mjs';
import { media, until } from './harness/wait.mjs';

const recorded = async (data) => (await readdir(join(data, 'recordings'), { recursive: true }))
  .filter((name) => name.endsWith('.mp4')).map((name) => join(data, 'recordings', name));

async function recordFor(scene, seconds, tracks = false) {
  const room = await scene.room({ name: 'Broken off' });
  await scene.guest(room, 'Annabel', { look: 'red' });
  const { id } = await room.call('POST', `/rooms/${room.id}/recordings`, { tracks });
  await until('the recording is live', async () => (await room.recording(id)).state === 'live');
  await media(seconds);
  return { room, id };
}

async function isWhole(scene, file, least) {
  const info = await probe.describe(file);
  const { frames, longestGap } = await probe.cadence(file);
  const seen = await probe.shares(file, looks);
  scene.figure('the file', { ...info, frames, longestGap });
  assert.ok(await probe.isFastStart(file), 'moov is before mdat');
  assert.ok(info.seconds > least, `${info.seconds} s of media`);
  assert.ok(longestGap < 0.5);
  assert.ok(seen.at(-1).red > 0.2, 'it shows her to the end');
  assert.ok(probe.heard(await probe.sound(file), looks.red.tone).heard);
}

behaviour('a recording broken off by kill -9 is finished at the next start', async (scene) => {
  const server = await scene.start();
  const { room, id } = await recordFor(scene, 8, true);
  await server.kill();
  const again = scene.keep(await server.restart());
  const told = await until('it is complete', async () => {
    const recording = await again.call('GET', `/recordings/${id}`, { token: room.host_token });
    return recording.state === 'complete' && recording;
  }, { within: 20_000 });
  scene.figure('told', told);
  const files = await recorded(server.data);
  assert.equal(files.length, 1, `one file and nothing half done beside it: ${files}`);
  await isWhole(scene, files[0], 6.5);
  assert.deepEqual(told.tracks.map(({ kind }) => kind).sort(), ['camera', 'microphone'], 'her own media are there as well');
  for (const track of told.tracks) {
    assert.ok(track.duration > 5.5 && track.offset < 2, JSON.stringify(track));
    const { status, bytes } = await again.request('GET', `/api/v1/recordings/${id}/tracks/${track.file}`, { token: room.host_token });
    assert.deepEqual([status, bytes.length], [200, track.bytes]);
  }
});

behaviour('SIGTERM finishes the recording before the end', async (scene) => {
  const server = await scene.start();
  await recordFor(scene, 6);
  const { code, seconds } = await server.terminate();
  scene.figure('SIGTERM to the end, s', seconds.toFixed(2));
  assert.equal(code, 0);
  assert.ok(seconds < 15);
  const files = await recorded(server.data);
  assert.equal(files.length, 1);
  await isWhole(scene, files[0], 5);
});
