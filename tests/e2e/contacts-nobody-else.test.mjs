// From the first click to the last no request leaves for another machine, neither from the page nor from the server.

import assert from 'node:assert/strict';
import { behaviour } from './harness/behaviour.mjs';
import { looks } from './harness/clips.mjs';
import { run } from './harness/processes.mjs';

behaviour('a room made by two clicks contacts no third party', async (scene) => {
  const server = await scene.start();
  const ann = await scene.chromium('Ann', { look: 'red' });
  await ann.open(`${server.url}/`);
  await ann.press('Create room');
  await ann.enter();
  const link = new URL(ann.page.url());
  assert.match(link.pathname, /^\/r\/[\w-]{22}$/);
  await ann.sees('Lock room');

  await ann.press('Copy invitation');
  const invitation = await ann.evaluate(() => navigator.clipboard.readText());
  assert.equal(invitation, `${server.url}${link.pathname}`, 'what is shared makes nobody a host');
  const ben = await scene.chromium('Ben', { look: 'green' });
  await ben.join(invitation);
  await ben.decodes(1);
  await ann.press('Start recording');
  await ann.sees('Stop recording');
  await ann.hears([looks.green]);
  await ann.press('Stop recording');
  await ann.sees('Start recording');

  const peers = String(await run('ss', ['-Htunp'])).split('\n').filter((line) => line.includes(`pid=${server.program.child.pid},`))
    .map((line) => line.trim().split(/\s+/)[5]);
  scene.figure('whom the server talks to', [...new Set(peers.map((peer) => peer?.replace(/:\d+$/, '')))]);
  const own = new Set(String(await run('hostname', ['-I'])).trim().split(/\s+/).concat('127.0.0.1', '::1'));
  for (const peer of peers) assert.ok(own.has(peer.replace(/:\d+$/, '').replace(/[[\]]/g, '').replace('::ffff:', '')), peer);

  const requests = [...ann.requests, ...ben.requests];
  scene.figure('requests of both pages', requests.length);
  for (const url of requests.filter((one) => !/^(data|blob):/.test(one))) assert.equal(new URL(url).host, new URL(server.url).host);
  assert.ok(requests.some((url) => url.startsWith('ws')), 'the socket was seen');
  assert.deepEqual(ann.complaints, []);
  assert.deepEqual(ben.complaints, []);
});
