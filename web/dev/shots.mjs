// Every view of the page, photographed on the fake server after a build, each look on one sheet to be looked at:
// `node dev/shots.mjs [FOLDER desktop|tablet-dark|phone|sideways…]`. Tells of everything wider than its window or cut off.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { startFake } from './fake-server.mjs';

const [folder = '/tmp/shots', ...only] = process.argv.slice(2);
const FLAGS = ['--headless=new', '--no-sandbox', '--disable-gpu', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', '--disable-features=WebRtcHideLocalIpsWithMdns', '--autoplay-policy=no-user-gesture-required'];
const touch = { hasTouch: true, isMobile: true };
const SIZES = {
  desktop: { viewport: { width: 1440, height: 900 } },
  tablet: { viewport: { width: 820, height: 1180 }, ...touch },
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, ...touch },
  sideways: { viewport: { width: 844, height: 390 }, deviceScaleFactor: 2, ...touch },
};
const RULES = { guests_share: true, join_muted: true, recording: true, names_shown: true };

const fake = await startFake({ port: 8090 });
const origin = `http://localhost:${fake.port}`;
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: FLAGS });
await (await browser.newPage()).goto(`${origin}/dev/engine.html`);

/** A new room of invented people; see `newRoom` of the fake server. */
async function room(wish) {
  const names = { name: 'Sunday table', activity: 'family' };
  const made = await fetch(`${origin}/api/v1/rooms`, { method: 'POST', body: JSON.stringify({ ...names, ...wish }) });
  return made.json();
}

/** What a person would see as broken: the page wider than its window, words cut off that nothing shows whole. */
function broken() {
  const found = [];
  if (document.documentElement.scrollWidth > innerWidth) found.push(`the page is ${document.documentElement.scrollWidth} wide`);
  for (const one of document.querySelectorAll('body *')) {
    const style = getComputedStyle(one);
    const what = `${one.tagName.toLowerCase()}.${one.className?.baseVal ?? one.className} "${(one.getAttribute('aria-label') ?? one.textContent).trim().slice(0, 30)}"`;
    if (/auto|scroll/.test(style.overflowX) && one.scrollWidth > one.clientWidth + 1) found.push(`${what} scrolls sideways by ${one.scrollWidth - one.clientWidth}`);
    if (style.textOverflow === 'ellipsis' && one.scrollWidth > one.clientWidth) found.push(`${what} is cut off`);
    if (one.matches('button, a') && one.checkVisibility()) {
      const { left, right, width } = one.getBoundingClientRect();
      if (width > 0 && (left < -1 || right > innerWidth + 1)) found.push(`${what} is outside: ${Math.round(left)} to ${Math.round(right)}`);
    }
  }
  return found;
}

for (const size of Object.keys(SIZES)) {
  for (const colorScheme of ['light', 'dark']) {
    const look = colorScheme === 'dark' ? `${size}-dark` : size;
    if (only.length === 0 || only.includes(look)) await photograph(look, { ...SIZES[size], colorScheme });
  }
}
await browser.close();
process.exit(0);

