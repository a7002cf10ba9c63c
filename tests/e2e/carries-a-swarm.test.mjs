// The load tool against the server: that both work is seen in what arrives. How fast is the bench's matter (docs/benchmarks.md).

import assert from 'node:assert/strict';
import { join, resolve } from 'node:path';
import { behaviour } from './harness/behaviour.mjs';
import { run } from './harness/processes.mjs';

const root = resolve(import.meta.dirname, '../..');
const swarm = process.env.E2E_SWARM ?? join(root, process.env.CARGO_TARGET_DIR ?? 'target', 'debug/veranda-swarm');

async function report(server, ...args) {
  const pid = String(server.program.child.pid);
  return JSON.parse(await run(swarm, ['--json', '--server-pid', pid, ...args, server.url]));
}

behaviour('a swarm of six fills its slots and nothing is lost; five more come and go', async (scene) => {
  const server = await scene.start();
  const found = await report(server, '--people', '6', '--joins-per-second', '20', '--seconds', '2', '--churn', '5');
  scene.figure('packets a second', Math.round(found.packets_per_second));
  scene.figure('first picture, ms', found.first_picture);
  assert.deepEqual(found.problems, []);
  assert.equal(found.joined, 6);
  assert.equal(found.connected.count, 6);
  assert.equal(found.first_picture.count, 6);
  assert.equal(found.audio.slots, 6 * 3, 'three voices for each');
  assert.equal(found.video.slots, 6 * 5, 'everybody else for each');
  assert.equal(found.audio.lost + found.video.lost, 0);
  assert.ok(found.video.pictures > 6 * 5 * 30, `${found.video.pictures} pictures in two seconds`);
  assert.ok(found.audio.latency.count === found.audio.packets, 'the stamps came through');
  assert.ok(found.server.loaded.threads > found.server.before.threads);
  assert.deepEqual(found.churn.problems, []);
  assert.equal(found.churn.visits, 5);
});

behaviour('a swarm sends three layers, and who does not say what is drawn is shown the one that suits two pictures', async (scene) => {
  const server = await scene.start();
  const found = await report(server, '--people', '3', '--simulcast', '--seconds', '2');
  assert.deepEqual(found.problems, []);
  assert.equal(found.video.slots, 3 * 2);
  const rate = (found.video.bytes * 8) / found.seconds / found.video.slots;
  scene.figure('bit/s of a slot', Math.round(rate));
  assert.ok(rate > 400_000 && rate < 750_000, `${rate} bit/s: not the layer of 540 kbit/s`);
});
