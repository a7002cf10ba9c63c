// A client of somebody's own may open a data channel beside its media: webrtcbin answers it, in the same bundle.

import assert from 'node:assert/strict';
import { behaviour } from './harness/behaviour.mjs';

behaviour('a data channel opens beside forwarded media, and takes what is sent', async (scene) => {
  const room = await scene.room();
  const ann = await scene.chromium('Ann', { look: 'red' });
  await ann.open(room.url);
  const told = await ann.evaluate(async (address) => {
    const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
    const connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    for (const track of media.getTracks()) connection.addTransceiver(track, { direction: 'sendonly' });
    const channel = connection.createDataChannel('notes');
    await connection.setLocalDescription();
    const answer = await fetch(address, { method: 'POST', headers: { 'content-type': 'application/sdp' }, body: connection.localDescription.sdp });
    const opened = new Promise((open) => (channel.onopen = open));
    const late = new Promise((_, fail) => setTimeout(() => fail(new Error(`channel ${channel.readyState}, ${connection.connectionState}`)), 15_000));
    await connection.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
    await Promise.race([opened, late]);
    channel.send('x'.repeat(10_000));
    while (channel.bufferedAmount > 0) await new Promise((next) => setTimeout(next, 20));
    const stats = [...(await connection.getStats()).values()];
    return { status: answer.status, channel: channel.readyState, sctp: connection.sctp?.state,
      sent: stats.find((entry) => entry.type === 'data-channel')?.bytesSent,
      packets: stats.filter((entry) => entry.type === 'outbound-rtp').reduce((sum, entry) => sum + entry.packetsSent, 0) };
  }, `/api/v1/rooms/${room.invitation}/whip?name=Ann`);
  scene.figure('the channel', told);
  assert.equal(told.status, 201);
  assert.equal(told.channel, 'open');
  assert.equal(told.sent, 10_000);
  assert.ok(told.packets > 0, 'media goes on');
});
