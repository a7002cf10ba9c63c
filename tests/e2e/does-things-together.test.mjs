// Chat, reactions and hands between people, what hosts do about them, and what becomes of whoever floods.

import assert from 'node:assert/strict';
import { behaviour } from './harness/behaviour.mjs';
import { until } from './harness/wait.mjs';

const chatOf = (person) => person.page.getByRole('log', { name: 'Chat' });
const tile = (person, name) => person.page.getByRole('article', { name, exact: true });

async function write(person, text) {
  await person.page.getByLabel('Write to everybody').fill(text);
  await person.page.keyboard.press('Enter');
}

behaviour('people write, react and raise hands; late comers read; a flood is slowed and removed', async (scene) => {
  const room = await scene.room();
  const ann = await scene.guest(room, 'Ann', { host: true, devices: 'none' });
  const ben = await scene.guest(room, 'Ben', { look: 'green' });
  await ann.press('Chat');
  await ben.press('Chat');

  const hostile = '<img src=x onerror="window.hit=1"> \u202etxt.exe https://example.org/cake. javascript:alert(1)';
  await write(ann, hostile);
  await chatOf(ben).getByText('onerror').waitFor();
  const links = await chatOf(ben).getByRole('link').evaluateAll((all) => all.map((link) => [link.href, link.rel, link.target]));
  assert.deepEqual(links, [['https://example.org/cake', 'noopener noreferrer nofollow', '_blank']]);
  assert.equal(await ben.evaluate(() => window.hit), undefined);
  assert.ok(!(await chatOf(ben).innerText()).includes('\u202e'));

  const carl = await scene.firefox('Carl');
  await carl.join(room.url);
  await carl.press('Chat');
  await until('Carl reads it', () => carl.evaluate(() => document.querySelector('[role=log][aria-label=Chat]')?.innerText.includes('onerror')));
  await ben.page.getByLabel('Write to everybody').fill('🎈'.repeat(2001));
  await ben.page.getByText('1 character too many').waitFor();
  assert.ok(await ben.page.getByRole('button', { name: 'Send' }).isDisabled());

  await ben.press('React');
  await ben.press('Heart');
  await tile(ann, 'Ben').locator('.sign').waitFor();
  await carl.press('Raise hand');
  await ben.press('Raise hand');
  await ann.press('People');
  const order = async () => ann.page.getByRole('listitem').filter({ has: ann.page.getByRole('button', { name: /^Lower the hand/ }) }).allInnerTexts();
  await until('both hands are in order', async () => JSON.stringify((await order()).map((text) => text.split(/\s+/).slice(0, 2))) === '[["1","Carl"],["2","Ben"]]');
  await ann.press('Lower the hand of Carl');
  await carl.sees('Raise hand');
  await ann.press('Mute all guests');
  await ben.sees('Unmute microphone');
  await ann.press('Ask Ben to unmute');
  await ben.page.getByRole('button', { name: /asks you to unmute/ }).click();
  await ben.sees('Mute microphone');

  // Other windows and the whole screen; what the browser refuses is said.
  await ben.press('View');
  await ben.press('Full screen');
  await until('the page fills the screen', () => ben.evaluate(() => document.fullscreenElement !== null));
  await ben.evaluate(() => document.exitFullscreen());
  await ben.press('View');
  await ben.press('Picture in picture');
  await until('a picture floats', () => ben.evaluate(() => document.pictureInPictureElement?.videoWidth > 0));
  await ben.evaluate(() => document.exitPictureInPicture());
  await ben.evaluate(() => (HTMLVideoElement.prototype.requestPictureInPicture = () => Promise.reject(new DOMException('no', 'NotAllowedError'))));
  await ben.press('View');
  await ben.press('Picture in picture');
  await ben.reads('No picture can float now');

  // A page that was changed to say too much: first refused, then gone for good.
  const refusals = await ben.evaluate(async (url) => {
    const socket = new WebSocket(url);
    let refused = 0;
    await new Promise((opened) => (socket.onopen = opened));
    socket.send(JSON.stringify({ type: 'join', protocol: 1, name: 'Flood' }));
    const closed = new Promise((end) => {
      socket.onmessage = ({ data }) => {
        const message = JSON.parse(data);
        if (message.type === 'welcome') for (let at = 0; at < 60; at++) socket.send(JSON.stringify({ type: 'chat', text: `flood ${at}` }));
        if (message.type === 'error') refused++;
        if (message.type === 'closing') end(message.code);
      };
    });
    return [await closed, refused];
  }, `${scene.server.url.replace('http', 'ws')}/api/v1/rooms/${room.invitation}/socket`);
  assert.equal(refusals[0], 'flooded');
  assert.ok(refusals[1] >= 20, String(refusals));
  assert.equal(await chatOf(ben).getByText(/flood/).count(), 8, 'and the others read what is bearable');
  await ben.page.getByRole('article', { name: 'Flood' }).waitFor({ state: 'detached' });
});

behaviour('a host shares the room out: rules, co-host, handing over, end', async (scene) => {
  const room = await scene.room();
  const ann = await scene.guest(room, 'Ann', { host: true, devices: 'none' });
  const ben = await scene.guest(room, 'Ben', { look: 'green' });
  await ben.press('Share screen');
  await ann.page.locator('[data-screen-of]').waitFor();
  await ben.evaluate(() => document.querySelector('.own:not(.screen) video').srcObject.getTracks()[0].dispatchEvent(new Event('ended')));
  await ben.reads(/The camera is gone/);
  await ben.sees('Turn camera on');
  await ann.press('Settings');
  await ann.page.getByRole('switch', { name: 'Guests may share their screen' }).click();
  await ann.page.locator('[data-screen-of]').waitFor({ state: 'detached' });
  await ben.reads(/no longer shared/);
  await ben.page.getByRole('button', { name: 'Share screen' }).waitFor({ state: 'detached' });

  await ann.page.getByRole('switch', { name: 'Guests come in muted' }).click();
  await ann.page.getByRole('switch', { name: 'The link shows who is in' }).click();
  const carl = await scene.chromium('Carl', { look: 'blue' });
  await carl.open(room.url);
  await carl.reads(/2 people are here.*Ann and Ben/);
  await carl.reads(/come in muted/);
  await carl.enter();
  await carl.sees('Unmute microphone');

  await ann.page.getByLabel('Hand the room over').selectOption({ label: 'Ben' });
  await ann.press('Hand over');
  await ben.sees('Lock room');
  await ann.page.getByRole('button', { name: 'Lock room' }).waitFor({ state: 'detached' });
  await ben.press('Settings');
  await ben.press('End for all');
  await ben.press('End it');
  for (const person of [ann, ben, carl]) await person.reads('The room has ended');
});

behaviour('a page older than the server is told to load again', async (scene) => {
  const room = await scene.room();
  const old = await scene.chromium('Old', { devices: 'none' });
  await old.page.addInitScript(() => {
    const send = WebSocket.prototype.send;
    WebSocket.prototype.send = function (data) {
      send.call(this, String(data).replace('"protocol":1', '"protocol":0'));
    };
  });
  await old.open(room.url);
  await old.fill('Your name', 'Old');
  await old.press('Join');
  await old.sees('Load again');
  await old.newPage();
  await old.open(`${room.url}#host=<script>alert(1)</script>`);
  await old.sees('Join');
});
