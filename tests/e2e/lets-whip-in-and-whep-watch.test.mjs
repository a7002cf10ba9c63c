// Clients of others through the standard doors: a WHIP publisher is a participant like any other, a WHEP viewer gets
// the room as one picture.

import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { behaviour } from './harness/behaviour.mjs';
import { looks } from './harness/clips.mjs';
import { isColour } from './harness/participant.mjs';
import { ownAddress } from './harness/ports.mjs';
import { Program } from './harness/processes.mjs';
import { until } from './harness/wait.mjs';

const root = resolve(import.meta.dirname, '../..');
const python = resolve(root, '.venv/bin/python');

/** One of the scripts of tests/clients; `ended()` waits for its line of JSON. */
class Client {
  constructor(script, args) {
    this.program = new Program(python, [resolve(root, 'tests/clients', script), ...args.map(String)]);
  }

  connected() {
    return this.program.says(/^connected/m, 30_000);
  }

  async ended() {
    await this.program.exited;
    const line = this.program.output.split('\n').find((one) => one.startsWith('{'));
    if (!line) throw new Error(this.program.output.slice(-2000));
    return JSON.parse(line);
  }

  close() {
    return this.program.stop('SIGTERM', 5000);
  }
}

const hex = ({ colour }) => colour.map((part) => part.toString(16).padStart(2, '0')).join('');
const publish = (url, name, look, seconds, ...more) => new Client('whip_publish.py', [url, '--name', name,
  '--colour', hex(look), '--tone', look.tone, '--duration', seconds, ...more]);

behaviour('WHIP publishers are seen and heard, and WHEP viewers watch the mix', async (scene) => {
  await scene.start({ mediaAddress: ownAddress() });
  const room = await scene.room();
  const api = `${scene.server.url}/api/v1/rooms`;
  const ann = await scene.guest(room, 'Ann', { look: 'red' });
  const will = scene.keep(publish(`${api}/${room.invitation}/whip`, 'Will', looks.violet, 120));
  await will.connected();
  const w = await room.idOf('Will');
  await ann.showsColour(w, looks.violet);
  scene.figure('Ann hears, dB', await ann.hears([looks.violet]));
  assert.equal((await room.participants()).find((person) => person.id === w).kind, 'whip');

  const viewer = scene.keep(new Client('whep_view.py', [`${api}/${room.invitation}/whep`, '--duration', 10, '--grid', '2x1']));
  await viewer.connected();
  await until('the viewer is told of', async () => (await room.participants()).some((person) => person.kind === 'whep'));
  const seen = await viewer.ended();
  scene.figure('the viewer', seen);
  assert.equal(seen.delete_status, 200);
  assert.ok(seen.frames > 60, `${seen.frames} frames`);
  const cells = seen.grid.flat();
  assert.ok(cells.some((cell) => isColour(cell, looks.red.colour)) && cells.some((cell) => isColour(cell, looks.violet.colour)),
    `both colours: ${JSON.stringify(cells)}`);
  for (const { tone } of [looks.red, looks.violet]) {
    assert.ok(seen.tones.some(([hertz]) => Math.abs(hertz - tone) < 12), `${tone} Hz in ${JSON.stringify(seen.tones)}`);
  }
  await until('the viewer is gone', async () => !(await room.participants()).some((person) => person.kind === 'whep'));

  will.program.child.kill('SIGTERM');
  scene.figure('the publisher', await will.ended());
  await ann.losesTile(w);
  assert.equal((await ann.negotiations()).createOffer, 1);
});

behaviour('H.264 by WHIP is seen, a second door takes the host token, and a low view is smaller', async (scene) => {
  await scene.start({ mediaAddress: ownAddress() });
  const room = await scene.room({ locked: true });
  const api = `${scene.server.url}/api/v1/rooms`;
  const locked = scene.keep(publish(`${api}/${room.invitation}/whip`, 'Out', looks.blue, 1));
  assert.equal((await locked.ended()).status, 423);

  const hans = scene.keep(publish(`${api}/${room.id}/whip`, 'Hans', looks.green, 120, '--token', room.token, '--codec', 'H264'));
  await hans.connected();
  const ann = await scene.guest(room, 'Ann', { host: true, devices: 'none' });
  await ann.showsColour(await room.idOf('Hans'), looks.green);

  const low = scene.keep(new Client('whep_view.py', [`${api}/${room.id}/whep?view=low`, '--token', room.token, '--duration', 6]));
  const seen = await low.ended();
  scene.figure('the low view', seen);
  assert.ok(seen.frames > 20);
  assert.ok(seen.width < 1280, `${seen.width} pixels wide`);
});
