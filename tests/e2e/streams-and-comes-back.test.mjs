// A stream reaches an RTMP server; when that is killed, the recording, another stream and the players of HLS go on untouched,
// and the stream comes back by itself. A snapshot shows what all of them show.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { behaviour } from './harness/behaviour.mjs';
import { looks } from './harness/clips.mjs';
import * as probe from './harness/probe.mjs';
import { run } from './harness/processes.mjs';
import { RtmpServer } from './harness/rtmp.mjs';
import { media, until } from './harness/wait.mjs';

const holdsAnn = async (scene, title, file) => {
  const info = await probe.describe(file);
  const { frames, longestGap } = await probe.cadence(file);
  const [picture] = (await probe.shares(file, looks, { from: Math.min(2, info.seconds / 2), seconds: 1 }));
  const tone = probe.heard(await probe.sound(file), looks.red.tone);
  scene.figure(title, { seconds: info.seconds, codecs: info.codecs, frames, longestGap, red: picture?.red, tone: tone.median });
  assert.deepEqual(info.codecs, ['aac', 'h264']);
  assert.ok(picture.red > 0.2, 'it shows her colour');
  assert.ok(tone.heard, 'it holds her tone');
  return { ...info, longestGap };
};

const isSeenInASnapshot = async (scene, room) => {
  const path = `/api/v1/rooms/${room.id}/mix.jpg`;
  const other = await scene.server.room();
  assert.equal((await scene.server.request('GET', path)).status, 401);
  assert.equal((await scene.server.request('GET', path, { token: other.token })).status, 403, 'who is no host of this room');
  const { status, bytes } = await scene.server.request('GET', path, { token: room.token });
  assert.equal(status, 200);
  const file = join(scene.server.data, 'mix.jpg');
  await writeFile(file, bytes);
  const [picture] = await probe.pictures(file, { fps: 25 });
  assert.deepEqual((await probe.describe(file)).codecs, ['mjpeg']);
  assert.ok(picture.share(looks.red) > 0.2, 'it shows her colour');
};

behaviour('a killed RTMP server leaves recording, other streams and players alone, and is found again', async (scene) => {
  const [doomed, steady] = [scene.keep(await RtmpServer.start()), scene.keep(await RtmpServer.start())];
  const room = await scene.room();
  const ann = await scene.guest(room, 'Annabel', { host: true, look: 'red' });
  const recording = await room.call('POST', `/rooms/${room.id}/recordings`, {});

  // The page's button, with the address and the key apart.
  await ann.press('Go live');
  const dialog = ann.page.getByRole('dialog');
  await dialog.getByLabel('Server address').fill(doomed.url('').replace(/\/$/, ''));
  await dialog.getByLabel('Stream key').fill('verysecret');
  await dialog.getByRole('button', { name: 'Go live', exact: true }).click();
  await ann.sees('End live');
  const other = await room.call('POST', `/rooms/${room.id}/streams`, { url: steady.url('second') });
  const first = (await room.call('GET', `/rooms/${room.id}/streams`)).find((stream) => stream.id !== other.id);
  const hls = await room.call('POST', `/rooms/${room.id}/streams`, { url: 'hls:' });
  const state = async (id) => (await room.stream(id)).state;
  await until('both are live', async () => (await state(first.id)) === 'live' && (await state(other.id)) === 'live');
  assert.ok(!JSON.stringify(await room.call('GET', `/rooms/${room.id}/streams`)).includes('verysecret'), 'the key is told to nobody');
  assert.ok(!scene.server.program.output.includes('verysecret'), 'the key is in no log');
  await media(5);

  const killed = performance.now();
  await doomed.kill();
  await until('the loss is noticed', async () => (await state(first.id)) === 'retrying');
  scene.figure('loss noticed after, s', ((performance.now() - killed) / 1000).toFixed(1));
  // A player of somebody's, with the link of the invitation alone.
  const played = join(scene.server.data, 'played.ts');
  await run('ffmpeg', ['-v', 'error', '-y', '-i', new URL(hls.playlist, scene.server.url).href, '-t', '4', '-c', 'copy', played]);
  await holdsAnn(scene, 'played of HLS', played);
  await isSeenInASnapshot(scene, room);
  assert.equal(await state(other.id), 'live');
  assert.equal((await room.recording(recording.id)).state, 'live');
  await doomed.open();
  const opened = performance.now();
  await until('it is live again', async () => (await state(first.id)) === 'live', { within: 15_000 });
  scene.figure('live again after, s', ((performance.now() - opened) / 1000).toFixed(1));
  await media(5);

  await room.call('DELETE', `/streams/${first.id}`);
  await room.call('DELETE', `/streams/${other.id}`);
  await room.call('DELETE', `/streams/${hls.id}`);
  await room.call('POST', `/recordings/${recording.id}/stop`);
  await until('the recording is complete', async () => (await room.recording(recording.id)).state === 'complete', { within: 30_000 });
  await until('nobody is live', async () => !(await room.call('GET', `/rooms/${room.id}`)).live);

  const parts = await doomed.recorded('verysecret');
  assert.equal(parts.length, 2, 'one file before the kill and one after it');
  await holdsAnn(scene, 'before the kill', parts[0]);
  await holdsAnn(scene, 'after it', parts[1]);
  const [whole] = await steady.recorded('second');
  const file = join(scene.server.data, 'downloaded.mp4');
  await writeFile(file, (await room.download(recording.id)).bytes);
  for (const [title, path] of [['the other stream', whole], ['the recording', file]]) {
    const { longestGap, seconds } = await holdsAnn(scene, title, path);
    assert.ok(longestGap < 0.5, `${title} has no hole`);
    assert.ok(seconds > 11, `${title} ran all the time`);
  }
}, { within: 240 });
