// Finished recordings go to an S3-compatible storage (s3rver): wrong keys are told, and not tried without end; a kill on the
// way costs only the part that was under way, and the local file goes only after the storage has all of it.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import http from 'node:http';
import { access, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import S3rver from 's3rver';
import { behaviour } from './harness/behaviour.mjs';
import { freePort } from './harness/ports.mjs';
import { Server } from './harness/server.mjs';
import { until } from './harness/wait.mjs';

const bucket = 'recordings';
const megabyte = 1024 * 1024;
const sum = (bytes) => createHash('sha256').update(bytes).digest('hex');

async function storage(scene) {
  const directory = await mkdtemp(join(tmpdir(), 'veranda-s3-'));
  const port = await freePort();
  const server = new S3rver({ address: '127.0.0.1', port, silent: true, directory, vhostBuckets: false, configureBuckets: [{ name: bucket }] });
  await server.run();
  scene.keep({ close: async () => { await server.close(); await rm(directory, { recursive: true, force: true }); } });
  return port;
}

/** Stands before the storage, counts the parts that come, and lets the third wait for ever until told. */
async function gate(scene, behind) {
  const gate = { requests: 0, parts: [], held: false, open: false };
  const server = http.createServer((request, response) => {
    gate.requests++;
    if (gate.refuses) {
      // As S3 does it: s3rver looks at the name of a key alone.
      request.resume();
      response.writeHead(403, { 'content-type': 'application/xml' });
      response.end('<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>SignatureDoesNotMatch</Code><Message>The request signature we calculated ' +
        'does not match the signature you provided. Check your key and signing method.</Message><RequestId>1</RequestId></Error>');
      return;
    }
    const part = /[?&]partNumber=(\d+)/.exec(request.url)?.[1];
    if (part) {
      gate.parts.push(Number(part));
      if (part === '3' && !gate.open) {
        gate.held = true;
        request.resume();
        return;
      }
    }
    const onward = http.request({ host: '127.0.0.1', port: behind, method: request.method, path: request.url, headers: request.headers },
      (answer) => { response.writeHead(answer.statusCode, answer.headers); answer.pipe(response); });
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  scene.keep({ close: async () => { server.closeAllConnections(); server.close(); } });
  gate.port = server.address().port;
  return gate;
}


behaviour('recordings are uploaded, whatever happens on the way', async (scene) => {
  const behind = await storage(scene);
  const door = await gate(scene, behind);
  const settings = (key, secret = 'S3RVER') => ({
    VERANDA_UPLOAD_ENDPOINT: `http://127.0.0.1:${door.port}`,
    VERANDA_UPLOAD_BUCKET: bucket,
    VERANDA_UPLOAD_PREFIX: 'rooms',
    VERANDA_UPLOAD_ACCESS_KEY: key,
    VERANDA_UPLOAD_SECRET_KEY: secret,
    VERANDA_UPLOAD_KEEP_LOCAL: 'false',
  });
  const first = await scene.start();
  const room = await first.room({ name: 'Sent away' });
  await first.terminate();

  // A recording of an hour would take an hour: one that is only large does as well.
  const id = 'o5afe';
  const folder = join(first.data, 'recordings', id);
  const film = randomBytes(70 * megabyte);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'Long.mp4'), film);
  await writeFile(join(folder, 'manifest.json'), JSON.stringify({
    id, room: room.id, room_name: 'Sent away', state: 'complete', layout: 'grid', width: 1280, height: 720, fps: 30,
    started_at: '2026-11-22T10:00:00Z', duration: 3600, bytes: film.length, files: ['Long.mp4'],
  }));

  const told = (server) => server.call('GET', `/recordings/${id}`, { token: room.host_token });
  for (const [what, keys] of [['the key', ['NOBODY']], ['the secret', ['S3RVER', 'guessed']]]) {
    const wrong = scene.keep(await Server.start({ data: first.data, env: settings(...keys) }));
    [door.requests, door.refuses] = [0, what === 'the secret'];
    const failed = await until(`${what} is told to be wrong`, async () => {
      const { upload } = await told(wrong);
      return upload?.state === 'failed' && upload;
    });
    assert.match(failed.error, /refuses the key.*upload_secret_key/);
    await wrong.program.says(/is not uploaded.*upload_secret_key/s, 1000);
    assert.ok(!wrong.program.output.includes('guessed'));
    if (what === 'the secret') {
      const ann = await scene.chromium('Ann', { devices: 'none' });
      const { pathname, hash } = new URL(room.host_url);
      await ann.join(`${wrong.url}${pathname}${hash}`, { host: true });
      await ann.press('Settings');
      await ann.reads(/refuses the key/);
      await ann.close();
    }
    // The first pause is 5 s, the next 10 s.
    assert.ok(door.requests <= 4, `${door.requests} requests`);
    await access(join(folder, 'Long.mp4'));
    await wrong.terminate();
  }
  door.refuses = false;

  const killed = scene.keep(await Server.start({ data: first.data, env: settings('S3RVER') }));
  await until('two parts are there and the third is under way', () => door.held);
  const under = (await told(killed)).upload;
  assert.equal(under.state, 'uploading');
  assert.equal(under.sent, 32 * megabyte);
  assert.ok(under.total >= film.length);
  const ann = await scene.chromium('Ann', { devices: 'none' });
  await ann.join(killed.url + new URL(room.host_url).pathname + new URL(room.host_url).hash);
  await ann.press('Settings');
  await ann.reads('uploading: 45 %');
  await killed.kill();
  await ann.close();

  const before = door.parts.length;
  door.open = true;
  const last = scene.keep(await Server.start({ data: first.data, env: settings('S3RVER') }));
  const done = await until('it is there', async () => {
    const { upload } = await told(last);
    return upload?.state === 'done' && upload;
  }, { within: 40_000 });
  scene.figure('parts before and after the kill', [door.parts.slice(0, before), door.parts.slice(before)]);
  assert.deepEqual(door.parts.slice(before), [3, 4, 5], 'what was there is not sent again');
  assert.equal(done.location, `s3://${bucket}/rooms/${id}`);
  assert.equal(done.local, false);

  const there = await new Promise((answer, fail) => {
    // s3rver lets anybody read.
    http.get({ host: '127.0.0.1', port: behind, path: `/${bucket}/rooms/${id}/Long.mp4` }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => answer(Buffer.concat(chunks)));
    }).on('error', fail);
  });
  assert.equal(sum(there), sum(film));
  await assert.rejects(access(join(folder, 'Long.mp4')), 'the local file is gone');
  await access(join(folder, 'manifest.json'));
  const gone = await last.request('GET', `/api/v1/recordings/${id}/file`, { token: room.host_token });
  assert.equal(gone.status, 410);
  assert.match(gone.body.detail, /s3:\/\/recordings/);
});
