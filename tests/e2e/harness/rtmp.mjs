// An RTMP server that keeps what it is sent: nginx with its rtmp module, on loopback or at the far end of a line, in a
// folder of its own.

import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:net';
import { freePort } from './ports.mjs';
import { Program } from './processes.mjs';
import { until } from './wait.mjs';

const rtmpModule = ['/usr/lib/nginx/modules/ngx_rtmp_module.so', '/usr/share/nginx/modules/ngx_rtmp_module.so'].find(existsSync);

export class RtmpServer {
  /** @param {{address?: string, within?: string[]}} [options] `within`: words before the command, as of `ip netns exec` */
  static async start({ address = '127.0.0.1', within = [] } = {}) {
    const server = Object.assign(new RtmpServer(), { address, within });
    server.folder = await mkdtemp(join(tmpdir(), 'veranda-rtmp-'));
    server.port = await freePort();
    server.files = join(server.folder, 'files');
    await mkdir(server.files);
    await writeFile(join(server.folder, 'nginx.conf'), `
      load_module ${rtmpModule};
      daemon off; master_process off; pid ${server.folder}/pid; error_log stderr info;
      events { worker_connections 64; }
      rtmp { server { listen ${address}:${server.port};
        application live { live on; record all; record_path ${server.files}; record_unique on; record_suffix .flv; }
      } }`);
    await server.open();
    return server;
  }

  /** Also after `kill`: on the same port. */
  async open() {
    const [command, ...words] = [...this.within, '/usr/sbin/nginx', '-p', this.folder, '-c', join(this.folder, 'nginx.conf')];
    this.program = new Program(command, words);
    await until('nginx listens', () => new Promise((answer, fail) => {
      const socket = connect(this.port, this.address);
      socket.on('connect', () => answer(socket.destroy())).on('error', fail);
    }), { every: 50 });
  }

  url(key) {
    return `rtmp://${this.address}:${this.port}/live/${key}`;
  }

  /** No goodbye: what a lost server looks like. */
  async kill() {
    await this.program.stop('SIGKILL');
  }

  /** The files of what was published under `key`, oldest first. */
  async recorded(key) {
    return (await readdir(this.files)).filter((name) => name.startsWith(`${key}-`)).sort().map((name) => join(this.files, name));
  }

  async close() {
    await this.program.stop('SIGTERM', 3000);
    await rm(this.folder, { recursive: true, force: true });
  }
}
