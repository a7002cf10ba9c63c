// The host locks the room: nobody new comes in, and is told so in words; unlocked it is open again.

import assert from 'node:assert/strict';
import { behaviour } from './harness/behaviour.mjs';

behaviour('a locked room lets nobody new in until it is unlocked', async (scene) => {
  const room = await scene.room();
  const ann = await scene.guest(room, 'Ann', { host: true, devices: 'none' });
  await ann.press('Lock room');
  await ann.sees('Unlock room');
  assert.equal((await room.call('GET', `/rooms/${room.id}`)).locked, true);

  const ben = await scene.chromium('Ben', { devices: 'none' });
  await ben.open(room.url);
  await ben.reads(/locked/i);
  assert.equal((await room.participants()).length, 1);

  await ann.press('Unlock room');
  await ann.sees('Lock room');
  await ben.join(room.url);
  assert.equal((await room.participants()).length, 2);
});
