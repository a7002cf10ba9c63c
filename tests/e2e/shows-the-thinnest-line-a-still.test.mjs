// A line that carries no picture at all: the voice goes on, and a still picture shows now and then what there is to see. One that
// is better carries the mix beside it.

import assert from 'node:assert/strict';
import test from 'node:test';
import { behaviour } from './harness/behaviour.mjs';
import { Network, trusting } from './harness/network.mjs';
import { media, until } from './harness/wait.mjs';

const missing = Network.missing();
const onThinLines = missing ? (name) => test(name, { skip: missing }, () => {}) : behaviour;

const total = (streams, key) => Object.values(streams).reduce((sum, stream) => sum + stream[key], 0);

/** The still picture, if the page shows one: its address and a thumbnail's pixels. */
function stillPicture() {
  const image = document.querySelector('[data-still]');
  if (!image?.complete || !image.naturalWidth) return null;
  const canvas = Object.assign(document.createElement('canvas'), { width: 16, height: 9 });
  const context = canvas.getContext('2d');
  context.drawImage(image, 0, 0, 16, 9);
  return { source: image.src, pixels: [...context.getImageData(0, 0, 16, 9).data] };
}

onThinLines('on 64 kbit/s the voice goes on beside still pictures, on 200 beside one picture, and all comes back with the line', async (scene) => {
  const network = scene.keep(await Network.start());
  await scene.start({ listen: network.address, mediaAddress: network.address });
  const room = await scene.room();
  // Somebody who speaks, with pauses, and whose picture is as much as a face is.
  await scene.guest(room, 'Ann', { look: 'red', speech: true, busy: true, ...trusting(scene.server.url) });
  const wim = await scene.guest(room, 'Wim', { devices: 'none', ...network.browser(scene.server.url) });
  await wim.decodes(1);

  network.limit({ up: '200kbit', down: '64kbit', queue: 1000 });
  const narrowed = performance.now();
  const still = () => wim.page.evaluate(stillPicture);
  const first = await until('there is a still picture', still, { within: 40_000 });
  scene.figure('a still picture, s after the line got thin', ((performance.now() - narrowed) / 1000).toFixed(1));
  await wim.reads('Your line is very thin');

  // Until what filled the line before it was known to be thin has gone through it.
  await media(4);
  const before = await wim.quality();
  const second = await until('and another', async () => {
    const seen = await still();
    return seen && seen.source !== first.source && seen;
  }, { within: 20_000 });
  assert.notDeepEqual(second.pixels, first.pixels, 'it shows another moment');
  await media(5);
  const grown = (from, to, kind, key) => total(to[kind], key) - total(from[kind], key);
  const unbroken = (name, from, to) => {
    const voice = { lost: grown(from, to, 'audio', 'lost'), packets: grown(from, to, 'audio', 'packets'), concealed:
      Number(((grown(from, to, 'audio', 'concealed') - grown(from, to, 'audio', 'silent')) / Math.max(1, grown(from, to, 'audio', 'samples'))).toFixed(4)) };
    scene.figure(`the voice beside ${name}`, voice);
    assert.ok(voice.packets > 100 && voice.lost <= 0.02 * voice.packets, `the voice goes on beside ${name}`);
    assert.ok(voice.concealed <= 0.02, `${voice.concealed} of the voice was made up beside ${name}`);
  };
  const after = await wim.quality();
  unbroken('stills', before, after);
  assert.equal(grown(before, after, 'video', 'decoded'), 0, 'no picture beside it');

  network.limit({ up: '200kbit', down: '200kbit', queue: 1000 });
  await until('he is sent the mix', async () => (await room.participants()).find((one) => one.name === 'Wim').view === 'mix', { within: 40_000 });
  // Until what filled the line before has gone through it.
  await media(6);
  const slow = await wim.quality();
  await media(8);
  const slower = await wim.quality();
  const pace = grown(slow, slower, 'video', 'decoded') / 8;
  scene.figure('pictures a second on 200 kbit/s', pace.toFixed(1));
  assert.ok(pace >= 10, `${pace} pictures a second`);
  unbroken('one picture', slow, slower);

  network.limit({});
  const widened = performance.now();
  await wim.decodes(1);
  await until('the still is gone', async () => (await still()) === null);
  scene.figure('the picture again, s after the line got better', ((performance.now() - widened) / 1000).toFixed(1));
});
