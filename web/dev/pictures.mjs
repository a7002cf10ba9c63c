// Draws what stands in public/: the cards that chats show of a link, and the icons. `node dev/pictures.mjs` after a
// change of ActivityArt, the colours or the sign.
import { readFileSync, writeFileSync } from 'node:fs';
import { chromium } from 'playwright-core';

const source = readFileSync(new URL('../src/view/ActivityArt.svelte', import.meta.url), 'utf8');
const TITLES = { catch_up: 'Catch up', family: 'Family', work: 'Work', class: 'Class', party: 'Party', show: 'Show' };
const COLOURS = { catch_up: ['#1f6f5c', '#dcece6'], family: ['#a84a23', '#f8e4d9'], work: ['#2a5ca5', '#dfe9f7'], class: ['#6546a3', '#e9e2f6'], party: ['#ab2b68', '#f9e0ec'], show: ['#7d5200', '#f6e8c8'] };
const SIGN = 'M4 14 16 5l12 9M8 13.5v12M24 13.5v12M4.5 25.500h23M8 20.500h16';

function scene(activity) {
  const names = [...source.matchAll(/activity === '(\w+)'\}([\s\S]*?)\{:else/g)].map(([, name, art]) => [name, art]);
  const last = source.match(/\{:else\}\n([\s\S]*?)\{\/if\}/)[1];
  return Object.fromEntries(names)[activity] ?? last;
}

const card = (activity, [accent, soft]) => `<style>*{margin:0;box-sizing:border-box}body{width:1200px;height:630px;background:#f7f5f0;font-family:system-ui,sans-serif;color:#1d2126;display:flex;align-items:center;padding:0 90px;gap:70px}
.ground{fill:${soft}}.fill{fill:#fff}.line{stroke:${accent};stroke-width:1.6}.solid{fill:${accent}}h1{font-size:92px;letter-spacing:-3px;color:${accent}}p{font-size:40px;margin-top:18px;color:#5a5f68}.brand{display:flex;align-items:center;gap:16px;font-size:38px;font-weight:700;margin-bottom:40px}</style>
<svg width="400" height="400" viewBox="0 0 56 56" fill="none" stroke-linecap="round" stroke-linejoin="round"><circle class="ground" cx="28" cy="28" r="26"/>${scene(activity)}</svg>
<div><div class="brand"><svg width="56" height="56" viewBox="0 0 32 32" fill="none" stroke="currentColor" stroke-width="2.4" stroke-linecap="round" stroke-linejoin="round"><path d="${SIGN}"/></svg>Veranda</div><h1>${TITLES[activity]}</h1><p>Open the link, say your name, come in.</p></div>`;

const icon = (size, pad) => `<style>*{margin:0}body{width:${size}px;height:${size}px;background:#1f6f5c;display:grid;place-items:center}</style><svg width="${size * pad}" height="${size * pad}" viewBox="0 0 32 32" fill="none" stroke="#fff" stroke-width="2.600" stroke-linecap="round" stroke-linejoin="round"><path d="${SIGN}"/></svg>`;

const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
async function draw(name, html, width, height) {
  const page = await browser.newPage({ viewport: { width, height } });
  await page.setContent(html);
  writeFileSync(new URL(`../public/${name}.png`, import.meta.url), await page.screenshot({ type: 'png' }));
  await page.close();
}
for (const [activity, colours] of Object.entries(COLOURS)) await draw(`card-${activity}`, card(activity, colours), 1200, 630);
for (const size of [192, 512]) await draw(`icon-${size}`, icon(size, 0.56), size, size);
await browser.close();
