// The walk of a new user: the first visit of one person up to the words of a second, with real clicks, each counted.

import assert from 'node:assert/strict';
import { behaviour } from './harness/behaviour.mjs';
import { looks } from './harness/clips.mjs';

/** Somebody who only does what is offered: each step is timed from the click to the next thing to press. */
function walk(scene, person) {
  const steps = [];
  let clicks = 0;
  let keys = 0;
  let before = performance.now();
  const { page } = person;
  return {
    /** `next`: the name of what is pressed next; it must be the only loud button in sight. */
    async arrives(what, next) {
      await person.sees(next);
      const loud = await person.evaluate(() => [...document.querySelectorAll('.button.primary')].filter((one) => one.checkVisibility()).map((one) => one.textContent.trim()));
      steps.push(`${what} ${((performance.now() - before) / 1000).toFixed(1)} s${loud.length > 1 ? `, hesitates between ${loud}` : ''}`);
      assert.ok(loud.length <= 1, `${what}: ${loud}`);
    },
    async presses(name) {
      before = performance.now();
      clicks++;
      await person.press(name);
    },
    /** Types where the cursor already is; a click first where it is not. */
    async types(label, text) {
      const field = page.getByLabel(label, { exact: true });
      if (!(await field.evaluate((one) => one === document.activeElement))) {
        clicks++;
        await field.click();
      }
      keys += text.length;
      await page.keyboard.type(text);
    },
    told: () => scene.figure(person.name, { clicks, keys, steps }),
    get clicks() {
      return clicks;
    },
  };
}

behaviour('from a first visit to a second person who is seen and heard: four clicks', async (scene) => {
  const server = await scene.start();
  const ann = await scene.chromium('Ann', { look: 'red' });
  const ben = await scene.chromium('Ben', { look: 'green' });
  const [host, guest] = [walk(scene, ann), walk(scene, ben)];
  const begun = performance.now();
  await ann.open(server.url);
  await host.arrives('the start page', 'Create room');
  await host.presses('Create room');
  await host.arrives('the door', 'Join');
  await host.types('Your name', 'Ann');
  await host.presses('Join');
  await host.arrives('the room', 'Copy invitation');
  assert.equal(host.clicks, 2, 'in a room by two clicks');
  await ann.reads('You are the first one here. Copy the invitation and send it.');
  await host.presses('Copy invitation');
  const link = await ann.evaluate(() => navigator.clipboard.readText());
  assert.match(link, /\/r\/[\w-]+$/);

  await ben.open(link);
  await guest.arrives('the door of the link', 'Join');
  await guest.types('Your name', 'Ben');
  await guest.presses('Join');
  await guest.arrives('the room', 'Leave');
  const [a, b] = await Promise.all([ann, ben].map((person) => person.evaluate(() => document.querySelector('.own').dataset.participant)));
  await Promise.all([ann.hears([looks.green]), ann.showsColour(b, looks.green), ben.hears([looks.red]), ben.showsColour(a, looks.red)]);
  scene.figure('from the first visit until both see and hear each other, s', ((performance.now() - begun) / 1000).toFixed(1));
  host.told();
  guest.told();
  assert.ok(host.clicks + guest.clicks <= 4);
}, { within: 90 });
