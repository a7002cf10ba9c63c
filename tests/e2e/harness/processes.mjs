// Child processes of a test: their output kept, their end awaited, nothing left behind.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { until } from './wait.mjs';

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

export class Program {
  /** Starts `command`; `lines` gathers what it says on either output. */
  constructor(command, args, options = {}) {
    this.name = command.split('/').pop();
    this.output = '';
    this.child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    running.add(this.child);
    this.exited = once(this.child, 'exit').then(([code, signal]) => {
      running.delete(this.child);
      return { code, signal };
    });
    this.child.once('error', (error) => (this.output += `${error}\n`));
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text) => {
        this.output += text;
        if (process.env.E2E_LOG) process.stderr.write(text);
      });
    }
  }

  get alive() {
    return this.child.exitCode === null && this.child.signalCode === null && this.child.pid !== undefined;
  }

  /** The match of `pattern` in the output, once it is there. */
  async says(pattern, within = 20_000) {
    return until(`${this.name} says ${pattern}`, () => {
      const match = pattern.exec(this.output);
      if (!match && !this.alive) throw new Error(`it ended: ${this.output.slice(-2000)}`);
      return match;
    }, { within, every: 20 });
  }

  /** Sends `signal` and waits for the end; kills after `within` ms. Returns how it ended and how long that took. */
  async stop(signal = 'SIGTERM', within = 20_000) {
    const started = performance.now();
    if (this.alive) this.child.kill(signal);
    const deadline = setTimeout(() => this.child.kill('SIGKILL'), within);
    const ended = await this.exited;
    clearTimeout(deadline);
    return { ...ended, seconds: (performance.now() - started) / 1000 };
  }
}

/** Runs a tool to its end; its output as a buffer. Fails with what it said. */
export async function run(command, args, { input, within = 120_000 } = {}) {
  const child = spawn(command, args, { stdio: [input ? 'pipe' : 'ignore', 'pipe', 'pipe'] });
  running.add(child);
  const out = [];
  let complaint = '';
  child.stdout.on('data', (chunk) => out.push(chunk));
  child.stderr.setEncoding('utf8').on('data', (text) => (complaint += text));
  if (input) child.stdin.on('error', () => {}).end(input);
  const deadline = setTimeout(() => child.kill('SIGKILL'), within);
  const [code, signal] = await once(child, 'close');
  clearTimeout(deadline);
  running.delete(child);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${signal ?? code}\n${complaint.slice(-2000)}`);
  return Object.assign(Buffer.concat(out), { complaint });
}
