// The room in Firefox as in Chromium: made by two clicks, invited to, entered through the lobby, looked at in every view,
// written in, hosted, recorded in plain sight and watched, come back to after a cut line and after leaving.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { behaviour } from './harness/behaviour.mjs';
import { looks } from './harness/clips.mjs';
import { ownAddress } from './harness/ports.mjs';
import { until } from './harness/wait.mjs';

const axe = await readFile(new URL('./node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');

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
  for (const [choice, told] of [['tiles', 'tiles'], ['mix', 'mix'], ['sound', 'sound']]) {
    await view(choice);
    await until(`she is sent ${told}`, async () => (await sent()) === told);
    if (choice === 'mix') await until('the one picture moves', () => fay.evaluate(() => [...document.querySelectorAll('main video')].some((one) => one.videoWidth > 0 && one.currentTime > 0)));
  }
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

  // What hosts do.
  await fay.press('People');
  await fay.press('Mute Ben');
  await ben.sees('Unmute microphone');
  await fay.press('Make Ben a host');
  await ben.sees('Lock room');
  await fay.press('Make Ben a guest');
  await fay.press('Lock room');
  await until('the room is locked', async () => (await call('GET', `/rooms/${found.id}`)).locked);
  await fay.press('Unlock room');

  // The line is cut: the same place again, at once.
  await fay.evaluate(() => {
    const send = WebSocket.prototype.send;
    WebSocket.prototype.send = function (text) {
      globalThis.line = this;
      return send.call(this, text);
    };
  });
  await fay.press('Raise hand');
  await fay.sees('Lower hand');
  const cut = performance.now();
  await fay.evaluate(() => {
    globalThis.cut = globalThis.line;
    globalThis.cut.close();
  });
  await until('she has a new line', () => fay.evaluate(() => globalThis.line !== globalThis.cut && globalThis.line.readyState === WebSocket.OPEN));
  await until('and media on it', () => fay.evaluate(() => seen.connections.at(-1).connectionState === 'connected' && seen.connections.length > 1));
  await Promise.all([ben.showsPicture(f), fay.showsColour(b, looks.green)]);
  scene.figure('from the cut to pictures both ways, s', ((performance.now() - cut) / 1000).toFixed(1));
  assert.equal((await call('GET', `/rooms/${found.id}/participants`)).filter(({ id, name }) => name === 'Fay' && id === f).length, 1);
  await fay.press('Lower hand');
  await fay.sees('Raise hand');

  // By keyboard, for everyone, and nobody else is asked for anything.
  await fay.evaluate(() => document.activeElement.blur());
  await fay.page.keyboard.press('m');
  await fay.sees('Unmute microphone');
  await fay.page.keyboard.press('m');
  await fay.evaluate(axe);
  const wrong = await fay.evaluate(async () => (await globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'] })).violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`));
  assert.deepEqual(wrong, []);
  assert.deepEqual(fay.requests.filter((url) => new URL(url).host !== new URL(server.url).host && !/^(data|blob|about):/.test(url)), []);
  assert.equal(await fay.evaluate(() => document.cookie), '');
  assert.ok(await fay.evaluate(() => document.body.innerText.includes('Only passed on')));
  const loaded = await fay.evaluate(() => performance.getEntriesByType('resource').filter(({ name }) => /[.](js|css)$/.test(name)).reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0));
  scene.figure('kB of scripts and styles that Firefox loaded', (loaded / 1000).toFixed(0));
  assert.ok(loaded > 10_000 && loaded < 170_000, `${loaded} bytes`);

  // A party is not meant to be recorded: she is asked first. Then everybody sees it.
  await fay.press('Start recording');
  await fay.press('Allow and record');
  await ben.reads(/being recorded/);
  await fay.press('Stop recording');
  await ben.reads('The recording has ended');

  // Watched in the page, and deleted.
  await fay.press('Settings');
  const label = await until('it can be watched', () => fay.evaluate(() => document.querySelector('button[aria-label^="Watch"]')?.ariaLabel));
  await fay.press(label);
  await until('it plays', () => fay.evaluate(() => document.querySelector('dialog video')?.duration > 0));
  await fay.press('Close');
  await fay.press(label.replace('Watch', 'Delete'));
  await fay.press('Delete');
  await until('it is deleted', async () => (await call('GET', `/rooms/${found.id}/recordings`)).length === 0);

  // Left, and come back to; the room is remembered on this device.
  await fay.press('Leave');
  await says('You left the room');
  await ben.losesTile(f);
  await fay.press('Join again');
  await fay.enter();
  await fay.sees('Lock room');
  await fay.showsColour(b, looks.green);
  await fay.press('People');
  await fay.press('Remove Ben');
  await fay.press('Remove');
  await ben.reads(/removed/i);
  await fay.open(server.url);
  await says('Rooms you made here');
  scene.figure('what Firefox complained of', fay.complaints);
}, { within: 180 });
