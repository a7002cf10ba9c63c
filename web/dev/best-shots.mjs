// The pictures of the README: `node dev/best-shots.mjs ../docs/images` after a build. Invented people, also at one's own camera.
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { startFake } from './fake-server.mjs';

const [folder] = process.argv.slice(2);
const FLAGS = ['--headless=new', '--no-sandbox', '--disable-gpu', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', '--disable-features=WebRtcHideLocalIpsWithMdns', '--autoplay-policy=no-user-gesture-required'];
const fake = await startFake({ port: 8095, people: 7 });
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: FLAGS });
await (await browser.newContext()).newPage().then((page) => page.goto(`http://localhost:${fake.port}/dev/engine.html`));

/** Another drawn person instead of the browser's test picture. */
function camera() {
  const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = await open(wanted);
    const [test] = stream.getVideoTracks();
    if (test === undefined) return stream;
    const canvas = Object.assign(document.createElement('canvas'), { width: 1280, height: 720 });
    const draw = canvas.getContext('2d');
    setInterval(() => {
      const shape = (colour, path) => {
        draw.fillStyle = colour;
        draw.beginPath();
        path();
        draw.fill();
      };
      shape('#e8d9b5', () => draw.rect(0, 0, 1280, 720));
      shape('#d8c596', () => draw.rect(880, 80, 300, 220));
      shape('#3d5a80', () => draw.ellipse(640, 740, 300, 240, 0, 0, 7));
      shape('#b97b56', () => draw.ellipse(640, 370, 132, 164, 0, 0, 7));
      shape('#1f1a17', () => draw.ellipse(640, 262, 146, 96, 0, Math.PI, 0));
      for (const x of [580, 680]) shape('#1f1a17', () => draw.rect(x, 360, 20, 20));
      shape('#1f1a17', () => draw.ellipse(640, 448, 40, 14, 0, 0, Math.PI));
    }, 66);
    stream.removeTrack(test);
    stream.addTrack(canvas.captureStream(15).getVideoTracks()[0]);
    return stream;
  };
}

async function visit(viewport, colorScheme, steps) {
  const context = await browser.newContext({ permissions: ['camera', 'microphone'], viewport, colorScheme, ...(viewport.width < 500 ? { isMobile: true, hasTouch: true, deviceScaleFactor: 2 } : {}) });
  const page = await context.newPage();
  await page.addInitScript(camera);
  await page.goto(`http://localhost:${fake.port}/`);
  await page.getByRole('radio', { name: /^Family/ }).check();
  await page.getByRole('button', { name: 'Sunday table' }).click();
  await steps(page, (name) => page.screenshot({ path: join(folder, name), type: name.endsWith('jpg') ? 'jpeg' : 'png', ...(name.endsWith('jpg') ? { quality: 88 } : {}) }));
  await context.close();
}

async function enter(page) {
  await page.getByRole('button', { name: 'Create room' }).click();
  await page.getByLabel('Your name').fill('Sam Weaver');
  await page.getByRole('button', { name: 'Join', exact: true }).click();
  await page.waitForTimeout(3500);
}

await visit({ width: 1280, height: 800 }, 'light', async (page, shot) => {
  await shot('page-home.jpg');
  await enter(page);
  await page.getByRole('button', { name: 'Chat', exact: true }).click();
  await page.getByLabel('Write to everybody').fill('I bring the coffee.');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Raise hand' }).click();
  await page.mouse.move(640, 20);
  await page.waitForTimeout(5500);
  await shot('page-room.jpg');
});
await visit({ width: 390, height: 844 }, 'dark', async (page, shot) => {
  await enter(page);
  await page.waitForTimeout(2500);
  await shot('page-phone.jpg');
});
process.exit(0);
