// The host chooses the size before recording and the layout while it runs: the file has the size, and each layout in its
// time, without a hole.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { behaviour } from './harness/behaviour.mjs';
import { looks } from './harness/clips.mjs';
import * as probe from './harness/probe.mjs';
import { media, until } from './harness/wait.mjs';

/** Chooses by the field's label, as a person does. */
async function choose(person, field, value) {
  await until(`${person.name} can choose ${field}`, () => person.evaluate(([field, value]) => {
    const label = [...document.querySelectorAll('label')].find((one) => one.textContent.trim() === field);
    const select = label && document.getElementById(label.htmlFor);
    if (!select || select.disabled) return false;
    select.value = value;
    select.dispatchEvent(new Event('change', { bubbles: true }));
    return true;
  }, [field, value]));
}

behaviour('the host chooses size and layout of what is recorded', async (scene) => {
  const room = await scene.room({ name: 'Laid out' });
  const ann = await scene.guest(room, 'Annabel', { host: true, look: 'red' });
  await scene.guest(room, 'Benjamin', { look: 'green' });
  await scene.guest(room, 'Nobuhiro', { devices: 'none' });
  await ann.showsColour(await room.idOf('Benjamin'), looks.green);

  // Somebody takes the mix already, in its usual size.
  const vic = await scene.guest(room, 'Victoria', { devices: 'none' });
  await vic.press('View');
  await vic.press('One picture');
  const watched = () => vic.evaluate(() => {
    const video = document.querySelector('[data-mix] video');
    return { width: video?.videoWidth, frames: video?.getVideoPlaybackQuality().totalVideoFrames };
  });
  const before = await until('one picture is seen', async () => {
    const seen = await watched();
    return seen.frames > 30 && seen;
  });

  await ann.press('Picture options');
  await choose(ann, 'Size', '360');
  await ann.press('Start recording');
  await ann.sees('Stop recording');
  const { id, layout, width, height } = (await room.call('GET', `/rooms/${room.id}/recordings`))[0];
  assert.deepEqual([layout, width, height], ['auto', 640, 360]);
  await until('the recording is live', async () => (await room.recording(id)).state === 'live');
  const began = performance.now();
  const now = () => (performance.now() - began) / 1000;
  await media(5);
  const after = await watched();
  scene.figure('who watches', [before, after]);
  assert.ok(after.frames > before.frames + 60, 'who watches the mix goes on seeing it');
  assert.ok(before.width !== 1280 || after.width === 640, 'in the new size');
  const grid = now();
  // The menu closed when something else was pressed.
  await ann.press('Picture options');
  await choose(ann, 'Layout', 'speaker');
  await until('the room has it', async () => (await room.call('GET', `/rooms/${room.id}`)).layout === 'speaker');
  const chosen = now();
  await media(5);
  await ann.press('Stop recording');
  const wall = now();
  await until('the recording is complete', async () => (await room.recording(id)).state === 'complete', { within: 30_000 });

  const file = join(scene.server.data, 'laid-out.mp4');
  await writeFile(file, (await room.download(id)).bytes);
  const info = await probe.describe(file);
  const pictures = await probe.cadence(file);
  scene.figure('the file', { ...info, longestGap: pictures.longestGap });
  assert.deepEqual([info.width, info.height], [640, 360]);
  assert.ok(pictures.longestGap < 0.5, 'no hole where the layout changes');
  const seen = await probe.shares(file, looks);
  scene.figure('colours', seen.map(({ at, red, green }) => [at, red, green].join('/')).join(' '));
  const during = (from, to) => seen.filter(({ at }) => at > from + 1.5 && at < to - 0.5);
  assert.ok(during(0, grid).length && during(chosen, wall).length, 'both parts were looked at');
  for (const { at, red, green } of during(0, grid)) {
    assert.ok(red > 0.05 && green > 0.05 && Math.max(red, green) < 2 * Math.min(red, green), `as large as each other at ${at} s`);
  }
  for (const { at, red, green } of during(chosen, wall)) {
    assert.ok(Math.max(red, green) > 4 * Math.min(red, green), `one is large at ${at} s`);
  }
}, { within: 240 });
