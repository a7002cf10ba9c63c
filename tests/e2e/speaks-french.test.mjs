// Where the browser prefers French the page speaks it.

import assert from 'node:assert/strict';
import { behaviour } from './harness/behaviour.mjs';

behaviour('a French browser gets a French page', async (scene) => {
  const room = await scene.room();
  const eve = await scene.chromium('Ève', { locale: 'fr-FR', devices: 'none' });
  await eve.open(room.url);
  await eve.fill('Votre nom', 'Ève');
  await eve.press('Entrer');
  await eve.sees('Quitter');
  assert.equal(await eve.evaluate(() => document.documentElement.lang), 'fr');
  assert.equal((await room.participants())[0].name, 'Ève');
});
