// A server for looking at the page without Veranda: rooms full of invented people. Run `node dev/shots.mjs`, or start
// it alone (`npm run fake`) and open http://localhost:8090/ after a build. Media comes from dev/engine.html, which must be
// open in some Chromium; without it everybody has their initials.
import { createReadStream, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { WebSocketServer } from 'ws';

const DIST = new URL('../dist', import.meta.url).pathname;
const DEV = new URL('.', import.meta.url).pathname;
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'";
const NAMES = ['Anna Lindqvist', 'Bruno', 'Chiara Romano', 'Dmitri', 'Élodie Fabre', 'Farid', 'Grace Okafor', 'Hiro', 'Ines', 'Jonas', 'Khadija', 'Luis', 'Mei', 'Noor', 'Oscar', 'Priya', 'Quentin', 'Rosa'];

const CHAT = [
  [1, 'Hello everybody! Who brings the cake?'],
  [2, 'Hi Anna. The recipe is here: https://example.org/recipes/plum-cake (the second one).'],
  [2, 'Use <b>fresh</b> plums'],
  [1, 'Lovely, thank you. I will try it on Sunday and tell you how it went.'],
];

const ago = (minutes) => new Date(Date.now() - minutes * 60_000).toISOString();
const RECORDINGS = [
  { id: 'o1', state: 'complete', started_at: ago(1500), duration: 3187.4, error: null, tracks: [{ file: '1.mka', kind: 'microphone', name: 'Anna Lindqvist' }, { file: '2.mkv', kind: 'camera', name: 'Anna Lindqvist' }, { file: '3.mka', kind: 'microphone', name: 'Bruno' }], upload: { state: 'done', sent: 48e6, total: 48e6, location: 's3://family/sunday.mp4', local: true } },
  { id: 'o2', state: 'complete', started_at: ago(200), duration: 312, error: null, upload: { state: 'uploading', sent: 31e6, total: 96e6, location: 's3://family/evening.mp4', local: true } },
  { id: 'o3', state: 'finishing', started_at: ago(20), duration: 600, error: null },
  { id: 'o4', state: 'failed', started_at: ago(9000), duration: 4, error: 'The disk was full.' },
];
const during = (from, to) => [{ from, to }];
const TIMELINE = {
  duration: 3187.4,
  participants: NAMES.slice(0, 6).map((name, i) => ({ name, present: during(i * 47, i === 4 ? 2400 : 3187.4), spoke: [], screen: i === 2 ? during(640, 1900) : [] })),
};

export function startFake({ port = 8090, people = 2, screen = false, lobby = false, chat = true } = {}) {
  const rooms = new Map();
  let engine = null;
  let asked = 0;
  const answers = new Map();

  /** What a shot wants to see may come in the body: `people`, `screen`, `lobby`, `locked`, `full`, `knock`. */
  function newRoom(wish) {
    const body = { people, screen, lobby, ...wish };
    const n = rooms.size + 1;
    const invitation = `fake${n}invitation0000000`;
    const room = {
      invitation,
      knock: body.knock === true,
      view: { id: `r${n}`, name: body.name ?? 'Fake room', activity: body.activity ?? 'catch_up', locked: body.locked === true, lobby: body.lobby, layout: 'grid', rules: body.rules ?? { guests_share: true, join_muted: false, recording: true, names_shown: true }, max_participants: body.full === true ? body.people : 50, recordings: body.recordings === true ? RECORDINGS : [], streams: [] },
      participants: NAMES.slice(0, body.people).map((name, i) => ({
        id: `p${i + 1}`,
        name,
        role: 'guest',
        kind: 'browser',
        joined_at: new Date().toISOString(),
        media: { microphone: i % 3 !== 1, camera: i % 5 !== 1, screen: body.screen && i === 0, screen_sound: false },
        muted_by_host: false,
        view: 'tiles',
        weak: i === 4,
        ...(i === 2 || i === 5 ? { hand: 10 - i } : {}),
        connected: true,
      })),
      chat: chat && body.people > 1 ? CHAT.map(([at, text], id) => ({ id, participant: `p${at}`, name: NAMES[at - 1], text, sent_at: new Date(Date.now() - (CHAT.length - id) * 60_000).toISOString() })) : [],
      sockets: new Set(),
      next: body.people + 1,
    };
    rooms.set(invitation, room);
    return room;
  }

  const http = createServer(async (request, response) => {
    const url = new URL(request.url, 'http://localhost');
    const json = (status, value) => {
      response.writeHead(status, { 'Content-Type': status < 400 ? 'application/json' : 'application/problem+json' });
      response.end(JSON.stringify(value));
    };
    if (url.pathname === '/api/v1/rooms' && request.method === 'POST') {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      const room = newRoom(JSON.parse(Buffer.concat(chunks).toString() || '{}'));
      const { id, name, activity } = room.view;
      const link = `http://localhost:${port}/r/${room.invitation}`;
      return json(201, { id, name, activity, invitation: room.invitation, url: link, host_url: `${link}#host=secret`, host_token: 'secret', max_participants: 50, locked: false, lobby: room.view.lobby, created_at: new Date().toISOString() });
    }
    const path = url.pathname.match(/^\/api\/v1\/rooms\/([^/]+)(\/recordings)?$/);
    if (path) {
      const room = [...rooms.values()].find(({ invitation, view }) => invitation === path[1] || view.id === path[1]);
      if (!room) return json(path[1].startsWith('old') ? 410 : 404, { code: path[1].startsWith('old') ? 'gone' : 'not_found', detail: 'no such room' });
      if (path[2]) return json(200, room.view.recordings.map((r, i) => ({ layout: 'grid', bytes: 48_300_000 * (i + 1), files: ['a.mp4'], tracks: [], ...r })));
      const { id, name, activity, locked, rules } = room.view;
      return json(200, { id, name, activity, locked, rules, ...(rules.names_shown ? { names: room.participants.map((p) => p.name) } : {}), participants: room.participants.length, max_participants: room.view.max_participants, recording: room.view.recordings.some((r) => r.state === 'live'), live: false });
    }
    const kept = url.pathname.match(/^\/api\/v1\/recordings\/[^/]+\/(link|timeline)$/)?.[1];
    if (kept) return json(200, kept === 'link' ? { url: '/dev/none.mp4' } : TIMELINE);
    const file = url.pathname.startsWith('/dev/') ? join(DEV, normalize(url.pathname.slice(4))) : join(DIST, normalize(url.pathname));
    const found = extname(file) !== '' && existsSync(file) ? file : join(DIST, 'index.html');
    const headers = { 'Content-Type': TYPES[extname(found)] ?? 'application/octet-stream' };
    if (!url.pathname.startsWith('/dev/')) headers['Content-Security-Policy'] = POLICY;
    response.writeHead(200, headers);
    createReadStream(found).pipe(response);
  });

  const sockets = new WebSocketServer({ noServer: true });
  http.on('upgrade', (request, socket, head) => {
    if (request.url === '/dev/engine') {
      sockets.handleUpgrade(request, socket, head, (ws) => {
        engine = ws;
        ws.on('message', (data) => {
          const { id, sdp, slots } = JSON.parse(data);
          answers.get(id)?.(sdp, slots);
          answers.delete(id);
        });
      });
      return;
    }
    const room = rooms.get(request.url.match(/rooms\/([^/]+)\/socket/)?.[1]);
    if (!room) return socket.destroy();
    sockets.handleUpgrade(request, socket, head, (ws) => member(room, ws));
  });

  function member(room, ws) {
    const say = (message) => ws.send(JSON.stringify(message));
    const all = (message) => room.sockets.forEach((other) => other.send(JSON.stringify(message)));
    let me = null;
    let slots = null;
    let mode = 'tiles';
    let tiles = [];

    function fill() {
      if (!slots) return;
      const videos = slots.filter(({ kind }) => kind === 'video');
      const audios = slots.filter(({ kind }) => kind === 'audio');
      const tracks = tiles.length ? tiles.map(({ participant, source }) => ({ kind: 'track', participant, source })) : room.participants.filter((p) => p !== me && p.media.camera).map((p) => ({ kind: 'track', participant: p.id, source: 'camera' }));
      const heard = room.participants.filter((p) => p !== me && p.media.microphone);
      say({
        type: 'slots',
        slots: [
          ...videos.map(({ mid }, i) => ({ mid, feed: mode === 'mix' ? (i === 0 ? { kind: 'mix' } : null) : (tracks[i] ?? null) })),
          ...audios.map(({ mid }, i) => ({ mid, feed: heard[i] ? { kind: 'track', participant: heard[i].id, source: 'microphone' } : null })),
        ],
      });
    }

    const changed = (change) => {
      Object.assign(room.view, change);
      all({ type: 'room_changed', room: room.view });
    };
    const acts = {
      join({ name, host_token, media }) {
        if (room.knock && host_token !== 'secret') return say({ type: 'waiting' });
        me = { ...room.participants[0], id: `p${room.next++}`, name, role: host_token === 'secret' ? 'host' : 'guest', joined_at: new Date().toISOString(), media, view: 'tiles', connected: true, muted_by_host: false, hand: undefined, weak: false };
        room.participants.push(me);
        room.sockets.add(ws);
        say({ type: 'welcome', protocol: 1, you: me.id, role: me.role, resume: 'resume', room: room.view, participants: room.participants, ice_servers: [], slots: { audio: 3, video: 24 } });
        say({ type: 'chat', lines: room.chat });
        if (me.role === 'host') say({ type: 'invitation', invitation: room.invitation, url: `http://localhost:${port}/r/${room.invitation}` });
        if (me.role === 'host' && room.view.lobby) say({ type: 'waiting_changed', waiting: [{ participant: 'p90', name: 'Walter' }, { participant: 'p91', name: 'Xenia' }] });
      },
      offer({ sdp }) {
        const id = ++asked;
        answers.set(id, (answer, found) => {
          slots = found;
          say({ type: 'answer', sdp: answer });
          fill();
        });
        engine?.send(JSON.stringify({ id, sdp, names: room.participants.map((p) => p.name) }));
      },
      media({ media }) {
        Object.assign(me.media, media);
        all({ type: 'participant_changed', participant: me });
      },
      view(message) {
        [mode, tiles] = [message.mode, message.tiles];
        me.view = mode;
        all({ type: 'participant_changed', participant: me });
        fill();
      },
      chat({ text }) {
        const line = { id: room.chat.length, participant: me.id, name: me.name, text, sent_at: new Date().toISOString() };
        room.chat.push(line);
        all({ type: 'chat', lines: [line] });
      },
      react: ({ reaction }) => all({ type: 'reacted', participant: me.id, reaction }),
      raise_hand({ raised }) {
        me.hand = raised ? 100 : undefined;
        all({ type: 'participant_changed', participant: me });
      },
      lower_hand({ participant }) {
        const whom = room.participants.find(({ id }) => id === participant);
        whom.hand = undefined;
        all({ type: 'participant_changed', participant: whom });
      },
      change_room: ({ locked, lobby: door, layout, rules }) => changed({ rules: rules ?? room.view.rules, locked: locked ?? room.view.locked, lobby: door ?? room.view.lobby, layout: layout ?? room.view.layout }),
      start_recording: () => {
        const recording = { id: `o${Date.now()}`, state: 'starting', started_at: new Date().toISOString(), duration: 0, error: null };
        changed({ recordings: [...room.view.recordings, recording] });
        setTimeout(() => changed({ recordings: room.view.recordings.map((r) => (r.id === recording.id ? { ...r, state: 'live' } : r)) }), 400);
      },
      stop_recording: ({ recording }) => changed({ recordings: room.view.recordings.map((r) => (r.id === recording ? { ...r, state: 'complete', duration: 187.4 } : r)) }),
      start_stream({ url }) {
        const host = new URL(url.replace(/^rtmp/, 'http')).host;
        const stream = { id: `o${Date.now()}`, url: `rtmp://${host}/app/...`, state: 'connecting', retries: 0, started_at: new Date().toISOString(), error: null };
        changed({ streams: [...room.view.streams, stream] });
        setTimeout(() => changed({ streams: room.view.streams.map((s) => (s.id === stream.id ? { ...s, state: host.includes('down') ? 'retrying' : 'live', retries: 3, error: host.includes('down') ? 'connection refused' : null } : s)) }), 400);
      },
      stop_stream: ({ stream }) => changed({ streams: room.view.streams.map((s) => (s.id === stream ? { ...s, state: 'ended' } : s)) }),
      mute: ({ participant, muted }) => {
        const whom = room.participants.find(({ id }) => id === participant);
        Object.assign(whom, { muted_by_host: muted, media: { ...whom.media, microphone: false } });
        all({ type: 'participant_changed', participant: whom });
      },
      remove: ({ participant }) => {
        room.participants = room.participants.filter(({ id }) => id !== participant);
        all({ type: 'participant_left', participant });
      },
      end_room: () => all({ type: 'closing', code: 'ended', message: 'The host ended the room.' }),
      leave: () => ws.close(),
    };
    ws.on('message', (data) => {
      const message = JSON.parse(data);
      acts[message.type]?.(message);
      if (message.request != null) say({ type: 'done', request: message.request });
    });
    const speaking = setInterval(() => me && say({ type: 'speaking', participants: [room.participants[0]?.id].filter(Boolean) }), 1500);
    ws.on('close', () => {
      clearInterval(speaking);
      room.sockets.delete(ws);
      room.participants = room.participants.filter((p) => p !== me);
      if (me) all({ type: 'participant_left', participant: me.id });
    });
  }

  return new Promise((resolve) => http.listen(port, '127.0.0.1', () => resolve({ port, rooms, close: () => (http.close(), http.closeAllConnections()) })));
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  await startFake();
  console.log('http://localhost:8090/ (media: open http://localhost:8090/dev/engine.html in a Chromium)');
}
