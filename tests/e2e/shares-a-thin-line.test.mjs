// Six people, one of them behind 600 kbit/s: their voices come first, pictures share what is left, and nothing queues up.

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

/** What came to `person` in so many seconds. */
async function watch(person, seconds) {
  const first = await person.quality();
  const trips = [];
  let last;
  for (let second = 0; second < seconds; second++) {
    await media(1);
    last = await person.quality();
    trips.push(Math.round(last.roundTrip * 1000));
  }
  const grown = (kind, key) => total(last[kind], key) - total(first[kind], key);
  const moving = Object.entries(last.video).filter(([mid, slot]) => slot.decoded > (first.video[mid]?.decoded ?? 0) + seconds);
  trips.sort((a, b) => a - b);
  return {
    pictures: moving.length, heights: moving.map(([, slot]) => slot.height), decoded: grown('video', 'decoded'),
    frozen: Number(grown('video', 'frozen').toFixed(2)), roundTripMs: { median: trips[seconds >> 1], worst: trips.at(-1) },
    voice: { packets: grown('audio', 'packets'), lost: grown('audio', 'lost'), concealed:
      Number(((grown('audio', 'concealed') - grown('audio', 'silent')) / Math.max(1, grown('audio', 'samples'))).toFixed(4)) },
  };
}

onThinLines('behind 600 kbit/s in a room of six voices never break and nothing queues; pictures grow when the line does', async (scene) => {
  const network = scene.keep(await Network.start());
  const server = await scene.start({ listen: network.address, mediaAddress: network.address });
  const room = await scene.room();
  const others = new Program(swarm, [`--room=${room.invitation}`, '--people', '5', '--talkers', '3', '--simulcast', '--audio-slots', '1',
    '--video-slots', '1', '--joins-per-second', '10', '--seconds', '150', server.url]);
  scene.keep({ program: others, close: () => others.stop('SIGKILL') });
  // A line that holds back a whole second before it drops: who fills it is heard late.
  network.limit({ up: '600kbit', down: '600kbit', queue: 1000 });
  const wim = await scene.guest(room, 'Wim', { look: 'green', ...network.browser(server.url) });
  await until('Wim sees somebody', async () => total((await wim.quality()).video, 'decoded') > 0, { within: 40_000 });
  await media(8);
  const thin = await watch(wim, 30);
  scene.figure('behind 600 kbit/s', thin);
  assert.ok(thin.voice.packets > 3 * 30 * 40, `${thin.voice.packets} packets of three voices`);
  assert.equal(thin.voice.lost, 0, 'no packet of a voice was dropped');
  assert.ok(thin.voice.concealed <= 0.01, `${thin.voice.concealed} of the voices was made up`);
  assert.ok(thin.roundTripMs.worst < 300, `a round trip of ${thin.roundTripMs.worst} ms`);
  assert.ok(thin.pictures >= 1, 'some pictures fit');

  network.limit({});
  const wide = await until('all five are seen, and larger', async () => {
    const seen = await watch(wim, 3);
    if (seen.pictures === 5 && Math.max(...seen.heights) > Math.max(...thin.heights, 0)) return seen;
    throw new Error(JSON.stringify(seen));
  }, { within: 40_000 });
  scene.figure('when the line is wide again', wide);
}, { within: 240 });
