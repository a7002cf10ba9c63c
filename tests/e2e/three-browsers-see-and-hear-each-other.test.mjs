// Two Chromium and one Firefox: everybody decodes everybody's picture and hears everybody's sound.

import assert from 'node:assert/strict';
import { behaviour } from './harness/behaviour.mjs';
import { looks } from './harness/clips.mjs';
import { ownAddress } from './harness/ports.mjs';

behaviour('three browsers see and hear each other', async (scene) => {
  await scene.start({ mediaAddress: ownAddress() });
  const room = await scene.room({ name: 'Three' });
  const ann = await scene.guest(room, 'Ann', { look: 'red' });
  const ben = await scene.guest(room, 'Ben', { look: 'green' });
  const fay = await (await scene.firefox('Fay')).join(room.url);
  const [a, b, f] = await Promise.all(['Ann', 'Ben', 'Fay'].map((name) => room.idOf(name)));

  await Promise.all([
    ann.showsColour(b, looks.green), ann.showsPicture(f),
    ben.showsColour(a, looks.red), ben.showsPicture(f),
    fay.showsColour(a, looks.red), fay.showsColour(b, looks.green),
  ]);
  await Promise.all([ann.decodes(2), ben.decodes(2), fay.decodes(2)]);

  const firefox = { tone: fay.look.tone };
  scene.figure('Ann hears, dB', await ann.hears([looks.green, firefox]));
  scene.figure('Ben hears, dB', await ben.hears([looks.red, firefox]));
  scene.figure('Fay hears, energy', await fay.hears([looks.red, looks.green]));

  for (const [person, id] of [[ben, b], [fay, f]]) {
    scene.figure(`${person.name}: Join to the first remote picture, ms`, await person.joinToPicture(id));
    scene.figure(`${person.name}: on the way, ms`, await person.wayIn());
  }
  for (const person of [ann, ben, fay]) {
    const { pair, video } = await person.path();
    scene.figure(`${person.name}: pictures`, Object.values(video).filter((slot) => slot.decoded));
    assert.equal(pair.port, scene.server.mediaPort, 'media goes over the one port');
    assert.equal(pair.protocol, 'udp');
    assert.deepEqual(await person.negotiations(),
      { connections: 1, createOffer: 1, setLocalDescription: 1, setRemoteDescription: 1 }, `${person.name} negotiated once`);
  }
});
