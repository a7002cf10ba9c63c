// Every view checked by axe in light and dark, everything done by keyboard, twice the size, without motion.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { behaviour } from './harness/behaviour.mjs';

const axe = await readFile(new URL('./node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');

/** What axe finds against WCAG 2.2 A and AA; of best practices only what concerns names and structure of the page. */
async function violations(person) {
  // Sheets and tiles fade in: half-seen colours are not those that stay.
  await person.page.emulateMedia({ reducedMotion: 'reduce' });
  await person.evaluate(axe);
  const found = await person.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }));
  assert.ok(found.passes.length > 8, 'axe looked at the page');
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, any }) => `${html.slice(0, 140)} ${any[0]?.message ?? ''}`).join(' | ')}`);
}

behaviour('no view breaks the rules of WCAG, light or dark, wide or narrow', async (scene) => {
  const server = await scene.start();
  const room = await server.room({ lobby: true, rules: { names_shown: true, join_muted: true } });
  const ann = await scene.chromium('Ann', { devices: 'refused' });
  const wrong = [];
  let views = 0;
  const check = async (person, name) => {
    for (const colorScheme of ['light', 'dark']) {
      await person.page.emulateMedia({ colorScheme });
      for (const one of await violations(person)) wrong.push(`${name}, ${colorScheme}: ${one}`);
      views++;
    }
  };
  await ann.open(server.url);
  await ann.press('Create room');
  await ann.sees('Join');
  await ann.open(server.url);
  await ann.page.getByText('How it begins').click();
  await check(ann, 'home');
  await ann.open(`${server.url}/privacy`);
  await check(ann, 'privacy');
  await ann.open(room.host_url);
  await ann.page.getByText('Camera, microphone and speaker').click();
  await ann.press('QR code');
  await check(ann, 'before joining');
  await ann.enter();
  await check(ann, 'alone in the room');

  const ben = await scene.chromium('Ben', { look: 'green', viewport: { width: 390, height: 844 } });
  await ben.open(room.url);
  await ben.fill('Your name', 'Ben');
  await ben.press('Join');
  await ben.reads('You are at the door');
  await check(ben, 'at the door');
  await ann.press('People');
  await check(ann, 'somebody at the door');
  await ann.press('Let in Ben');
  await ben.press('Raise hand');
  await ben.press('Share screen');
  await ann.press('Chat');
  await ann.page.getByLabel('Write to everybody').fill('https://example.org/ is a link');
  await ann.page.keyboard.press('Enter');
  await ann.press('React');
  await ann.press('Heart');
  await check(ann, 'chat, a hand, a screen');
  await ann.page.keyboard.press('Escape');
  for (const sheet of ['View', 'Copy invitation', 'Picture options', 'People', 'Settings']) {
    await ann.press(sheet);
    await check(ann, sheet);
  }
  await ann.press('Go live');
  await check(ann, 'live');
  await ann.page.keyboard.press('Escape');
  await ann.press('Keyboard shortcuts');
  await check(ann, 'shortcuts');
  await ann.page.keyboard.press('Escape');
  await ben.press('Chat');
  await check(ben, 'a phone with the chat');
  await ben.press('Leave');
  await ben.reads('You left the room');
  await check(ben, 'left');
  scene.figure('views checked', views);
  assert.deepEqual(wrong, []);
});

behaviour('everything is done by keyboard, at twice the size and without motion', async (scene) => {
  const room = await scene.room();
  // 1280x800 at 200 %.
  const ann = await scene.chromium('Ann', { look: 'red', viewport: { width: 640, height: 400 } });
  await ann.page.emulateMedia({ reducedMotion: 'reduce' });
  const { page } = ann;
  const fits = async (where) => assert.ok(await ann.evaluate(() => document.documentElement.scrollWidth <= innerWidth), where);
  await ann.open(room.host_url);
  await ann.sees('Join');
  await fits('before joining');
  await page.getByLabel('Your name', { exact: true }).focus();
  await page.keyboard.type('Ann');
  await page.keyboard.press('Enter');
  await ann.sees('Leave');
  await fits('the room');
  const ben = await scene.guest(room, 'Ben', { devices: 'none' });
  const benId = await room.idOf('Ben');
  const focused = () => ann.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? '');
  const reached = new Set();
  for (let at = 0; at < 40; at++) {
    await page.keyboard.press('Tab');
    reached.add(await focused());
  }
  for (const name of ['Mute microphone', 'Turn camera off', 'Raise hand', 'React', 'Chat', 'Start recording', 'Lock room', 'View', 'Copy invitation', 'People', 'Settings', 'Leave', 'Show Ben large']) {
    assert.ok(reached.has(name), `${name} is reached by Tab: ${[...reached].join(', ')}`);
  }
  await page.getByRole('button', { name: 'Leave', exact: true }).focus();
  await page.keyboard.press('Shift+Tab');
  assert.equal(await focused(), 'Settings');
  const outline = await ann.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.equal(outline, 'solid', 'and the focus is seen');
  await page.keyboard.press('t');
  await page.getByLabel('Write to everybody').waitFor();
  await page.keyboard.type('mute? m, c and h are only letters here');
  await page.keyboard.press('Enter');
  await ann.sees('Mute microphone');
  await page.keyboard.press('Escape');
  assert.equal(await page.getByLabel('Write to everybody').count(), 0);
  await page.keyboard.press('h');
  await ann.sees('Lower hand');
  await page.keyboard.press('m');
  await ann.sees('Unmute microphone');
  await ann.evaluate(() => document.activeElement.blur());
  await page.keyboard.down(' ');
  await ann.sees('Mute microphone');
  await page.keyboard.up(' ');
  await ann.sees('Unmute microphone');
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
  await page.keyboard.press('Escape');
  // Captions: what is given is shown, and read out once it is final; one key hides them.
  const captions = page.getByRole('log', { name: 'Captions' });
  assert.equal(await captions.innerText(), '', 'hidden while there are none');
  const say = (text, final) => ann.evaluate(([participant, text, final]) =>
    window.dispatchEvent(new CustomEvent('veranda:caption', { detail: { participant, text, final } })), [benId, text, final]);
  await say('Good mor', false);
  await captions.getByText('Ben Good mor').waitFor();
  assert.equal(await captions.locator('p').getAttribute('aria-hidden'), 'true', 'not read out while it grows');
  await ann.evaluate((participant) => ['Good morning', 'Good morning to all'].forEach((text, at) =>
    window.dispatchEvent(new CustomEvent('veranda:caption', { detail: { participant, text, final: at === 1 } }))), benId);
  await captions.getByText('Ben Good morning to all').waitFor();
  assert.equal(await captions.locator('p').count(), 1);
  assert.equal(await captions.locator('p').getAttribute('aria-hidden'), null);
  assert.match(await captions.ariaSnapshot(), /Good morning to all/);
  await page.keyboard.press('u');
  await ann.reads('Captions off');
  assert.equal(await captions.innerText(), '');
  await page.keyboard.press('u');
  await ben.press('React');
  await ben.press('Applause');
  await page.locator('.sign').waitFor();
  const moving = await ann.evaluate(() => document.getAnimations().length);
  assert.equal(moving, 0, 'nothing moves for whoever wants no motion');
  await page.keyboard.press('p');
  await page.getByRole('complementary', { name: 'People' }).waitFor();
  await fits('with a panel');
  await page.keyboard.press('Escape');
  await ann.press('Start recording');
  await ann.sees('Stop recording');
  for (const [width, height] of [[390, 844], [844, 390]]) {
    await page.setViewportSize({ width, height });
    const outside = await ann.evaluate(() => [...document.querySelectorAll('footer button')]
      .filter((one) => one.getBoundingClientRect().left < 0 || one.getBoundingClientRect().right > innerWidth).map(({ ariaLabel }) => ariaLabel));
    assert.deepEqual(outside, [], `every button of a host who records is there at ${width}x${height}`);
  }
});
