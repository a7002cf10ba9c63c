// A recording started and stopped by the page's buttons holds everybody's colour, name and tone, from when they came
// until they went, and is an ordinary MP4.

import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { behaviour } from './harness/behaviour.mjs';
import { looks } from './harness/clips.mjs';
import * as probe from './harness/probe.mjs';
import { media, until } from './harness/wait.mjs';

behaviour('a recording holds what everybody showed and said', async (scene) => {
  const room = await scene.room({ name: 'Recorded' });
  const ann = await scene.guest(room, 'Annabel', { host: true, look: 'red' });
  const ben = await scene.guest(room, 'Benjamin', { look: 'green' });
  await scene.guest(room, 'Nobuhiro', { devices: 'none' });
  // Her browser is started
  // here, so that no start of a browser takes the machine away from the recording.
  const cid = await scene.chromium('Cidalia', { look: 'yellow' });
  const b = await room.idOf('Benjamin');
  await ann.showsColour(b, looks.green);

  await ann.press('Start recording');
  await ann.sees('Stop recording');
  await ben.reads(/record/i);
  const { id } = (await room.call('GET', `/rooms/${room.id}/recordings`))[0];
  await until('the recording is live', async () => (await room.recording(id)).state === 'live');
  const began = performance.now();
  const now = () => (performance.now() - began) / 1000;

  await media(4);
  const alone = now();
  await cid.join(room.url);
  await ann.showsColour(await room.idOf('Cidalia'), looks.yellow);
  const joined = now();
  await media(5);
  const off = now();
  await ben.press('Turn camera off');
  await ann.showsName(b, 'Benjamin');
  const dark = now();
  await media(4);
  const leaving = now();
  await cid.press('Leave');
  await until('Cidalia is gone', async () => (await room.participants()).length === 3);
  const left = now();
  await media(4);
  await ann.press('Stop recording');
  const wall = now();
  const told = await until('the recording is complete', async () => {
    const recording = await room.recording(id);
    assert.notEqual(recording.state, 'failed', recording.error);
    return recording.state === 'complete' && recording;
  }, { within: 30_000 });
  await ann.sees('Start recording');

  const answer = await room.download(id);
  assert.equal(answer.status, 200);
  assert.match(answer.headers['content-disposition'], /filename/);
  const file = join(scene.server.data, 'downloaded.mp4');
  await writeFile(file, answer.bytes);
  const part = await room.download(id, { range: 'bytes=100-199' });
  assert.equal(part.status, 206);
  assert.deepEqual(part.bytes, answer.bytes.subarray(100, 200));
  const beside = (await readdir(join(scene.server.data, 'recordings'), { recursive: true })).filter((name) => name.endsWith('.json'));
  assert.deepEqual(beside.map((name) => basename(name)).sort(), ['manifest.json', 'timeline.json'], 'what is known of it lies beside it');

  const info = await probe.describe(file);
  const pictures = await probe.cadence(file);
  scene.figure('the file', { ...info, wall: wall.toFixed(1), kbit: Math.round(answer.bytes.length / info.seconds / 125) });
  scene.figure('frames', { ...pictures, rate: (pictures.frames / info.seconds).toFixed(1) });
  assert.deepEqual(info.codecs, ['aac', 'h264']);
  assert.deepEqual([info.width, info.height], [1280, 720]);
  assert.ok(await probe.isFastStart(file), 'moov is before mdat');
  assert.ok(Math.abs(info.seconds - wall) < 2.5, `${info.seconds} s of ${wall} s`);
  assert.ok(Math.abs(info.seconds - told.duration) < 1, `told ${told.duration} s`);
  assert.ok(pictures.longestGap < 0.5, 'no hole in the picture');
  assert.ok(Math.abs(info.startSkew) < 0.1, 'both begin together');

  const seen = await probe.shares(file, looks);
  scene.figure('colours', seen.map(({ at, red, green, yellow }) => [at, red, green, yellow].join('/')).join(' '));
  scene.figure('alone, joined, dark, left', [alone, joined, dark, left].map((at) => at.toFixed(1)));
  const during = (from, to) => seen.filter(({ at }) => at > from + 1.5 && at < to - 0.5);
  for (const { at, red, green, yellow } of during(0, alone)) {
    assert.ok(red > 0.05 && green > 0.05 && yellow < 0.01, `two colours at ${at} s`);
  }
  for (const { at, red, green, yellow } of during(joined, off)) {
    assert.ok(red > 0.05 && green > 0.05 && yellow > 0.05, `three colours at ${at} s`);
  }
  for (const { at, green, yellow } of during(dark, leaving)) assert.ok(green < 0.02 && yellow > 0.05, `no green at ${at} s`);
  for (const { at, red, yellow } of during(left, wall)) assert.ok(red > 0.05 && yellow < 0.02, `no yellow at ${at} s`);
  assert.ok(during(0, alone).length && during(joined, off).length && during(left, wall).length, 'every part was looked at');

  const read = await probe.words(file, joined + 2);
  for (const name of ['Annabel', 'Benjamin', 'Nobuhiro', 'Cidalia']) assert.ok(read.includes(name), `${name} is written in: ${read}`);

  const tone = async ({ tone: hertz }, from, to) => probe.heard(await probe.sound(file, { from: from + 1, seconds: to - from - 1.5 }), hertz);
  const heard = {
    red: await tone(looks.red, 0, wall), green: await tone(looks.green, 0, wall),
    yellowBefore: await tone(looks.yellow, 0, alone), yellowDuring: await tone(looks.yellow, joined, left),
    yellowAfter: await tone(looks.yellow, left + 0.5, wall), nobody: await tone(looks.violet, 0, wall),
  };
  scene.figure('tones', heard);
  assert.deepEqual(Object.fromEntries(Object.entries(heard).map(([name, one]) => [name, one.heard])),
    { red: true, green: true, yellowBefore: false, yellowDuring: true, yellowAfter: false, nobody: false });
}, { within: 300 });
