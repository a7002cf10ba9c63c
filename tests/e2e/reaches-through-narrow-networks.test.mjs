// UDP blocked, relay only, IPv6 only, a self-signed certificate: one still comes in, and the path is the one meant.

import assert from 'node:assert/strict';
import { behaviour } from './harness/behaviour.mjs';
import { looks } from './harness/clips.mjs';
import { TurnServer } from './harness/turn.mjs';

/** Ann by the ordinary way, Ben by the narrow one; both see and hear each other. */
async function meet(scene, narrow = {}) {
  const room = await scene.room();
  const ann = await scene.guest(room, 'Ann', { look: 'red' });
  const ben = await scene.guest(room, 'Ben', { look: 'green', ...narrow });
  const [a, b] = [await room.idOf('Ann'), await room.idOf('Ben')];
  await Promise.all([ann.showsColour(b, looks.green), ben.showsColour(a, looks.red)]);
  await Promise.all([ann.decodes(1), ben.decodes(1), ann.hears([looks.green]), ben.hears([looks.red])]);
  const { pair } = await ben.path();
  scene.figure('path', pair);
  scene.figure('Join to the first remote picture, ms', await ben.joinToPicture(b));
  return { room, ann, ben, pair };
}

behaviour('where UDP is blocked media goes over TCP on the same port', async (scene) => {
  const { pair } = await meet(scene, { witness: { tcp_only: true } });
  assert.equal(pair.protocol, 'tcp');
  assert.equal(pair.port, scene.server.mediaPort);
});

behaviour('a browser that may only use a relay gets one with a password that ends', async (scene) => {
  const turn = scene.keep(await TurnServer.start());
  await scene.start({ env: { VERANDA_TURN_URLS: turn.url, VERANDA_TURN_SECRET: turn.secret } });
  const { pair, ben } = await meet(scene, { witness: { relay_only: true } });
  assert.equal(pair.local, 'relay');
  assert.ok(turn.allocations > 0, 'coturn gave out a relay');
  const [{ username }] = (await ben.history()).configuration.iceServers;
  const left = Number(username.split(':')[0]) - Date.now() / 1000;
  assert.ok(left > 60 && left < 8 * 24 * 3600, `the password holds for ${left} s`);
});

behaviour('media goes over IPv6', async (scene) => {
  await scene.start({ mediaAddress: '::1' });
  const { pair } = await meet(scene);
  assert.match(pair.remote, /^\[?::1\]?$/);
});

behaviour('a self-signed certificate serves page, socket and media, and is kept', async (scene) => {
  const server = await scene.start({ args: ['--tls', 'self-signed'] });
  assert.match(server.url, /^https:/);
  const { room } = await meet(scene);
  assert.match(room.url, /^https:/);
});
