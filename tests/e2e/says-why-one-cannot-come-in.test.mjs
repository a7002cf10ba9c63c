// Full, unknown, renewed, ended: each in words, and the API's code for the same.

import assert from 'node:assert/strict';
import { behaviour } from './harness/behaviour.mjs';

const status = async (scene, invitation) => (await scene.server.request('GET', `/api/v1/rooms/${invitation}`)).status;

behaviour('a full room says that it is full', async (scene) => {
  const room = await scene.room({ max_participants: 2 });
  const ann = await scene.guest(room, 'Ann', { devices: 'none' });
  await scene.guest(room, 'Ben', { devices: 'none' });
  const cid = await scene.chromium('Cid', { devices: 'none' });
  await cid.open(room.url);
  // The page may say so before or after the name is given.
  const refused = cid.reads(/full/i);
  await Promise.race([refused, cid.fill('Your name', 'Cid').then(() => cid.press('Join')).catch(() => {}).then(() => refused)]);
  assert.equal((await room.participants()).length, 2);
  await ann.press('Leave');
});

behaviour('an unknown, a renewed and an ended invitation each say so', async (scene) => {
  const room = await scene.room();
  const ann = await scene.guest(room, 'Ann', { devices: 'none', host: true });
  const ben = await scene.chromium('Ben', { devices: 'none' });

  await ben.open(`${scene.server.url}/r/AAAAAAAAAAAAAAAAAAAAAA`);
  await ben.reads(/no room|not found|unknown|does not exist|doesn.t exist|doesn.t lead/i);
  assert.equal(await status(scene, 'AAAAAAAAAAAAAAAAAAAAAA'), 404);

  const renewed = await room.call('POST', `/rooms/${room.id}/invitation`);
  assert.notEqual(renewed.invitation, room.invitation);
  assert.equal(await status(scene, room.invitation), 410);
  await ben.open(room.url);
  await ben.reads(/no longer|ended|replaced|new (link|invitation)|old/i);
  await ben.join(renewed.url);

  await room.call('DELETE', `/rooms/${room.id}`);
  await Promise.all([ann.reads(/ended|over/i), ben.reads(/ended|over/i)]);
  assert.equal(await status(scene, renewed.invitation), 410);
  const cid = await scene.chromium('Cid', { devices: 'none' });
  await cid.open(renewed.url);
  await cid.reads(/ended|over/i);
});
