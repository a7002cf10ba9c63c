// Whoever comes, goes, mutes or shares: those who are there do not negotiate again.

import assert from 'node:assert/strict';
import { behaviour } from './harness/behaviour.mjs';
import { looks } from './harness/clips.mjs';

behaviour('a join, a mute, a share and a leave renegotiate nobody', async (scene) => {
  const room = await scene.room();
  const ann = await scene.guest(room, 'Ann', { look: 'red' });
  const ben = await scene.guest(room, 'Ben', { look: 'green' });
  const [a, b] = [await room.idOf('Ann'), await room.idOf('Ben')];
  await Promise.all([ann.showsColour(b, looks.green), ben.showsColour(a, looks.red)]);
  const before = [await ann.negotiations(), await ben.negotiations()];
  assert.equal(before[0].createOffer, 1);

  const cid = await scene.guest(room, 'Cid', { look: 'blue' });
  const c = await room.idOf('Cid');
  await Promise.all([ann.showsColour(c, looks.blue), ben.showsColour(c, looks.blue)]);
  await ben.press('Mute microphone');
  await ben.sees('Unmute microphone');
  await ben.press('Share screen');
  await ben.sees('Stop sharing');
  await ann.decodes(3);
  await ben.press('Stop sharing');
  await cid.press('Leave');
  await ann.losesTile(c);
  await ben.press('Turn camera off');
  await ann.showsName(b, 'Ben');
  await ben.press('Turn camera on');
  await ann.showsColour(b, looks.green);

  const after = [await ann.negotiations(), await ben.negotiations()];
  scene.figure('offers of Ann and Ben', after.map((one) => one.createOffer));
  assert.deepEqual(after, before);
});
