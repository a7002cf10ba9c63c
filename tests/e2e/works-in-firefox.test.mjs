// The room in Firefox as in Chromium: made by two clicks, invited to, entered through the lobby, looked at in every view,
// written in, recorded in plain sight, left and come back to.

import assert from 'node:assert/strict';
import { behaviour } from './harness/behaviour.mjs';
import { looks } from './harness/clips.mjs';
import { ownAddress } from './harness/ports.mjs';
import { until } from './harness/wait.mjs';

behaviour('a host at Firefox and a guest at Chromium do everything together', async (scene) => {
  const server = await scene.start({ mediaAddress: ownAddress() });
  const fay = await scene.firefox('Fay');
  const says = (words) => until(`Fay reads ${words}`, () => fay.evaluate((words) => document.body.innerText.includes(words), words));
  const pressed = (name) => fay.evaluate((name) => [...document.querySelectorAll('button')].find((one) => one.textContent.trim() === name)?.getAttribute('aria-pressed'), name);

  // Made by two clicks; what it is for gives it its look.
  await fay.open(server.url);
  await fay.page.locator('label[data-activity=party]').click();
  await fay.press('Create room');
  await fay.sees('Join');
  const path = await fay.evaluate(() => location.pathname);
  const hostToken = await fay.evaluate((code) => localStorage.getItem(`veranda.host.${code}`), path.split('/').pop());
  const found = await server.call('GET', `/rooms/${path.split('/').pop()}`);
  assert.equal(found.activity, 'party');

  // Before joining: own picture, devices, ways to invite.
  await until('her own picture is there', () => fay.evaluate(() => document.querySelector('.mirror video')?.videoWidth > 0));
  await fay.page.locator('summary').click();
  await until('she may choose devices', () => fay.evaluate(() => document.querySelectorAll('.mirror select').length >= 2));
  await fay.sees('Copy invitation');
  await fay.press('QR code');
  await until('a QR code is drawn', () => fay.evaluate(() => document.querySelector('svg[aria-label^="QR code"] path') !== null));
  await fay.enter();
  await fay.press('Copy invitation');
  await fay.sees('Embed');
  await fay.page.keyboard.press('Escape');
  const call = (method, path, body) => server.call(method, path, { token: hostToken, body });
  await call('PATCH', `/rooms/${found.id}`, { lobby: true });

  // Ben knocks, and is let in.
  const ben = await scene.chromium('Ben', { look: 'green' });
  await ben.open(`${server.url}${path}`);
  await ben.fill('Your name', 'Ben');
  await ben.press('Join');
  await ben.reads('You are at the door');
  await fay.press('People');
  await fay.press('Let in Ben');
  await ben.sees('Leave');
  const people = await call('GET', `/rooms/${found.id}/participants`);
  const [f, b] = ['Fay', 'Ben'].map((name) => people.find((one) => one.name === name).id);
  await Promise.all([fay.showsColour(b, looks.green), ben.showsPicture(f), fay.hears([looks.green])]);

  // Every view of one's own; sound alone; back.
  await fay.press('View');
  for (const layout of ['Speaker', 'Stage', 'Grid']) {
    await fay.press(layout);
    await until(`${layout} is chosen`, async () => (await pressed(layout)) === 'true');
    assert.equal((await fay.tiles()).length >= 1, true);
  }
  await fay.showsColour(b, looks.green);
  await fay.page.keyboard.press('Escape');
  await fay.press('Settings');
  const view = (choice) => fay.page.select('select[aria-labelledby=seeing]', choice);
  const sent = async () => (await call('GET', `/rooms/${found.id}/participants`)).find(({ id }) => id === f).view;
  await view('sound');
  await until('she is sent sound alone', async () => (await sent()) === 'sound');
  await fay.hears([looks.green]);
  await view('auto');
  await until('pictures come back', async () => (await sent()) !== 'sound');
  await fay.showsColour(b, looks.green);

  // Chat and a hand.
  await ben.press('Raise hand');
  await says('Ben raised a hand');
  await ben.press('Chat');
  await ben.page.getByLabel('Write to everybody').fill('I bring the cake.');
  await ben.page.keyboard.press('Enter');
  await fay.press('Chat');
  await says('I bring the cake.');

  // A party is not meant to be recorded: she is asked first. Then everybody sees it.
  await fay.press('Start recording');
  await fay.press('Allow and record');
  await ben.reads(/being recorded/);
  await fay.press('Stop recording');
  await ben.reads('The recording has ended');

  // Left, and come back to.
  await fay.press('Leave');
  await says('You left the room');
  await ben.losesTile(f);
  await fay.press('Join again');
  await fay.enter();
  await fay.sees('Lock room');
  await fay.showsColour(b, looks.green);
  scene.figure('what Firefox complained of', fay.complaints);
}, { within: 120 });
