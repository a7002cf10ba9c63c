// A camera comes in several sizes (simulcast): each viewer is sent the one that fits the tile it draws, of Chromium's cameras and
// of Firefox's, and the change is not seen as a break. Where everybody looks at less than a layer has, the sender makes it smaller.

import assert from 'node:assert/strict';
import { behaviour } from './harness/behaviour.mjs';
import { looks } from './harness/clips.mjs';
import { ownAddress } from './harness/ports.mjs';
import { media, until } from './harness/wait.mjs';

behaviour('tiles that grow and shrink get larger and smaller pictures', async (scene) => {
  await scene.start({ mediaAddress: ownAddress() });
  const room = await scene.room();
  const ann = await scene.guest(room, 'Ann', { look: 'red' });
  const fay = await (await scene.firefox('Fay')).join(room.url);
  const vic = await scene.guest(room, 'Vic', { devices: 'none' });
  const [a, f] = [await room.idOf('Ann'), await room.idOf('Fay')];
  await Promise.all([vic.showsColour(a, looks.red), vic.showsPicture(f)]);

  const frozen = async () => Object.values((await vic.quality()).video).reduce((sum, slot) => sum + slot.frozen, 0);
  const heights = (wanted, size) => until(`heights of ${wanted}`, async () => {
    const before = await vic.quality();
    await media(1);
    const now = await vic.quality();
    const moving = Object.entries(now.video).filter(([mid, slot]) => slot.decoded > (before.video[mid]?.decoded ?? 0) + 5);
    const seen = moving.map(([, slot]) => slot.height).sort((one, other) => one - other).join(' and ');
    if (seen === wanted) return `${size}: ${seen}`;
    throw new Error(seen);
  }, { within: 40_000 });

  // Chromium's camera is 640x360 here, Firefox's 1280x720.
  await vic.page.setViewportSize({ width: 1500, height: 900 });
  scene.figure('in a large window', await heights('360 and 720', '1500x900'));
  await media(3);
  const before = await frozen();
  await vic.page.setViewportSize({ width: 700, height: 560 });
  scene.figure('in a middle one', await heights('240 and 240', '700x560'));
  await vic.page.setViewportSize({ width: 360, height: 420 });
  scene.figure('in a small one', await heights('180 and 180', '360x420'));
  await vic.page.setViewportSize({ width: 1500, height: 900 });
  scene.figure('in a large one again', await heights('360 and 720', '1500x900'));
  const stood = (await frozen()) - before;
  scene.figure('frozen meanwhile, s', stood.toFixed(2));
  assert.ok(stood <= 0.5, `${stood} s of freeze by the changes of layer`);
  for (const person of [ann, fay, vic]) assert.equal((await person.negotiations()).createOffer, 1, `${person.name} negotiated once`);
});
