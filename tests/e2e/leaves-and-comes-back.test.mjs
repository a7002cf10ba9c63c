// Who leaves is gone for the others at once; who closed the window without a word finds the place kept.

import assert from 'node:assert/strict';
import { behaviour } from './harness/behaviour.mjs';
import { looks } from './harness/clips.mjs';

behaviour('a person who leaves is gone at once, and may come back', async (scene) => {
  const room = await scene.room();
  const ann = await scene.guest(room, 'Ann', { look: 'red' });
  const ben = await scene.guest(room, 'Ben', { look: 'green' });
  const first = await room.idOf('Ben');
  await ann.showsColour(first, looks.green);

  await ben.press('Leave');
  await ann.losesTile(first, 5000);

  await ben.join(room.url);
  const second = await room.idOf('Ben');
  await ann.showsColour(second, looks.green);

  // Loaded again, or closed without a word and opened in a new window: the same place.
  for (const again of [() => ben.reload(), () => ben.newPage().then(() => ben.open(room.url))]) {
    await again();
    await ben.enter();
    assert.deepEqual((await room.participants()).filter(({ name }) => name === 'Ben').map(({ id }) => id), [second]);
    await ann.showsColour(second, looks.green);
  }
});
