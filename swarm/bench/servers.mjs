// The two servers under test: each with fresh data, gone at the end.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const HTTP_PORT = 8080;
const JANUS_PORT = 8188;

/** Plugins and transports of Debian's package that a videoroom over WebSockets doesn't need. */
const NOT_NEEDED = {
  plugins: ['audiobridge', 'duktape', 'echotest', 'lua', 'nosip', 'recordplay', 'sip', 'streaming', 'textroom', 'videocall',
    'voicemail'],
  transports: ['http', 'mqtt', 'nanomsg', 'pfunix', 'rabbitmq'],
};

class Server {
  /** Starts a program that listens on `port` when it is ready. */
  static async start(target, folder, command, args, address, port) {
    const server = new Server();
    server.target = target;
    server.folder = folder;
    server.process = spawn(command, args, { cwd: folder, stdio: ['ignore', 'ignore', 'ignore'] });
    server.pid = server.process.pid;
    const failed = once(server.process, 'exit').then(() => { throw new Error(`${command} ended`); });
    failed.catch(() => {});
    await Promise.race([failed, listening(address, port)]);
    return server;
  }

  async stop() {
    if (this.process.exitCode === null) {
      const ended = once(this.process, 'exit');
      this.process.kill('SIGTERM');
      await Promise.race([ended, sleep(15_000).then(() => this.process.kill('SIGKILL'))]);
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function listening(address, port) {
  for (let tries = 0; tries < 300; tries += 1) {
    const socket = net.connect(port, address);
    const open = await new Promise((answer) => {
      socket.once('connect', () => answer(true));
      socket.once('error', () => answer(false));
    });
    socket.destroy();
    if (open) return;
    await sleep(100);
  }
  throw new Error(`nothing listens on ${address}:${port}`);
}

const folder = () => mkdtemp(join(tmpdir(), 'veranda-bench-'));

/** Veranda as it comes, at the log level it comes with. */
export async function startVeranda(programs, address) {
  const data = await folder();
  const args = ['serve', '--listen', `${address}:${HTTP_PORT}`, '--media-address', address, '--data', data];
  const server = await Server.start('veranda', data, join(programs, 'veranda'), args, address, HTTP_PORT);
  server.url = `http://${address}:${HTTP_PORT}`;
  return server;
}

/** Debian's Janus with its defaults but for what the bench needs, and silent: its log would cost it. */
export async function startJanus(address) {
  const configuration = await folder();
  const disabled = (kind) => NOT_NEEDED[kind].map((name) => `libjanus_${name}.so`).join(',');
  await writeFile(join(configuration, 'janus.jcfg'), `
general: { debug_level = 2, session_timeout = 0, log_to_stdout = false, log_to_file = "/dev/null" }
nat: { ice_enforce_list = "${address}" }
plugins: { disable = "${disabled('plugins')}" }
transports: { disable = "${disabled('transports')}" }
`);
  await writeFile(join(configuration, 'janus.transport.websockets.jcfg'), `
general: { json = "compact", ws = true, ws_port = ${JANUS_PORT}, wss = false, ws_ip = "${address}" }
`);
  await writeFile(join(configuration, 'janus.plugin.videoroom.jcfg'), 'general: {}\n');
  const args = ['--configs-folder', configuration, '--interface', address];
  const server = await Server.start('janus', configuration, 'janus', args, address, JANUS_PORT);
  server.url = `ws://${address}:${JANUS_PORT}`;
  return server;
}
