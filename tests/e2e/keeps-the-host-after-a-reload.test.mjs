// The maker's link makes its holder host again: after a reload, and after the server has been restarted.

import assert from 'node:assert/strict';
import { behaviour } from './harness/behaviour.mjs';

behaviour('the maker is host again after a reload and after a restart of the server', async (scene) => {
  const server = await scene.start();
  const room = await scene.room({ name: 'Kept' });
  const ann = await scene.guest(room, 'Ann', { host: true, devices: 'none' });
  await ann.sees('Lock room');
  await ann.reload();
  await ann.enter();
  await ann.sees('Lock room');

  await server.terminate();
  const again = scene.keep(await server.restart());
  const told = await again.call('GET', `/rooms/${room.id}`, { token: room.host_token });
  assert.equal(told.name, 'Kept');
  await ann.join(again.url + new URL(room.host_url).pathname + new URL(room.host_url).hash);
  await ann.sees('Lock room');

  const ben = await scene.chromium('Ben', { devices: 'none' });
  await ben.join(again.url + new URL(room.url).pathname);
  await assert.rejects(ben.sees('Lock room', 1000), 'a guest has no lock');
  assert.ok(!again.program.output.includes(room.host_token), 'the token is in no log');
});
