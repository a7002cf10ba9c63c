// Who leaves is gone for the others at once; a browser that was closed without a word is gone after its place was kept.

import { behaviour } from './harness/behaviour.mjs';
import { looks } from './harness/clips.mjs';
import { until } from './harness/wait.mjs';

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

  await ben.reload();
  await ben.enter();
  await until('one Ben is left', async () => (await room.participants()).filter((one) => one.name === 'Ben').length === 1,
    { within: 60_000 });
  await ann.showsColour(await room.idOf('Ben'), looks.green);
});
