// Whatever comes over the socket or the API: a refusal with its code, and everybody else undisturbed.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { once } from 'node:events';
import WebSocket from 'ws';
import { behaviour } from './harness/behaviour.mjs';
import { looks } from './harness/clips.mjs';

const offer = await readFile(new URL('../golden/offers/chromium-k3m9.sdp', import.meta.url), 'utf8');
const [session, ...sections] = offer.split(/^(?=m=)/m);

const offers = {
  empty: '',
  'no SDP at all': 'hello',
  'a megabyte': `${session}${'a=x\r\n'.repeat(200_000)}`,
  'no fingerprint': offer.replace(/^a=fingerprint.*\r?\n/gm, ''),
  'no sections': session,
  '500 sections': session + sections.at(-1).repeat(500),
  'duplicate mids': offer.replace(/^a=mid:.*$/gm, 'a=mid:0'),
  'a data section first': `${session}m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:d\r\n${sections.join('')}`,
  'no codec we know': offer.replace(/VP8|opus|H264/gi, 'XYZ'),
  'zero bytes': offer.replaceAll('a=', 'a=\0'),
  'numbers out of range': offer.replace(/^m=video \d+/gm, 'm=video 99999999999').replace(/rtpmap:\d+/g, 'rtpmap:4000'),
};

const frames = {
  'no JSON': '{',
  'an unknown message': JSON.stringify({ type: 'explode' }),
  'an unknown field': JSON.stringify({ type: 'leave', why: 'because' }),
  'a host message from a guest': JSON.stringify({ request: 7, type: 'end_room' }),
  'an RTMP address that is none': JSON.stringify({ request: 8, type: 'start_stream', url: 'http://example.org' }),
  'somebody unknown': JSON.stringify({ request: 9, type: 'mute', participant: 'nobody', muted: true }),
  'a view of 10,000 tiles': JSON.stringify({ type: 'view', mode: 'tiles', tiles: Array(10_000).fill({ participant: 'x', source: 'camera', height: 9 }) }),
  'deep nesting': `${'['.repeat(50_000)}`,
  'ten megabytes': JSON.stringify({ type: 'offer', sdp: 'x'.repeat(10_000_000) }),
};

/** A socket of the room; `join` sends the first message, `next` waits for an answer or the end. */
async function guest(scene, room, name = 'Mallory') {
  const socket = new WebSocket(`${scene.server.url.replace(/^http/, 'ws')}/api/v1/rooms/${room.invitation}/socket`);
  const heard = [];
  socket.on('message', (data) => heard.push(JSON.parse(String(data))));
  socket.on('error', () => {});
  const closed = new Promise((answer) => socket.once('close', (code) => answer({ type: 'closed', code })));
  await Promise.race([once(socket, 'open'), closed]);
  if (name !== undefined) socket.send(JSON.stringify({ type: 'join', protocol: 1, name }));
  const hear = (wanted) => new Promise((answer) => {
    const look = () => {
      const found = heard.find((message) => wanted.includes(message.type));
      if (found) answer(found);
    };
    look();
    socket.on('message', () => setImmediate(look));
    void closed.then((end) => setImmediate(() => { look(); answer(end); }));
  });
  return { socket, hear, forget: () => heard.splice(0) };
}

behaviour('hostile frames and offers are refused and disturb nobody', async (scene) => {
  const room = await scene.room();
  const ann = await scene.guest(room, 'Ann', { look: 'red' });
  const ben = await scene.guest(room, 'Ben', { look: 'green' });
  const a = await room.idOf('Ann');
  await ben.showsColour(a, looks.red);

  for (const [title, content] of [...Object.entries(frames), ...Object.entries(offers).map(([title, sdp]) =>
    [`an offer with ${title}`, JSON.stringify({ request: 5, type: 'offer', sdp })])]) {
    const mallory = await guest(scene, room);
    const welcome = await mallory.hear(['welcome', 'closing', 'error']);
    assert.equal(welcome.type, 'welcome', `${title}: ${JSON.stringify(welcome)}`);
    mallory.forget();
    mallory.socket.send(content);
    const told = await mallory.hear(['error', 'closing', 'media_lost', 'answer', 'done']);
    scene.figure(title, told.sdp ? 'answered' : told);
    if (title !== 'a view of 10,000 tiles') {
      assert.ok(['error', 'closing', 'media_lost', 'closed'].includes(told.type), `${title} is refused: ${JSON.stringify(told).slice(0, 300)}`);
    }
    if (mallory.socket.readyState === WebSocket.OPEN) mallory.socket.send(JSON.stringify({ type: 'leave' }));
    mallory.socket.close();
  }

  for (const name of ['', ' ', 'x'.repeat(10_000), 'a\u0000b']) {
    const told = await (await guest(scene, room, name)).hear(['welcome', 'error', 'closing']);
    assert.notEqual(told.type, 'welcome', `the name ${JSON.stringify(name.slice(0, 9))} is refused`);
  }
  for (const [body, code] of [[{ max_participants: 51 }, 422], [{ max_participants: 'x' }, 400], [{ colour: 'red' }, 400],
    [{ activity: 'nap' }, 400], [{ name: 'x'.repeat(10_000) }, 422]]) {
    const { status, body: problem, headers } = await scene.server.request('POST', '/api/v1/rooms', { body });
    assert.match(headers['content-type'], /application\/problem\+json/);
    assert.ok(problem.code, JSON.stringify(problem));
    assert.ok(status === code || (status >= 400 && status < 423), `${JSON.stringify(body)}: ${status}`);
  }
  const noUrl = await scene.server.request('POST', `/api/v1/rooms/${room.id}/streams`, { token: room.token, body: { url: 'ftp://x' } });
  assert.equal(noUrl.status, 422);

  await Promise.all([ann.decodes(1), ben.decodes(1), ann.hears([looks.green]), ben.hears([looks.red])]);
  assert.equal((await ann.negotiations()).createOffer, 1);
});
