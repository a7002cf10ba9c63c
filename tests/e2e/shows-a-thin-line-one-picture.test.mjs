// Six people, one of them behind 300 kbit/s: everybody as one picture by itself, unbroken voices, and everybody again when
// the line is better.

import assert from 'node:assert/strict';
import { join, resolve } from 'node:path';
import test from 'node:test';
import { behaviour } from './harness/behaviour.mjs';
import { Network } from './harness/network.mjs';
import { Program } from './harness/processes.mjs';
import { media, until } from './harness/wait.mjs';

const root = resolve(import.meta.dirname, '../..');
const swarm = process.env.E2E_SWARM ?? join(root, process.env.CARGO_TARGET_DIR ?? 'target', 'debug/veranda-swarm');
const missing = Network.missing();
const onThinLines = missing ? (name) => test(name, { skip: missing }, () => {}) : behaviour;

const total = (streams, key) => Object.values(streams).reduce((sum, stream) => sum + stream[key], 0);

onThinLines('behind 300 kbit/s everybody is one picture and voices never break; on a better line everybody comes back', async (scene) => {
  const network = scene.keep(await Network.start());
  const server = await scene.start({ listen: network.address, mediaAddress: network.address });
  const room = await scene.room();
  const others = new Program(swarm, [`--room=${room.invitation}`, '--people', '5', '--talkers', '1', '--simulcast', '--audio-slots', '1',
    '--video-slots', '1', '--joins-per-second', '10', '--seconds', '150', server.url]);
  scene.keep({ program: others, close: () => others.stop('SIGKILL') });
  const wim = await scene.guest(room, 'Wim', { look: 'green', ...network.browser(server.url) });
  const view = async () => (await room.participants()).find((person) => person.name === 'Wim').view;
  const pictures = async (seconds) => {
    const before = await wim.quality();
    await media(seconds);
    const after = await wim.quality();
    const moved = Object.entries(after.video).map(([mid, slot]) => (slot.decoded - (before.video[mid]?.decoded ?? 0)) / seconds);
    const grown = (key) => total(after.audio, key) - total(before.audio, key);
    return { rates: moved.filter((rate) => rate > 1).map((rate) => Number(rate.toFixed(1))), lost: grown('lost'), packets: grown('packets'),
      concealed: Number(((grown('concealed') - grown('silent')) / Math.max(1, grown('samples'))).toFixed(4)) };
  };
  await until('Wim sees everybody', async () => (await pictures(1)).rates.length === 5, { within: 40_000 });
  assert.equal(await view(), 'tiles');

  network.limit({ up: '300kbit', down: '300kbit', queue: 1000 });
  const narrowed = performance.now();
  await until('Wim is sent one picture', async () => {
    const seen = await pictures(1);
    if ((await view()) === 'mix' && seen.rates.length === 1 && seen.rates[0] >= 12) return seen;
    throw new Error(JSON.stringify({ view: await view(), ...seen }));
  }, { within: 40_000 });
  const one = (performance.now() - narrowed) / 1000;
  scene.figure('one picture, s after the line got thin', one.toFixed(1));
  assert.ok(one <= 10, `one picture after ${one.toFixed(1)} s`);
  await wim.reads('Your line is thin');
  const thin = await pictures(20);
  scene.figure('behind 300 kbit/s', thin);
  assert.equal(thin.rates.length, 1);
  assert.ok(thin.rates[0] >= 12, `${thin.rates[0]} pictures a second`);
  assert.equal(thin.lost, 0, 'no packet of a voice was dropped');

  network.limit({});
  const widened = performance.now();
  await until('everybody is back', async () => {
    const seen = await pictures(1);
    if (seen.rates.length === 5 && (await view()) === 'tiles') return true;
    throw new Error(JSON.stringify({ view: await view(), ...seen }));
  }, { within: 60_000 });
  const back = (performance.now() - widened) / 1000;
  scene.figure('everybody again, s after the line got better', back.toFixed(1));
  assert.ok(back <= 20, `everybody again after ${back.toFixed(1)} s`);
  assert.equal((await wim.negotiations()).createOffer, 1);
}, { within: 240 });
