// A TURN server of our own: coturn on loopback with a shared secret.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './ports.mjs';
import { Program } from './processes.mjs';

export class TurnServer {
  static async start() {
    const server = new TurnServer();
    server.folder = await mkdtemp(join(tmpdir(), 'veranda-turn-'));
    server.port = await freePort();
    server.secret = 'a secret of the tests alone';
    server.program = new Program('/usr/bin/turnserver', ['-n', '--listening-ip=127.0.0.1', '--relay-ip=127.0.0.1',
      `--listening-port=${server.port}`, '--use-auth-secret', `--static-auth-secret=${server.secret}`, '--realm=veranda.test',
      '--allow-loopback-peers', '--no-tls', '--no-dtls', '--no-cli', '--log-file=stdout', '--simple-log', '--verbose',
      `--pidfile=${server.folder}/pid`, `--db=${server.folder}/turndb`], { cwd: server.folder });
    await server.program.says(/UDP listener opened on/);
    return server;
  }

  get url() {
    return `turn:127.0.0.1:${this.port}?transport=udp`;
  }

  /** How many relays were allocated. */
  get allocations() {
    return (this.program.output.match(/ALLOCATE processed, success/g) ?? []).length;
  }

  async close() {
    await this.program.stop('SIGKILL');
    await rm(this.folder, { recursive: true, force: true });
  }
}
