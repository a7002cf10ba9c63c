// A flash and a beep that happen together are together in the recording.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { behaviour } from './harness/behaviour.mjs';
import { looks } from './harness/clips.mjs';
import * as probe from './harness/probe.mjs';
import { media, until } from './harness/wait.mjs';

behaviour('a flash and its beep are together in the recording', async (scene) => {
  const room = await scene.room();
  const { tone } = looks.yellow;
  const ann = await scene.guest(room, 'Ann', { witness: { synced: { tone } }, args: ['--autoplay-policy=no-user-gesture-required'] });
  await ann.evaluate(() => new Promise((flowing) => {
    const asked = setInterval(async () => {
      for (const one of seen.connections) {
        (await one.getStats()).forEach((entry) => {
          if (entry.type === 'outbound-rtp' && entry.framesEncoded > 30) flowing(clearInterval(asked));
        });
      }
    }, 200);
  }));
  const { id } = await room.call('POST', `/rooms/${room.id}/recordings`, {});
  await until('the recording is live', async () => (await room.recording(id)).state === 'live');
  await media(12);
  await room.call('POST', `/recordings/${id}/stop`);
  await until('it is complete', async () => (await room.recording(id)).state === 'complete', { within: 30_000 });
  const file = join(scene.server.data, 'downloaded.mp4');
  await writeFile(file, (await room.download(id)).bytes);

  const { flashes, beeps } = await probe.flashesAndBeeps(file, tone);
  scene.figure('flashes and beeps, s', { flashes, beeps });
  const offsets = flashes.map((flash) => beeps.map((beep) => beep - flash).sort((a, b) => Math.abs(a) - Math.abs(b))[0])
    .filter((offset) => Math.abs(offset) < 0.5);
  scene.figure('sound after picture, ms, in order', offsets.map((offset) => Math.round(offset * 1000)));
  assert.ok(offsets.length >= 8, `${flashes.length} flashes and ${beeps.length} beeps were found`);
  // EBU R37 allows sound 40 ms early or 60 ms late; what a browser adds on a busy machine comes on top.
  const middle = [...offsets].sort((a, b) => a - b)[Math.floor(offsets.length / 2)];
  assert.ok(middle > -0.08 && middle < 0.1, `the middle one is ${Math.round(middle * 1000)} ms`);
  const worst = offsets.reduce((one, other) => (Math.abs(other) > Math.abs(one) ? other : one));
  assert.ok(worst > -0.12 && worst < 0.12, `the worst is ${Math.round(worst * 1000)} ms`);
});
