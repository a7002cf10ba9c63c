// The host mutes and removes; a guest cannot.

import assert from 'node:assert/strict';
import { behaviour } from './harness/behaviour.mjs';
import { looks } from './harness/clips.mjs';
import { until } from './harness/wait.mjs';

behaviour('a host mutes somebody and removes them', async (scene) => {
  const room = await scene.room();
  const ann = await scene.guest(room, 'Ann', { host: true, devices: 'none' });
  const ben = await scene.guest(room, 'Ben', { look: 'green' });
  const b = await room.idOf('Ben');
  await ann.hears([looks.green]);

  await room.call('PATCH', `/rooms/${room.id}/participants/${b}`, { muted: true });
  await ben.sees('Unmute microphone');
  await ann.hears([], [looks.green]);
  await ben.press('Unmute microphone');
  await ann.hears([looks.green]);

  const refused = await scene.server.request('DELETE', `/api/v1/rooms/${room.id}/participants/${b}`, { token: 'wrong' });
  assert.equal(refused.status, 401);
  await room.call('DELETE', `/rooms/${room.id}/participants/${b}`);
  await ben.reads(/removed/i);
  await ann.losesTile(b);
  await until('his connection is closed', async () => (await ben.traffic()).states.every((state) => state === 'closed'));
});
