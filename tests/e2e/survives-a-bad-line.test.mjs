// Packets get lost on the way up and down: pictures go on, voices stay whole, and what breaks mends by itself.

import assert from 'node:assert/strict';
import test from 'node:test';
import { behaviour } from './harness/behaviour.mjs';
import { looks } from './harness/clips.mjs';
import { Network, trusting } from './harness/network.mjs';
import { media, until } from './harness/wait.mjs';

const missing = Network.missing();
const onBadLines = missing ? (name) => test(name, { skip: missing }, () => {}) : behaviour;

const measured = 30;
/** Until browsers have reported the loss to each other: they do so for sound every 5 s. */
const settling = 12;

/** Ann here and Ben at the far end of a line, who see and hear each other. They speak: sound that is no voice has no FEC. */
async function meet(scene) {
  const network = scene.keep(await Network.start());
  const server = await scene.start({ listen: network.address, mediaAddress: network.address });
  const room = await scene.room();
  const ann = await scene.guest(room, 'Ann', { look: 'red', speech: true, ...trusting(server.url) });
  const ben = await scene.guest(room, 'Ben', { look: 'green', speech: true, ...network.browser(server.url) });
  const [a, b] = [await room.idOf('Ann'), await room.idOf('Ben')];
  await Promise.all([ann.showsColour(b, looks.green), ben.showsColour(a, looks.red)]);
  await until('they hear each other', async () => {
    const [seenByAnn, seenByBen] = await Promise.all([ann.quality(), ben.quality()]);
    return [seenByAnn, seenByBen].every(({ audio }) => total(audio, 'energy') > 0.001);
  });
  // Chromium sends a camera of 640x360 in two layers; the larger comes once its estimate has grown.
  await until('the pictures have their size', async () => {
    const [seenByAnn, seenByBen] = await Promise.all([ann.quality(), ben.quality()]);
    return [seenByAnn, seenByBen].every(({ video }) => Object.values(video).some(({ height }) => height >= 180));
  }, { within: 40_000, every: 500 });
  return { network, room, ann, ben };
}

const total = (streams, key) => Object.values(streams).reduce((sum, stream) => sum + stream[key], 0);

/** Lets media pass; what `from` sent and `to` made of it meanwhile. Sent is what the layer had that was watched, second by second. */
async function measure(from, to, seconds = measured) {
  const look = async () => ({ sent: (await from.quality()).sent, seen: await to.quality() });
  const first = await look();
  let [last, sent, switches] = [first, 0, 0];
  for (let second = 0; second < seconds; second++) {
    await media(1);
    const now = await look();
    const height = heightOf(now.seen);
    switches += Number(height !== heightOf(last.seen));
    const [rid, layer] = Object.entries(now.sent).find(([, stream]) => stream.kind === 'video' && stream.height === height) ?? [];
    sent += rid ? layer.frames - last.sent[rid].frames : 0;
    last = now;
  }
  const grown = (kind, key) => total(last.seen[kind], key) - total(first.seen[kind], key);
  const decoded = grown('video', 'decoded');
  return {
    height: heightOf(last.seen), switches, sent, decoded, share: Number((decoded / sent).toFixed(4)),
    ...Object.fromEntries(['freezes', 'keyFrames', 'repaired', 'lost', 'dropped', 'plis'].map((key) => [key, grown('video', key)])),
    frozen: Number(grown('video', 'frozen').toFixed(2)),
    bufferMs: Math.round((1000 * grown('video', 'waited')) / Math.max(1, grown('video', 'emitted'))),
    limited: Object.values(last.sent).filter((stream) => stream.kind === 'video').map((stream) => stream.limited).join(),
    voice: { lost: grown('audio', 'lost'), byFec: grown('audio', 'fec'), packets: grown('audio', 'packets'),
      concealed: Number(((grown('audio', 'concealed') - grown('audio', 'silent')) / Math.max(1, grown('audio', 'samples'))).toFixed(4)) },
  };
}

const heightOf = ({ video }) => Math.max(...Object.values(video).map((stream) => stream.height));

async function both({ ann, ben }, seconds) {
  const [down, up] = await Promise.all([measure(ann, ben, seconds), measure(ben, ann, seconds)]);
  return { down, up };
}

onBadLines('5 % of the packets lost both ways: the picture goes on and the voice is whole', async (scene) => {
  const people = await meet(scene);
  scene.figure('without loss', await both(people, 3));
  people.network.lose({ up: 5, down: 5 });
  await media(settling);
  const { up, down } = await both(people);
  scene.figure('packets lost', people.network.lost);
  scene.figure('down the line', down);
  scene.figure('up the line', up);
  for (const [way, seen] of Object.entries({ up, down })) {
    assert.ok(seen.share >= 0.97, `${way}: ${seen.decoded} of ${seen.sent} frames decoded`);
    assert.ok(seen.frozen <= 1, `${way}: frozen for ${seen.frozen} s`);
    assert.ok(seen.voice.concealed <= 0.02, `${way}: ${seen.voice.concealed} of the voice was made up`);
  }
}, { within: 240 });

onBadLines('20 % of the packets lost both ways: voices are understood, and pictures come back by themselves', async (scene) => {
  const people = await meet(scene);
  people.network.lose({ up: 20, down: 20 });
  await media(settling);
  const { up, down } = await both(people);
  scene.figure('packets lost', people.network.lost);
  scene.figure('down the line', down);
  scene.figure('up the line', up);
  for (const [way, seen] of Object.entries({ up, down })) {
    assert.ok(seen.voice.concealed <= 0.15, `${way}: ${seen.voice.concealed} of the voice was made up`);
    assert.ok(seen.decoded > 0, `${way}: no picture got through`);
  }
  people.network.lose({});
  await Promise.all([people.ann.decodes(1, 10_000), people.ben.decodes(1, 10_000)]);
  await media(3);
  const after = await both(people, 6);
  scene.figure('once nothing is lost any more', after);
  for (const [way, seen] of Object.entries(after)) {
    assert.ok(seen.frozen <= 0.5, `${way}: frozen for ${seen.frozen} s after the loss`);
    assert.ok(seen.voice.concealed <= 0.02, `${way}: ${seen.voice.concealed} of the voice was made up after the loss`);
  }
}, { within: 240 });
