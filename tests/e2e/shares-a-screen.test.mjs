// A shared screen is one more picture at the others, beside the camera, and goes away again.

import assert from 'node:assert/strict';
import { behaviour } from './harness/behaviour.mjs';
import { looks } from './harness/clips.mjs';
import { until } from './harness/wait.mjs';

behaviour('a shared screen is seen beside the camera', async (scene) => {
  const room = await scene.room();
  const ann = await scene.guest(room, 'Ann', { look: 'red' });
  const ben = await scene.guest(room, 'Ben', { look: 'green' });
  const b = await room.idOf('Ben');
  await ann.showsColour(b, looks.green);

  await ben.press('Share screen');
  await ben.sees('Stop sharing');
  const tiles = await until('Ann sees two pictures of Ben', async () => {
    const all = (await ann.tiles()).filter((tile) => tile.participant === b && tile.picture);
    return all.length === 2 && all;
  }, { within: 30_000 });
  scene.figure('Ben as Ann sees him', tiles.map(({ width, height }) => `${width}x${height}`));
  assert.equal((await room.participants()).find((person) => person.id === b).screen, true);
  await ann.decodes(2);

  await ben.press('Stop sharing');
  await until('the screen goes away', async () =>
    (await ann.tiles()).filter((tile) => tile.participant === b).length === 1, { within: 20_000 });
  await ann.showsColour(b, looks.green);
});
