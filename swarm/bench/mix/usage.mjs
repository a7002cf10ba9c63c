// What processes use, from /proc (proc(5)), and where a process' CPU time goes, from perf.

import { execFile } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { promisify } from 'node:util';

const run = promisify(execFile);

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // It ended meanwhile.
  }
}

/** utime, stime and those of ended children, in ms: fields 14 to 17, in ticks of 10 ms. */
function cpuOf(pid) {
  const fields = read(`/proc/${pid}/stat`).split(') ').pop().split(' ');
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks || 0) * 10, 0);
}

/** Memory in KiB, each shared page counted for its share: the sum over processes is true. */
const pssOf = (pid) => Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0);

/** These processes and all that they started. */
export function family(...roots) {
  const parents = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
    .map((pid) => [Number(pid), Number(read(`/proc/${pid}/stat`).split(') ').pop().split(' ')[1])]);
  const all = new Set(roots);
  for (let before = 0; before !== all.size;) {
    before = all.size;
    for (const [pid, parent] of parents) if (all.has(parent)) all.add(pid);
  }
  return [...all];
}

export const cpu = (pids) => pids.reduce((sum, pid) => sum + cpuOf(pid), 0);
export const memory = (pids) => pids.reduce((sum, pid) => sum + pssOf(pid), 0);

/** CPU time of the whole machine in ms: user, nice, system and interrupts. */
export function busy() {
  const [user, nice, system, , , hard, soft] = read('/proc/stat').split('\n')[0].split(/\s+/).slice(1).map(Number);
  return (user + nice + system + hard + soft) * 10;
}

/** What a sample of the server belongs to, by its thread and its library. First match counts. */
const PARTS = [
  ['encode', (thread, library) => /x264|openh264/.test(library) || (/libavcodec/.test(library) && !/jitter/.test(thread)) || /^raw/.test(thread)],
  ['decode', (thread, library) => /vpx|opus|avcodec/.test(library)],
  ['scale + blend', (thread, library) => /^(canvas|mixer|base)/.test(thread) || /gstvideo|orc/.test(library)],
  ['receive', (thread, library) => /^(net|tokio)/.test(thread) || /jitter|rtp/.test(thread + library) || /^rtp/.test(thread)],
  ['mux', (thread, library) => /isomp4/.test(library) || /^(video|audio|mux|queue\d*:src)/.test(thread)],
];

/** CPU shares of a process over `seconds`, `{part: share}`; undefined where there is no perf. */
export async function split(pid, seconds, file) {
  try {
    await run('perf', ['record', '-q', '-F', '499', '-p', String(pid), '-o', file, '--', 'sleep', String(seconds)]);
    const { stdout } = await run('perf', ['report', '-i', file, '--sort', 'comm,dso', '-F', 'overhead,comm,dso', '-t', ';', '--stdio', '-q'],
      { maxBuffer: 1 << 24 });
    if (process.env.BENCH_PERF) console.error(stdout);
    const shares = {};
    for (const line of stdout.split('\n').filter((line) => line.includes(';'))) {
      const [share, thread, library] = line.split(';').map((cell) => cell.trim());
      const part = PARTS.find(([, holds]) => holds(thread, library))?.[0] ?? 'other';
      shares[part] = (shares[part] ?? 0) + Number.parseFloat(share) / 100;
    }
    return shares;
  } catch (error) {
    if (process.env.BENCH_PERF) console.error(error);
    return undefined;
  }
}
