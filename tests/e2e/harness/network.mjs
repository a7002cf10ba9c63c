// A bad line of our own: a browser in a network namespace, and between it and this machine a second namespace that
// forwards, loses and limits. Only media (UDP) is lost; what is limited is everything.
//
//   browser's namespace ── veth ── the line: nftables drops, tbf limits ── veth ── this machine, where the server is
//
// The line is a hop of its own because a packet dropped where it is made is an error there, which no real line gives.

import { execFileSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Names and addresses that no other run of the tests has. */
let taken = process.pid % 2000;

/** Runs a tool of the system; throws what it said. */
function tool(name, ...args) {
  try {
    return execFileSync(name, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    throw new Error(`${name} ${args.join(' ')}: ${error.stderr || error.message}`, { cause: error });
  }
}

export class Network {
  /** Why this machine can't have one, as a sentence; `undefined` where it can. */
  static missing() {
    if (process.getuid?.() !== 0) return 'network namespaces need root';
    for (const name of ['ip', 'nft', 'tc']) {
      try {
        execFileSync('sh', ['-c', `command -v ${name}`], { stdio: 'ignore' });
      } catch {
        return `${name} is not installed (script/bootstrap --test)`;
      }
    }
    try {
      const probe = `veranda-probe-${process.pid}`;
      tool('ip', 'netns', 'add', probe);
      tool('ip', 'netns', 'del', probe);
    } catch (error) {
      return `no network namespaces here: ${error.message}`;
    }
    return undefined;
  }

  /** A line without faults. `address` is this machine's on it; `lose` and `limit` spoil it. */
  static async start() {
    removeLeftovers();
    const network = new Network();
    const number = taken++ % 4000;
    network.ends = ['far', 'line'].map((end) => `veranda-${end}-${process.pid}-${number}`);
    const [far, line] = network.ends;
    const [a, b] = [10 + Math.floor(number / 64), (number % 64) * 4];
    // 198.18.0.0/15 is for benchmarks (RFC 2544): no real network has it.
    const [here, hop] = [`198.18.${a}.${b + 1}`, `198.18.${a}.${b + 2}`];
    const [gate, there] = [`198.19.${a}.${b + 1}`, `198.19.${a}.${b + 2}`];
    [network.address, network.farAddress, network.near] = [here, there, `vnd${number}n`];
    network.end = () => network.#remove();
    process.once('exit', network.end);
    try {
      network.ends.forEach((name) => tool('ip', 'netns', 'add', name));
      tool('ip', 'link', 'add', network.near, 'type', 'veth', 'peer', 'name', 'near', 'netns', line);
      tool('ip', '-n', line, 'link', 'add', 'far', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', far);
      tool('ip', 'addr', 'add', `${here}/30`, 'dev', network.near);
      tool('ip', '-n', line, 'addr', 'add', `${hop}/30`, 'dev', 'near');
      tool('ip', '-n', line, 'addr', 'add', `${gate}/30`, 'dev', 'far');
      tool('ip', '-n', far, 'addr', 'add', `${there}/30`, 'dev', 'eth0');
      tool('ip', 'link', 'set', network.near, 'up');
      for (const [namespace, device] of [[line, 'near'], [line, 'far'], [line, 'lo'], [far, 'eth0'], [far, 'lo']]) {
        tool('ip', '-n', namespace, 'link', 'set', device, 'up');
      }
      // Packets as they are on a wire: joined ones would be lost, and counted by tbf, as one.
      for (const [namespace, device] of [[line, 'near'], [line, 'far'], [far, 'eth0']]) network.#wire(namespace, device);
      tool('ip', 'netns', 'exec', line, 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
      tool('ip', '-n', far, 'route', 'add', 'default', 'via', gate);
      tool('ip', 'route', 'add', `${there}/32`, 'via', hop);
      await network.#script();
    } catch (error) {
      await network.close();
      throw error;
    }
    return network;
  }

  #wire(namespace, device) {
    tool('ip', '-n', namespace, 'link', 'set', device, 'gso_max_segs', '1');
  }

  /** Playwright starts one program: a script that goes into the namespace first. */
  async #script() {
    this.folder = await mkdtemp(join(tmpdir(), 'veranda-network-'));
    this.executablePath = join(this.folder, 'chromium');
    const browser = process.env.CHROMIUM ?? '/usr/bin/chromium';
    await writeFile(this.executablePath, `#!/bin/sh\nexec ip netns exec ${this.ends[0]} ${browser} "$@"\n`, { mode: 0o755 });
  }

  /** The options of `Chromium.start` for somebody at the far end of the line; `url` as the browser opens it. */
  browser(url) {
    return { executablePath: this.executablePath, ...trusting(url) };
  }

  /** The words that run a command at the far end of the line. */
  get there() {
    return ['ip', 'netns', 'exec', this.ends[0]];
  }

  /** Of every hundred packets of media this many are lost, at random, on their way from (`up`) and to (`down`) the browser. */
  lose({ up = 0, down = 0 }) {
    const rule = (from, percent) => `iifname ${from} meta l4proto udp numgen random mod 1000 < ${Math.round(percent * 10)} counter drop`;
    this.#inLine('nft', ['table ip loss', 'delete table ip loss', 'table ip loss {', 'chain forward {',
      'type filter hook forward priority 0;', rule('far', up), rule('near', down), '}', '}'].join('\n'));
  }

  /** How many packets `lose` has taken. */
  get lost() {
    const [up, down] = [...this.#inLine('nft', 'list table ip loss').matchAll(/counter packets (\d+)/g)].map(([, count]) => Number(count));
    return { up, down };
  }

  /**
   * The line carries no more than this each way; what does not fit waits, at most `queue` ms, and is then dropped.
   * @param {{up?: string, down?: string, queue?: number}} rates as `tc` writes them: `600kbit`; left out: not limited
   */
  limit({ up, down, queue = 300 }) {
    for (const [device, rate] of [['near', up], ['far', down]]) {
      if (rate) {
        tool('tc', '-n', this.ends[1], 'qdisc', 'replace', 'dev', device, 'root', 'tbf', 'rate', rate, 'burst', '4kb', 'latency', `${queue}ms`);
      } else if (tool('tc', '-n', this.ends[1], 'qdisc', 'show', 'dev', device).includes('tbf')) {
        tool('tc', '-n', this.ends[1], 'qdisc', 'del', 'dev', device, 'root');
      }
    }
  }

  #inLine(name, text) {
    return tool('ip', 'netns', 'exec', this.ends[1], name, text);
  }

  #remove() {
    // Deleting a namespace takes its devices with it, and with them this machine's end and its route.
    for (const remove of [...this.ends.map((name) => ['netns', 'del', name]), ['link', 'del', this.near]]) {
      try {
        tool('ip', ...remove);
      } catch {
        // It was never made, or went with its other end.
      }
    }
    if (this.folder) rmSync(this.folder, { recursive: true, force: true });
  }

  async close() {
    process.removeListener('exit', this.end);
    this.#remove();
  }
}

/** Takes away what a run that was killed left behind: its namespaces bear its process's number. */
function removeLeftovers() {
  for (const [name, pid] of tool('ip', 'netns', 'list').matchAll(/^veranda-(?:far|line)-(\d+)-\d+/gm)) {
    if (!existsSync(`/proc/${pid}`)) tool('ip', 'netns', 'del', name);
  }
}

/** The options of `Chromium.start` for a server that is not on loopback: devices on an http:// page. */
export function trusting(url) {
  return { args: [`--unsafely-treat-insecure-origin-as-secure=${new URL(url).origin}`] };
}