async function photograph(look, options) {
  const views = join(folder, look);
  mkdirSync(views, { recursive: true });
  const taken = [];
  let page;
  let context;
  const button = (name) => page.getByRole('button', { name, exact: true });
  const press = (name) => button(name).click({ timeout: 5000 });
  const still = (milliseconds = 450) => page.waitForTimeout(milliseconds);
  async function shot(name) {
    await page.screenshot({ path: join(views, `${name}.png`) });
    taken.push(name);
    for (const one of await page.evaluate(broken)) console.log(`${look} ${name}: ${one}`);
  }
  async function visitor(script) {
    await context?.close();
    context = await browser.newContext({ permissions: script ? [] : ['camera', 'microphone'], ...options });
    page = await context.newPage();
    page.setDefaultTimeout(15_000);
    if (script) await page.addInitScript(script);
    page.on('pageerror', (error) => console.log(look, 'PAGE ERROR', error));
  }
  async function enter(link, wait = 2500) {
    await page.goto('about:blank');
    await page.goto(link);
    await page.getByLabel('Your name').fill('Sam Weaver');
    await press('Join');
    await page.locator('[data-participant]').first().waitFor();
    await page.mouse.move(options.viewport.width / 2, 4);
    await still(wait);
  }
  async function opened(name, shotName, close = true) {
    await press(name);
    await still();
    await shot(shotName);
    if (close) await page.keyboard.press('Escape');
  }

  await visitor();
  await page.goto(origin);
  await still();
  await shot('home');
  await page.getByRole('radio', { name: /^Party/ }).check();
  await page.getByText('How it begins').click();
  await still();
  await shot('home-rules');
  const alone = await room({ people: 0 });
  await page.goto(alone.host_url);
  await still(1500);
  await shot('door-host');
  await press('QR code');
  await press('Embed');
  await page.getByText('Camera, microphone and speaker').click();
  await still();
  await shot('door-all-open');
  await enter(alone.host_url);
  await shot('room-1');
  await opened('Copy invitation', 'invite', false);
  await press('QR code');
  await press('Embed');
  await still();
  await shot('invite-all-open');
  await page.goto(origin);
  await still();
  await page.evaluate(() => scrollTo(0, 9999));
  await shot('home-mine');

  await visitor();
  await page.goto((await room({ people: 5, rules: RULES })).url);
  await still(1500);
  await shot('door-guest');
  for (const people of [1, 4, 8, 15, 23]) {
    await enter((await room({ people, ...(people === 4 ? { activity: 'work', name: 'Monday meeting' } : {}) })).url, 2500 + people * 100);
    await shot(`room-${people + 1}`);
  }
  await press('View');
  await still();
  await shot('view-sheet');
  await press('Speaker');
  await page.keyboard.press('Escape');
  await still(900);
  await shot('speaker');
  await enter((await room({ people: 5, screen: true, activity: 'class', name: 'Geometry, second lesson' })).url);
  await shot('screen');
  await opened('Chat', 'screen-chat');
  await press('View');
  await press('Stage');
  await page.keyboard.press('Escape');
  await still(900);
  await shot('stage');
  await opened('React', 'react');
  await page.keyboard.press('?');
  await still();
  await shot('keys');
  await page.keyboard.press('Escape');
  await press('Leave');
  await still();
  await shot('left');

  await visitor();
  await enter((await room({ people: 6, lobby: true, recordings: true })).host_url);
  await opened('People', 'people');
  await opened('Chat', 'chat');
  await opened('Picture options', 'picture');
  await press('Start recording');
  await opened('Go live', 'live', false);
  await page.locator('#live-url').fill('rtmp://live.example.org/app');
  await page.locator('#live-key').fill('abc');
  await page.keyboard.press('Enter');
  await still(1500);
  await shot('recorded-and-live');
  await opened('Settings', 'settings', false);
  await page.getByRole('heading', { name: 'Recordings' }).scrollIntoViewIfNeeded();
  await page.getByRole('heading', { name: 'Recordings' }).evaluate((one) => one.scrollIntoView({ block: 'start' }));
  await still();
  await shot('recordings');
  await page.getByRole('button', { name: /^Watch/ }).first().click();
  await still();
  await shot('watch');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Keyboard shortcuts' }).scrollIntoViewIfNeeded();
  await still();
  await shot('settings-end');
  await page.keyboard.press('Escape');
  await press('View');
  await press('One picture');
  await still();
  await page.keyboard.press('Escape');
  await still(700);
  await shot('mix');

  await visitor(() => {
    if (navigator.mediaDevices) navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError'));
  });
  await page.goto((await room({ people: 2 })).url);
  await still(1500);
  await shot('door-blocked');
  await page.goto((await room({ people: 2, locked: true })).url);
  await still();
  await shot('door-locked');
  await page.goto((await room({ people: 2, full: true })).url);
  await still();
  await shot('door-full');
  await page.goto((await room({ people: 2, knock: true })).url);
  await page.getByLabel('Your name').fill('Sam Weaver');
  await press('Join');
  await still();
  await shot('waiting');
  for (const [name, path] of [['gone', '/r/oldinvitation'], ['not-found', '/r/nosuchroom'], ['unknown', '/what'], ['privacy', '/privacy']]) {
    await page.goto(`${origin}${path}`);
    await still(600);
    await shot(name);
  }
  const { url, invitation } = await room({ people: 3 });
  await enter(url, 800);
  for (const socket of fake.rooms.get(invitation).sockets) socket.send(JSON.stringify({ type: 'closing', code: 'ended', message: '' }));
  await still();
  await shot('ended');

  await visitor();
  const embedded = await room({ people: 3 });
  await page.goto(`${origin}/dev/embed.html#${embedded.url}`);
  const frame = page.frameLocator('iframe');
  await frame.getByLabel('Your name').fill('Sam Weaver');
  await frame.getByRole('button', { name: 'Join', exact: true }).click();
  await still(3000);
  await shot('embedded');

  await context.close();
  await sheet(look, taken, options);
  console.log(`${look}: ${taken.length} views`);
}

/** All views of one look beside each other. */
async function sheet(look, taken, { viewport }) {
  const columns = viewport.width > viewport.height ? 4 : 7;
  const page = await browser.newPage({ viewport: { width: 2000, height: 1000 } });
  const figures = taken.map((name) => `<figure><img src="${look}/${name}.png"><figcaption>${name}</figcaption></figure>`);
  const style = `body{margin:8px;display:grid;grid-template-columns:repeat(${columns},1fr);gap:8px;background:#888;font:14px sans-serif}figure{margin:0}img{width:100%;display:block}`;
  const html = resolve(folder, `sheet-${look}.html`);
  writeFileSync(html, `<style>${style}</style>${figures.join('')}`);
  await page.goto(pathToFileURL(html).href);
  await page.screenshot({ path: join(folder, `sheet-${look}.png`), fullPage: true });
  await page.close();
}
