// The program under test, and its HTTP API.

import http from 'node:http';
import https from 'node:https';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { freePort } from './ports.mjs';
import { Program } from './processes.mjs';

const root = resolve(import.meta.dirname, '../../..');
export const binary = process.env.E2E_SERVER ?? join(root, process.env.CARGO_TARGET_DIR ?? 'target', 'debug/veranda');

export class Server {
  /**
   * Starts the server, on loopback unless told otherwise, and waits for its ready line.
   * @param {{args?: string[], env?: object, data?: string, mediaAddress?: string, listen?: string, within?: string[]}} [options]
   *   `data`: a folder of an earlier run; otherwise a fresh one, gone at the end; `within`: words before the command
   */
  static async start(options = {}) {
    const server = new Server();
    server.ownData = !options.data;
    server.data = options.data ?? (await mkdtemp(join(tmpdir(), 'veranda-e2e-')));
    const address = options.mediaAddress ?? '127.0.0.1';
    const host = options.listen ?? '127.0.0.1';
    server.port = await freePort(host);
    server.mediaPort = await freePort(address);
    server.options = { ...options, data: server.data };
    const [command, ...words] = [...(options.within ?? []), binary];
    server.program = new Program(
      command,
      [...words, 'serve', '--listen', `${host}:${server.port}`, '--data', server.data,
        '--media-port', String(server.mediaPort), '--media-address', address, ...(options.args ?? [])],
      { cwd: server.data, env: { ...process.env, ...options.env } },
    );
    const started = performance.now();
    const [, url] = await server.program.says(/^ready (https?:\/\/\S+)/m, 60_000);
    server.readyAfter = (performance.now() - started) / 1000;
    server.url = url.replace(/\/$/, '');
    return server;
  }

  /** A request of the API or of any path; the answer with its body read, whatever its status. */
  async request(method, path, { body, token, headers = {}, raw } = {}) {
    const url = new URL(path, `${this.url}/`);
    const client = url.protocol === 'https:' ? https : http;
    const content = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    return new Promise((answer, fail) => {
      const request = client.request(url, {
        method,
        rejectUnauthorized: false,
        headers: {
          ...(content === undefined ? {} : { 'content-length': Buffer.byteLength(content) }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(token ? { authorization: `Bearer ${token}` } : {}),
          ...headers,
        },
      }, (response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('error', fail);
        response.on('end', () => {
          const bytes = Buffer.concat(chunks);
          const isJson = /json/.test(response.headers['content-type'] ?? '');
          answer({ status: response.statusCode, headers: response.headers, bytes,
            body: isJson && bytes.length ? JSON.parse(bytes) : undefined });
        });
      });
      request.on('error', fail);
      request.end(content);
    });
  }

  /** A request that must succeed; its JSON. */
  async call(method, path, options) {
    const answer = await this.request(method, `/api/v1${path}`, options);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.bytes}`);
    return answer.body;
  }

  /** A new room, with the calls a host makes. */
  async room(settings = {}) {
    return new Room(this, await this.call('POST', '/rooms', { body: settings }));
  }

  /** Takes the program away without a word. */
  async kill() {
    await this.program.stop('SIGKILL');
  }

  /** SIGTERM, as a service manager does. */
  async terminate() {
    return this.program.stop('SIGTERM', 30_000);
  }

  /** Another program on the same data. */
  async restart() {
    return Server.start(this.options);
  }

  async close() {
    await this.program.stop('SIGTERM', 10_000);
    if (this.ownData) await rm(this.data, { recursive: true, force: true });
  }
}

export class Room {
  constructor(server, made) {
    this.server = server;
    Object.assign(this, made);
  }

  get token() {
    return this.host_token;
  }

  call(method, path, body) {
    return this.server.call(method, path, { token: this.token, body });
  }

  participants() {
    return this.call('GET', `/rooms/${this.id}/participants`);
  }

  /** The id of the one person called `name`. */
  async idOf(name) {
    const found = (await this.participants()).filter((person) => person.name === name);
    if (found.length !== 1) throw new Error(`${found.length} people called ${name}`);
    return found[0].id;
  }

  recording(id) {
    return this.call('GET', `/recordings/${id}`);
  }

  /** The recording's file, as a guest of the API downloads it. */
  async download(id, headers = {}) {
    return this.server.request('GET', `/api/v1/recordings/${id}/file`, { token: this.token, headers });
  }

  async stream(id) {
    return (await this.call('GET', `/rooms/${this.id}/streams`)).find((stream) => stream.id === id);
  }
}
