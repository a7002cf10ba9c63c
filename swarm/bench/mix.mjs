// `script/bench mix`: a recording of N people, by Veranda, by ffmpeg from files and by a filmed Chrome, back to back. Markdown on
// standard output.

import { parseArgs } from 'node:util';
import { startVeranda } from './servers.mjs';
import { Room, chrome, ffmpeg, veranda } from './mix/ways.mjs';

const { values: options } = parseArgs({
  options: {
    n: { type: 'string', default: '1,4,9,16,25,49' },
    seconds: { type: 'string', default: '15' },
    repeat: { type: 'string', default: '1' },
    ways: { type: 'string', default: 'veranda,ffmpeg,chrome' },
    rooms: { type: 'string', default: '0' },
    programs: { type: 'string' },
  },
});
const seconds = Number(options.seconds);
const ways = options.ways.split(',');
const PARTS = ['receive', 'decode', 'scale + blend', 'encode', 'mux', 'other'];
/** As src/domain/scene.rs: of more people 24 are drawn, and how many more there are. */
const drawnOf = (people) => (people > 25 ? 24 : people);
const VOICES = 4;

const row = (cells) => console.log(`| ${cells.join(' | ')} |`);
const ratio = (one, other) => (one && other ? (one.cpu / other.cpu).toFixed(2) : '-');
const mib = (kib) => (kib / 1024).toFixed(0);

function print(people, way, used, { files, filmed } = {}) {
  const parts = PARTS.map((part) => (used.parts ? Math.round((used.parts[part] ?? 0) * used.cpu) : '-'));
  const fps = used.file ? `${used.file.fps.toFixed(1)} / ${used.file.moved.toFixed(1)}` : '-';
  row([people, way, Math.round(used.cpu), ratio(used, files), ratio(used, filmed), ...parts, mib(used.memory),
    filmed ? (used.memory / filmed.memory).toFixed(2) : '-', fps, used.file ? Math.round(used.file.longest) : '-', used.others === undefined ? '-' : Math.round(used.others)]);
}

async function compare(people) {
  const drawn = drawnOf(people);
  const server = await startVeranda(options.programs, '127.0.0.1');
  let room;
  try {
    room = await Room.open(server, options.programs, people, { simulcast: true, layout: 'grid' });
    const ours = ways.includes('veranda') ? await veranda(room, seconds) : undefined;
    const filmed = ways.includes('chrome') ? await chrome(room, seconds) : undefined;
    await room.close();
    const voices = Math.min(people, VOICES);
    const files = ways.includes('ffmpeg') ? await ffmpeg(drawn, voices, seconds, true) : undefined;
    const batch = files && await ffmpeg(drawn, voices, seconds, false);
    if (ours) print(people, 'Veranda', ours, { files, filmed });
    if (files) print(people, `ffmpeg, ${drawn} files`, files, { files, filmed });
    if (batch) print(people, 'ffmpeg, as fast as it can', batch, { files, filmed });
    if (filmed) print(people, `Chrome, ${filmed.drawn} drawn`, filmed, { files, filmed });
  } finally {
    room?.swarm.kill('SIGKILL');
    await server.stop();
  }
}

/** Recordings of rooms of four people at once, until one loses a frame. */
async function rooms() {
  const server = await startVeranda(options.programs, '127.0.0.1');
  const open = [];
  try {
    for (let count = 1; count <= Number(options.rooms); count += 1) {
      open.push(await Room.open(server, options.programs, 4, { simulcast: true, layout: 'grid' }));
      const made = await Promise.all(open.map(async (room) => veranda(room, seconds)));
      const files = made.map(({ file }) => `${file.fps.toFixed(1)} fps, longest ${Math.round(file.longest)} ms`);
      row([count, Math.round(made[0].cpu), files.join('; '), Math.round(made[0].others)]);
    }
  } finally {
    for (const room of open) room.swarm.kill('SIGKILL');
    await server.stop();
  }
}

if (Number(options.rooms) > 0) {
  row(['rooms of four', 'CPU ms/s of the server', 'each recording', 'others ms/s']);
  row(Array(4).fill('---'));
  await rooms();
  console.log();
}

row(['people', 'way', 'CPU ms/s', '/ ffmpeg', '/ Chrome', ...PARTS, 'MiB', '/ Chrome', 'fps / that differ', 'longest ms', 'others ms/s']);
row(Array(PARTS.length + 9).fill('---'));
for (const people of options.n.split(',').map(Number)) {
  for (let nth = 0; nth < Number(options.repeat); nth += 1) await compare(people);
}
