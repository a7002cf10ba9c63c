// One page in a room where twelve others talk and show themselves, for minutes: what its memory does.
//
//   script/bench page [--minutes 60] [--people 12]

import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Chromium } from '../../tests/e2e/harness/chromium.mjs';
import { Program } from '../../tests/e2e/harness/processes.mjs';
import { Server } from '../../tests/e2e/harness/server.mjs';
import { media, until } from '../../tests/e2e/harness/wait.mjs';

const { values } = parseArgs({ options: {
  minutes: { type: 'string', default: '60' }, people: { type: 'string', default: '12' }, programs: { type: 'string', default: 'target/release' },
} });
const swarm = process.env.E2E_SWARM ?? join(resolve(values.programs), 'veranda-swarm');
const seconds = Number(values.minutes) * 60;
/** Looks begin when the page has shown everybody for a while: caches and compiled code are no leak. */
const settling = Math.min(60, seconds / 4);
const looks = 24;

/** Bytes of a process, what it shares divided by those that share it. */
async function memory(id) {
  const rollup = await readFile(`/proc/${id}/smaps_rollup`, 'utf8').catch(() => '');
  return Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0) * 1024;
}

async function look(person, cdp) {
  await cdp.send('HeapProfiler.collectGarbage');
  const { metrics } = await cdp.send('Performance.getMetrics');
  const told = Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
  const processes = await person.processes();
  const all = await Promise.all(processes.map(memory));
  const { video } = await person.traffic();
  return {
    at: performance.now() / 1000,
    'JS heap, MB': told.JSHeapUsedSize / 1e6,
    'DOM nodes': told.Nodes,
    'listeners': told.JSEventListeners,
    'all processes, MB': all.reduce((sum, one) => sum + one, 0) / 1e6,
    'pictures decoded': Object.values(video).reduce((sum, { decoded }) => sum + decoded, 0),
  };
}

/** Least squares, per hour. */
function slope(points, key) {
  const mean = (of) => points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [x, y] = [mean(({ at }) => at), mean((point) => point[key])];
  return (3600 * mean((point) => (point.at - x) * (point[key] - y))) / mean(({ at }) => (at - x) ** 2);
}

const server = await Server.start();
const ann = await Chromium.start('Ann', { viewport: { width: 1440, height: 900 }, args: ['--autoplay-policy=no-user-gesture-required'] });
let crowd;
try {
  const room = await server.room({ name: 'An hour' });
  await ann.join(room.url);
  crowd = new Program(swarm, [`--room=${room.invitation}`, '--people', values.people, '--simulcast', '--seconds', String(seconds + settling + 120), server.url]);
  const wanted = Number(values.people);
  await until('everybody is drawn', async () => (await ann.tiles()).filter(({ picture }) => picture).length > wanted, { within: 90_000, every: 1000 });
  const cdp = await ann.context.newCDPSession(ann.page);
  await cdp.send('Performance.enable');
  await media(settling);
  const points = [await look(ann, cdp)];
  for (let at = 1; at <= looks; at++) {
    await media(seconds / looks);
    points.push(await look(ann, cdp));
    if (process.env.E2E_LOG) console.error(JSON.stringify(points.at(-1)));
  }
  const [first, last] = [points[0], points.at(-1)];
  const tiles = (await ann.tiles()).filter(({ picture }) => picture).length;
  console.log(`${((last.at - first.at) / 60).toFixed(1)} minutes, ${tiles} pictures, ${Math.round((last['pictures decoded'] - first['pictures decoded']) / (last.at - first.at))} decoded a second\n`);
  console.log('| after garbage is collected | first | last | most | an hour, by least squares |\n| --- | --- | --- | --- | --- |');
  for (const key of ['JS heap, MB', 'DOM nodes', 'listeners', 'all processes, MB']) {
    const shown = [first[key], last[key], Math.max(...points.map((point) => point[key])), slope(points, key)].map((value) => value.toFixed(key.endsWith('MB') ? 1 : 0));
    console.log(`| ${key} | ${shown.join(' | ')} |`);
  }
} finally {
  await crowd?.stop('SIGTERM', 5000);
  await ann.close();
  await server.close();
}
