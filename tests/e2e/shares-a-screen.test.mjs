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
  const screen = await until('Ann sees his screen', async () => {
    const tile = await ann.tileNamed('Screen of Ben');
    return tile?.picture && tile;
  }, { within: 30_000 });
  scene.figure('his screen as Ann sees it', screen);
  await ann.showsColour(b, looks.green);
  assert.equal((await room.participants()).find((person) => person.id === b).screen, true);
  await ann.decodes(2);

  await ben.press('Stop sharing');
  await until('the screen goes away', async () => !(await ann.tileNamed('Screen of Ben')));
  await ann.showsColour(b, looks.green);
});
