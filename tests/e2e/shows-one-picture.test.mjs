// Instead of tiles a person can take the room as one picture, and go back.

import assert from 'node:assert/strict';
import { behaviour } from './harness/behaviour.mjs';
import { looks } from './harness/clips.mjs';
import { until } from './harness/wait.mjs';

/** The parts of the page's largest picture that have each colour. */
function largestPicture(colours) {
  const area = (video) => video.clientWidth * video.clientHeight;
  const [video] = [...document.querySelectorAll('video')].filter((one) => one.videoWidth).sort((a, b) => area(b) - area(a));
  if (!video) return null;
  const canvas = Object.assign(document.createElement('canvas'), { width: 64, height: 36 });
  const context = canvas.getContext('2d');
  context.drawImage(video, 0, 0, 64, 36);
  const { data } = context.getImageData(0, 0, 64, 36);
  const shares = colours.map((colour) => {
    let found = 0;
    for (let at = 0; at < data.length; at += 4) {
      if (colour.every((part, index) => Math.abs(data[at + index] - part) < 45)) found++;
    }
    return found / (64 * 36);
  });
  return { width: video.videoWidth, height: video.videoHeight, shares };
}

behaviour('a viewer takes one picture instead of tiles, hears everybody, and goes back', async (scene) => {
  const room = await scene.room();
  const ann = await scene.guest(room, 'Ann', { look: 'red' });
  const ben = await scene.guest(room, 'Ben', { look: 'green' });
  const vic = await scene.guest(room, 'Vic', { devices: 'none' });
  const [a, b] = [await room.idOf('Ann'), await room.idOf('Ben')];
  await Promise.all([vic.showsColour(a, looks.red), vic.showsColour(b, looks.green)]);

  const cdp = await vic.context.newCDPSession(vic.page);
  const nodes = async () => {
    for (let time = 0; time < 2; time++) await cdp.send('HeapProfiler.collectGarbage');
    return (await cdp.send('Memory.getDOMCounters')).nodes;
  };
  const before = await nodes();
  await vic.press('View');
  await vic.press('One picture');
  const started = performance.now();
  const picture = await until('one picture holds both', async () => {
    const seen = await vic.page.evaluate(largestPicture, [looks.red.colour, looks.green.colour]);
    if (seen?.shares.every((share) => share > 0.05)) return seen;
    throw new Error(JSON.stringify(seen));
  }, { within: 30_000 });
  scene.figure('one picture after, s', ((performance.now() - started) / 1000).toFixed(1));
  scene.figure('it is', picture);
  const view = async () => (await room.participants()).find((person) => person.name === 'Vic').view;
  assert.equal(await view(), 'mix');
  await vic.hears([looks.red, looks.green]);
  assert.equal((await vic.negotiations()).createOffer, 1);
  assert.equal((await ann.negotiations()).createOffer, 1);

  await vic.press('Everyone');
  await Promise.all([vic.showsColour(a, looks.red), vic.showsColour(b, looks.green)]);
  assert.equal(await view(), 'tiles');
  // Each video element counts nearly two hundred nodes of the browser's own.
  await until('what was taken away is let go', async () => {
    const now = await nodes();
    if (now < before + 150) return true;
    throw new Error(`${before} nodes before, ${now} after`);
  });
  await ben.press('Leave');
  await vic.losesTile(b);
});
