// A camera and a microphone are optional: without them one is shown as a name, and sees and hears all the same.

import { behaviour } from './harness/behaviour.mjs';
import { looks } from './harness/clips.mjs';

for (const devices of ['none', 'refused']) {
  behaviour(`somebody whose devices are ${devices} joins and is shown as a name`, async (scene) => {
    const room = await scene.room();
    const ann = await scene.guest(room, 'Ann', { look: 'red' });
    const ned = await scene.guest(room, 'Ned', { devices });
    const [a, n] = [await room.idOf('Ann'), await room.idOf('Ned')];
    await ann.showsName(n, 'Ned');
    await ned.showsColour(a, looks.red);
    scene.figure('Ned hears, dB', await ned.hears([looks.red]));
  });
}
