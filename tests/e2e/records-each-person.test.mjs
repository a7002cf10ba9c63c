// A recording that keeps each person's own media as well, paused on the way by the page: nothing is transcoded, it all lines up,
// and a timeline says who was there and who spoke.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { behaviour } from './harness/behaviour.mjs';
import { looks } from './harness/clips.mjs';
import * as probe from './harness/probe.mjs';
import { run } from './harness/processes.mjs';
import { media, until } from './harness/wait.mjs';

async function codec(file) {
  const told = await run('ffprobe', ['-v', 'error', '-show_entries', 'stream=codec_name:format=duration', '-of', 'json', file]);
  const { streams, format } = JSON.parse(told);
  return { name: streams[0].codec_name, seconds: Number(format.duration) };
}

/** The list of recordings in the page: watched, jumped in, downloaded with its tracks, deleted. */
async function watches(host, { joint, tracks }) {
  const { page } = host;
  await host.press('Settings');
  const saved = async (button) => {
    const [file] = await Promise.all([page.waitForEvent('download'), button.click()]);
    return file.suggestedFilename();
  };
  await page.getByRole('button', { name: /^Watch the recording of/ }).click();
  const dialog = page.getByRole('dialog', { name: /^Watch the recording of/ });
  const video = dialog.locator('video');
  await until('it plays', () => video.evaluate((one) => one.currentTime > 0.3 && one.videoWidth === 1280));
  const marks = dialog.getByRole('list', { name: 'Chapters' }).getByRole('button');
  assert.deepEqual((await marks.allInnerTexts()).map((text) => text.replace(/\s+/g, ' ').replace(/^\S+ /, '')), ['Beginning', 'Benjamin came']);
  await marks.last().click();
  await until('it jumped', () => video.evaluate((one, at) => !one.seeking && one.currentTime >= at && one.currentTime < at + 2, joint - 0.05));
  await until('and says where it is', async () => (await marks.last().getAttribute('aria-current')) === 'true');
  await video.evaluate((one) => (one.currentTime = 1));
  await until('a slider may go back', () => video.evaluate((one) => !one.seeking && one.currentTime >= 1 && one.currentTime < 3));
  await dialog.getByRole('button', { name: 'Close' }).click();
  assert.match(await saved(page.getByRole('button', { name: /^Download the recording of/ })), /\.mp4$/);
  const more = page.locator('.what .more').getByRole('button');
  assert.equal(await more.count(), tracks + 1);
  assert.match(await saved(more.first()), /\.(webm|mkv|mka|mp4|ogg|opus)$/);
  assert.match(await saved(more.last()), /\.json$/);
  await page.getByRole('button', { name: /^Delete the recording of/ }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await host.reads('Nothing was recorded yet.');
}

behaviour('each person is kept separately, a pause is cut out, and the timeline knows who spoke', async (scene) => {
  const room = await scene.room({ name: 'Podcast' });
  const ann = await scene.guest(room, 'Annabel', { host: true, look: 'red' });
  const ben = await scene.chromium('Benjamin', { look: 'green' });
  await until('her camera is on', async () => (await room.participants())[0].camera);

  const asked = Date.now();
  const { id } = await room.call('POST', `/rooms/${room.id}/recordings`, { tracks: true });
  const live = await until('the recording is live', async () => {
    const recording = await room.recording(id);
    return recording.state === 'live' && recording;
  });
  const begun = (Date.parse(live.first_frame_at) - asked) / 1000;
  scene.figure('press to the first frame, s', begun);
  // How fast is the bench's matter (script/bench kills): this machine may be building something.
  assert.ok(begun > 0 && begun < 5, `${begun} s`);
  await media(4);
  await ann.press('Pause recording');
  await until('it is paused', async () => (await room.recording(id)).state === 'paused');
  const again = await room.server.request('POST', `/api/v1/recordings/${id}/pause`, { token: room.token });
  assert.equal(again.status, 409);
  await ben.join(room.url);
  await ann.showsColour(await room.idOf('Benjamin'), looks.green);
  const { duration: before } = await room.recording(id);
  await media(1.5);
  assert.ok((await room.recording(id)).duration - before < 0.5, 'nothing is added meanwhile');
  await ann.press('Go on recording');
  await until('it goes on', async () => (await room.recording(id)).state === 'live');
  await media(4);
  await room.call('POST', `/recordings/${id}/stop`);
  const told = await until('it is complete', async () => {
    const recording = await room.recording(id);
    return recording.state === 'complete' && recording;
  }, { within: 30_000 });
  scene.figure('told', told);

  const whole = join(scene.server.data, 'whole.mp4');
  await writeFile(whole, (await room.download(id)).bytes);
  const { frames, longestGap } = await probe.cadence(whole);
  scene.figure('frames', { frames, longestGap });
  // That no frame is lost is shown where the machine does nothing else (tests/mix_tracks.rs).
  assert.ok(told.duration > 7.5 && told.duration < 16 && frames > 100, `${told.duration} s, ${frames} frames`);
  assert.ok(longestGap < 1.5, `${longestGap} s`);
  assert.equal(told.files[0].endsWith('.mp4'), true);

  const people = { Annabel: looks.red, Benjamin: looks.green };
  assert.deepEqual(told.tracks.map(({ name, kind }) => `${name} ${kind}`).sort(),
    ['Annabel camera', 'Annabel microphone', 'Benjamin camera', 'Benjamin microphone']);
  for (const track of told.tracks) {
    const path = `/api/v1/recordings/${id}/tracks/${track.file}`;
    const answer = await room.server.request('GET', path, { token: room.token });
    assert.equal(answer.status, 200);
    assert.equal(answer.bytes.length, track.bytes);
    const part = await room.server.request('GET', path, { token: room.token, headers: { range: 'bytes=0-3' } });
    assert.deepEqual([part.status, part.bytes.toString('hex')], [206, '1a45dfa3'], 'EBML');
    const file = join(scene.server.data, track.file);
    await writeFile(file, answer.bytes);
    const found = await codec(file);
    assert.equal(found.name, track.codec);
    assert.ok(Math.abs(found.seconds - track.duration) < 0.3, `${found.seconds} ${JSON.stringify(track)}`);
    assert.ok(Math.abs(track.offset + track.duration - told.duration) < 1, JSON.stringify(track));
    if (track.kind === 'microphone') {
      assert.equal(track.codec, 'opus');
      assert.ok(probe.heard(await probe.sound(file), people[track.name].tone).heard, `${track.name} is heard`);
    } else {
      const seen = await probe.shares(file, looks);
      const colour = track.name === 'Annabel' ? 'red' : 'green';
      assert.ok(seen.at(-1)[colour] > 0.5, `${track.name}: ${JSON.stringify(seen.at(-1))}`);
    }
  }
  const outside = await room.server.request('GET', `/api/v1/recordings/${id}/tracks/manifest.json`, { token: room.token });
  assert.equal(outside.status, 404);

  const timeline = await room.call('GET', `/recordings/${id}/timeline`);
  scene.figure('timeline', timeline);
  assert.equal(timeline.duration, told.duration);
  const [a, b] = timeline.participants;
  assert.deepEqual([a.name, b.name], ['Annabel', 'Benjamin']);
  assert.ok(a.present[0].from === 0 && Math.abs(a.present[0].to - told.duration) < 0.01);
  const joint = b.present[0].from;
  assert.ok(joint > 3.5 && joint < 8, `he came in the pause: ${joint}`);
  assert.ok(a.spoke.length > 0 && a.spoke[0].from < 3, JSON.stringify(a.spoke));

  await watches(ann, { joint, tracks: told.tracks.length });
});
