// Muting silences, camera off leaves a name, and both come back at once.

import { behaviour } from './harness/behaviour.mjs';
import { looks } from './harness/clips.mjs';

behaviour('mute and camera off are seen and heard by the others, and undone', async (scene) => {
  const room = await scene.room();
  const ann = await scene.guest(room, 'Ann', { look: 'red' });
  const ben = await scene.guest(room, 'Ben', { look: 'green' });
  const b = await room.idOf('Ben');
  await ann.showsColour(b, looks.green);
  await ann.hears([looks.green]);

  await ben.press('Mute microphone');
  await ben.sees('Unmute microphone');
  scene.figure('muted, dB', await ann.hears([], [looks.green]));
  await ann.showsColour(b, looks.green);
  await ben.press('Unmute microphone');
  scene.figure('unmuted, dB', await ann.hears([looks.green]));

  await ben.press('Turn camera off');
  await ann.showsName(b, 'Ben');
  await ann.hears([looks.green]);
  await ben.press('Turn camera on');
  await ann.showsColour(b, looks.green);
});
