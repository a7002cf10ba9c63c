// What a pasted link shows and what it does not, where the page may be framed, how small its first load is.

import assert from 'node:assert/strict';
import { behaviour } from './harness/behaviour.mjs';

/** Compressed, of the room page: issue 5, item 11. */
const BUDGET = 170_000;

behaviour('an invitation has a card, ways to send it, and a page that is small', async (scene) => {
  const server = await scene.start();
  const room = await server.room({ name: 'Tea & <b>cake</b> "now"', activity: 'party' });
  const page = await (await fetch(room.url)).text();
  assert.match(page, /<meta property="og:title" content="Tea &amp; &lt;b&gt;cake&lt;\/b&gt; &quot;now&quot;" \/>/);
  const picture = page.match(/property="og:image" content="([^"]+)"/)[1];
  const card = await fetch(picture);
  assert.equal(card.headers.get('content-type'), 'image/png');
  assert.ok(Number(card.headers.get('content-length') ?? (await card.arrayBuffer()).byteLength) > 1000);
  assert.ok(!page.includes(room.host_token) && !page.includes(room.id));
  const manifest = await (await fetch(new URL('/manifest.webmanifest', server.url))).json();
  for (const { src } of manifest.icons) assert.equal((await fetch(new URL(src, server.url))).status, 200, src);

  const ann = await scene.chromium('Ann', { devices: 'none' });
  const cdp = await ann.context.newCDPSession(ann.page);
  await cdp.send('Network.enable');
  let bytes = 0;
  cdp.on('Network.loadingFinished', ({ encodedDataLength }) => (bytes += encodedDataLength));
  const whole = ann.page.waitForResponse(/assets\/Room-.*js$/).then((response) => response.finished());
  await ann.open(room.host_url);
  await ann.sees('Join');
  await whole;
  scene.figure('the room page with all of the room, bytes', bytes);
  assert.ok(bytes > 20_000 && bytes < BUDGET, `${bytes} bytes`);

  // A slow phone, for the record: a quarter of this machine's speed, 1.6 Mbit/s, 150 ms.
  await cdp.send('Network.emulateNetworkConditions', { offline: false, latency: 150, downloadThroughput: 200_000, uploadThroughput: 94_000 });
  await cdp.send('Emulation.setCPUThrottlingRate', { rate: 4 });
  await cdp.send('Network.setCacheDisabled', { cacheDisabled: true });
  await ann.page.addInitScript(() => {
    const seen = (globalThis.arrival = { join: 0, shift: 0 });
    new PerformanceObserver((list) => list.getEntries().forEach(({ value }) => (seen.shift += value))).observe({ type: 'layout-shift', buffered: true });
    new MutationObserver(() => {
      if (seen.join || ![...document.querySelectorAll('form button')].some(({ textContent }) => textContent === 'Join')) return;
      seen.drawn ??= performance.now();
      requestAnimationFrame(() => setTimeout(() => (seen.join = performance.now())));
    }).observe(document, { childList: true, subtree: true });
  });
  await ann.page.reload({ waitUntil: 'commit' });
  await ann.page.waitForFunction(() => globalThis.arrival?.join > 0);
  await ann.page.waitForResponse(/assets\/Room-.*js$/);
  await ann.reads('No camera and no microphone were found.');
  const arrival = await ann.evaluate(() => ({
    ...globalThis.arrival,
    before: performance.getEntriesByType('resource').filter(({ startTime }) => startTime < globalThis.arrival.drawn).map(({ name }) => new URL(name).pathname),
  }));
  scene.figure('on a slow phone Join is drawn and can be pressed after, s', (arrival.join / 1000).toFixed(2));
  scene.figure('what jumped on the way (cumulative layout shift)', arrival.shift.toFixed(4));
  assert.ok(arrival.shift < 0.01, `${arrival.shift}`);
  // Script, style, words, the room, side by side; a host's ways to invite and the icon come when they like.
  assert.equal(arrival.before.filter((path) => !/InviteWays|favicon/.test(path)).length, 4, arrival.before.join(' '));
  await cdp.send('Emulation.setCPUThrottlingRate', { rate: 1 });
  await cdp.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });

  await ann.enter();
  await ann.press('Copy invitation');
  const links = await ann.page.getByLabel('Invite', { exact: true }).getByRole('link').evaluateAll((all) => all.map((link) => link.href));
  const schemes = links.map((link) => new URL(link).protocol + new URL(link).host);
  assert.deepEqual(schemes, ['https:wa.me', 'fb-messenger:share', 'https:t.me', 'mailto:', 'sms:']);
  for (const link of links) assert.ok(decodeURIComponent(link).includes(room.url) && !link.includes('host='), link);
  await ann.press('QR code');
  const code = await ann.page.getByRole('img', { name: /^QR code/ }).getAttribute('viewBox');
  assert.ok(Number(code.split(' ')[2]) > 24);
  await ann.press('Embed');
  assert.ok((await ann.page.getByLabel('Embed').last().innerText()).startsWith(`<iframe src="${room.url}"`));
  assert.deepEqual(ann.requests.filter((url) => new URL(url).host !== new URL(server.url).host), []);
  assert.deepEqual(await ann.context.cookies(), []);
});

behaviour('only sites that the operator named may frame the page', async (scene) => {
  const server = await scene.start({ env: { VERANDA_EMBED_ALLOW: 'https://school.example,http://127.0.0.1:1' } });
  const policy = (await fetch(server.url)).headers.get('content-security-policy');
  assert.match(policy, /frame-ancestors 'self' https:\/\/school\.example http:\/\/127\.0\.0\.1:1$/);
  assert.doesNotMatch(policy, /unsafe|\*/);
});
