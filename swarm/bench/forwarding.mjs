// `script/bench forwarding`: the swarm against Veranda and against Janus, same load, back to back. Markdown on standard output.

import { execFile } from 'node:child_process';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { startJanus, startVeranda } from './servers.mjs';

const { values: options } = parseArgs({
  options: {
    n: { type: 'string', default: '2,5,10,20,50' },
    seconds: { type: 'string', default: '6' },
    repeat: { type: 'string', default: '1' },
    only: { type: 'string', default: 'rooms,idle,joins,churn' },
    programs: { type: 'string' },
    address: { type: 'string' },
  },
});
const run = promisify(execFile);

/** Starts one of the servers, drives it, and gives the swarm's report. */
async function drive(target, args) {
  const server = target === 'janus' ? await startJanus(options.address) : await startVeranda(options.programs, options.address);
  try {
    const all = ['--target', target, '--json', '--server-pid', String(server.pid), ...args, server.url];
    const { stdout } = await run(join(options.programs, 'veranda-swarm'), all, { maxBuffer: 1 << 24, env: { ...process.env, RUST_BACKTRACE: '0' } });
    const report = JSON.parse(stdout);
    for (const problem of report.problems) console.error(`${target} ${args.join(' ')}: ${problem}`);
    return report;
  } finally {
    await server.stop();
  }
}

const row = (cells) => console.log(`| ${cells.join(' | ')} |`);
function head(...cells) {
  row(cells);
  row(cells.map(() => '---'));
}
const ms = (spread) => `${spread.p50.toFixed(2)} / ${spread.p99.toFixed(1)}`;
const mib = (kib) => (kib / 1024).toFixed(1);
/** On the way, and of that at the swarm's own sockets (its own fault). */
const lost = ({ audio, video, dropped_by_swarm: own }) =>
  `${audio.lost + video.lost + audio.skipped + video.skipped}${own ? ` (${own} by the swarm)` : ''}`;

/** What one server did in one room. */
function roomRow(name, target, report, ratio) {
  const { server } = report;
  row([name, target, Math.round(report.packets_per_second), server.cpu_per_packet.toFixed(1), ratio, ms(report.audio.latency),
    ms(report.video.latency), lost(report), report.video.freezes, server.loaded.threads, server.threads_per_person.toFixed(1),
    mib(server.loaded.memory), mib(server.memory_per_person), Math.round(report.swarm_cpu_percent),
    Math.round(report.others_cpu_percent)]);
}

async function rooms() {
  head('room', 'server', 'packets/s', 'CPU µs/packet', '/ Janus', 'audio ms p50 / p99', 'video ms p50 / p99', 'lost', 'freezes',
    'threads', 'threads/person', 'MiB', 'MiB/person', 'swarm % of a core', 'others %');
  const loads = options.n.split(',').map((people) => ({ people, slots: 9 }));
  if (options.n.split(',').includes('50')) loads.push({ people: '50', slots: 4 });
  for (const { people, slots } of loads) {
    for (let nth = 0; nth < Number(options.repeat); nth += 1) {
      const args = ['--people', people, '--video-slots', String(slots), '--seconds', options.seconds, '--joins-per-second', '10'];
      const janus = await drive('janus', args);
      const veranda = await drive('veranda', args);
      const name = `${people}, 3 + ${slots}`;
      roomRow(name, 'Janus', janus, '1');
      roomRow(name, 'Veranda', veranda, (veranda.server.cpu_per_packet / janus.server.cpu_per_packet).toFixed(2));
    }
  }
}

async function idle() {
  console.log('\nTen people connected, nobody sends (30 s):\n');
  head('server', '% of a core', 'threads', 'MiB');
  for (const target of ['janus', 'veranda']) {
    const { server } = await drive(target, ['--people', '10', '--idle', '--seconds', '30']);
    row([target, server.cpu_percent.toFixed(2), server.loaded.threads, mib(server.loaded.memory)]);
  }
}

async function joins() {
  console.log('\n50 people join a room of 3 + 4 slots within 10 s, all sending (Veranda):\n');
  head('joined', 'connected ms p50 / p95', 'first picture ms p50 / p95 / max');
  const report = await drive('veranda', ['--people', '50', '--video-slots', '4', '--joins-per-second', '5', '--seconds', '2']);
  const { connected, first_picture: picture } = report;
  row([report.joined, `${connected.p50.toFixed(0)} / ${connected.p95.toFixed(0)}`,
    `${picture.p50.toFixed(0)} / ${picture.p95.toFixed(0)} / ${picture.max.toFixed(0)}`]);
}

async function churn() {
  console.log('\n500 people join a room of three, see a picture and leave, four at a time (Veranda):\n');
  head('', 'threads', 'descriptors', 'MiB');
  const { churn: found } = await drive('veranda', ['--people', '3', '--churn', '500', '--seconds', '2']);
  for (const when of ['before', 'after']) {
    row([when, found[when].threads, found[when].descriptors, mib(found[when].memory)]);
  }
  const { visits, problems, visits_per_second: pace, first_picture: picture } = found;
  console.log(`\n${visits} visits, ${problems.length} failed, ${pace.toFixed(1)} a second; first picture p50 ${picture.p50.toFixed(0)} ms, `
    + `p95 ${picture.p95.toFixed(0)} ms.`);
  for (const problem of problems) console.error(problem);
}

const parts = { rooms, idle, joins, churn };
const version = (await run('dpkg-query', ['-W', '-f', '${Version}', 'janus'])).stdout;
console.log(`${cpus().length} × ${cpus()[0].model}; Janus ${version} of Debian; ${new Date().toISOString().slice(0, 10)}\n`);
for (const part of options.only.split(',')) {
  if (!parts[part]) throw new Error(`no part '${part}' (${Object.keys(parts).join(', ')})`);
  await parts[part]();
}
