// Takes pictures of the page on the fake server: `node dev/shots.mjs FOLDER [desktop|phone|dark|phonedark]…`.
import { mkdtempSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { startFake } from './fake-server.mjs';

const [folder = 'shots', ...only] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const FLAGS = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', '--disable-features=WebRtcHideLocalIpsWithMdns', '--autoplay-policy=no-user-gesture-required', '--auto-select-desktop-capture-source=Entire screen'];
const LOOKS = {
  tablet: { viewport: { width: 820, height: 1180 }, colorScheme: 'light', hasTouch: true, isMobile: true },
  sideways: { viewport: { width: 844, height: 390 }, colorScheme: 'dark', hasTouch: true, isMobile: true, deviceScaleFactor: 2 },
  desktop: { viewport: { width: 1280, height: 800 }, colorScheme: 'light' },
  phone: { viewport: { width: 390, height: 844 }, colorScheme: 'light', hasTouch: true, isMobile: true, deviceScaleFactor: 2 },
  dark: { viewport: { width: 1280, height: 800 }, colorScheme: 'dark' },
  phonedark: { viewport: { width: 360, height: 740 }, colorScheme: 'dark', hasTouch: true, isMobile: true, deviceScaleFactor: 2, locale: 'fr-FR' },
};

const small = await startFake({ port: 8090, people: 2, lobby: true });
const large = await startFake({ port: 8091, people: 11 });
const screen = await startFake({ port: 8092, people: 5, screen: true });
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: FLAGS, headless: true });
const scratch = mkdtempSync(join(tmpdir(), 'veranda-'));
const engines = await browser.newContext();
for (const { port } of [small, large, screen]) await (await engines.newPage()).goto(`http://localhost:${port}/dev/engine.html`);

async function enter(page, { port }, host, wait = 1800) {
  await page.goto(`http://localhost:${port}/`);
  await page.getByRole('button', { name: /Create room|Créer le salon/ }).click();
  await page.waitForURL(/\/r\//);
  if (!host) {
    await page.evaluate(() => localStorage.clear());
    await page.goto(page.url().split('#')[0]);
  }
  await page.getByLabel(/Your name|Votre nom/).fill('Sam Weaver');
  await page.getByRole('button', { name: /^(Join|Entrer)$/ }).click();
  await page.locator('[data-participant]').first().waitFor();
  await page.waitForTimeout(wait);
}

for (const [look, options] of Object.entries(LOOKS)) {
  if (only.length && !only.includes(look)) continue;
  const context = await browser.newContext({ permissions: ['camera', 'microphone'], ...options });
  const page = await context.newPage();
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && console.log(look, message.text()));
  page.on('pageerror', (error) => console.log(look, 'PAGE ERROR', error));
  const shot = (name) => page.screenshot({ path: join(folder, `${look}-${name}.png`) });
  await page.goto('http://localhost:8090/');
  await shot('home');
  await page.getByRole('button', { name: /Create room|Créer le salon/ }).click();
  await page.waitForTimeout(1500);
  await shot('prejoin');
  await enter(page, small, true, 2500);
  await shot('room-2');
  await page.getByRole('button', { name: /^(Settings|Réglages)$/ }).click();
  await page.getByRole('button', { name: /^(Start recording|Enregistrer)$/ }).click();
  await page.getByRole('button', { name: /^(Go live|Passer en direct)$/ }).click();
  await page.waitForTimeout(400);
  await shot('live-dialog');
  await page.locator('#live-url').fill('rtmp://live.example.org/app');
  await page.locator('#live-key').fill('abc');
  await page.keyboard.press('Enter');
  await page.waitForTimeout(2500);
  await shot('settings');
  await page.getByRole('button', { name: /^(People|Participants)$/ }).click();
  await page.waitForTimeout(400);
  await shot('people');
  await page.keyboard.press('Escape');
  for (const [name, button] of [['chat', /^(Chat|Discussion)$/], ['view', /^(View|Affichage)$/], ['invite', /^(Copy invitation|Copier l’invitation)$/], ['react', /^(React|Réagir)$/]]) {
    await page.getByRole('button', { name: button }).click();
    await page.waitForTimeout(400);
    if (name === 'invite') await page.getByRole('button', { name: /QR/ }).click();
    await page.waitForTimeout(300);
    await shot(name);
    await page.keyboard.press('Escape');
  }
  await page.getByRole('button', { name: /^(View|Affichage)$/ }).click();
  await page.getByRole('button', { name: /^(One picture|Une seule image)$/ }).click();
  await page.waitForTimeout(700);
  await shot('mix');
  await enter(page, large, false, 3000);
  await shot('room-12');
  await page.keyboard.press('?');
  await page.waitForTimeout(300);
  await shot('keys');
  await page.keyboard.press('Escape');
  await enter(page, screen, false, 3000);
  await shot('screen');
  await page.getByRole('button', { name: /^(Leave|Quitter)$/ }).click();
  await shot('left');
  await page.goto('http://localhost:8090/r/oldinvitation');
  await page.waitForTimeout(500);
  await shot('gone');
  await page.goto('http://localhost:8090/privacy');
  await shot('privacy');
  await context.close();
}
await browser.close();
for (const server of [small, large, screen]) server.close();
console.log(`done: ${folder} (${scratch})`);
process.exit(0);
