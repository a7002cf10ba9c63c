// A data folder that can only be read: at the start that is the end, in one line; later the host is told what cannot be
// recorded, and everything else goes on.

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { behaviour } from './harness/behaviour.mjs';
import { looks } from './harness/clips.mjs';
import { run } from './harness/processes.mjs';
import { binary } from './harness/server.mjs';
import { until } from './harness/wait.mjs';

/** The words that start a program which can only read `folder`. Modes say nothing to root, a mount does. */
const reading = (folder) => ['unshare', '--mount', 'sh', '-c',
  `mount --bind ${folder} ${folder} && mount -o remount,ro,bind ${folder} && exec "$@"`, 'sh'];
const asRoot = process.getuid?.() === 0 ? behaviour : (name) => test(name, { skip: 'mounts need root' }, () => {});

asRoot('a data folder that cannot be written is told, and only recordings suffer', async (scene) => {
  const data = await mkdtemp(join(tmpdir(), 'veranda-readonly-'));
  scene.keep({ close: () => rm(data, { recursive: true, force: true }) });
  const [command, ...words] = [...reading(data), binary, 'serve', '--listen', '127.0.0.1:0', '--data', data];
  await assert.rejects(run(command, words), /^veranda: data: .*veranda-readonly-.*: Read-only file system.*$/m);

  const recordings = join(data, 'recordings');
  await mkdir(recordings);
  await scene.start({ data, within: reading(recordings) });
  const room = await scene.room();
  const ann = await scene.guest(room, 'Ann', { host: true, look: 'red' });
  const ben = await scene.guest(room, 'Ben', { look: 'green' });
  await ben.showsColour(await room.idOf('Ann'), looks.red);
  await ann.press('Start recording');
  await ann.reads(/cannot write recordings: its data folder can only be read/);
  const [recording] = await until('the API tells it', async () => {
    const all = await room.call('GET', `/rooms/${room.id}/recordings`);
    return all[0]?.state === 'failed' && all;
  });
  assert.match(recording.error, /its data folder can only be read/);
  assert.ok(!recording.error.includes(data), 'where the folder is concerns the operator');
  await scene.server.program.says(new RegExp(`a recording has no place.*${recordings}|${recordings}.*a recording has no place`));

  // Nothing else is kept there: a stream to players runs, settings are kept, nobody was thrown out.
  const hls = await room.call('POST', `/rooms/${room.id}/streams`, { url: 'hls:' });
  await until('players find it', async () => (await room.stream(hls.id)).state === 'live');
  assert.equal((await room.call('PATCH', `/rooms/${room.id}`, { name: 'Goes on' })).name, 'Goes on');
  await ben.decodes(1);
  assert.equal((await ben.negotiations()).createOffer, 1);
});
