// One behaviour: a server of its own, people, figures printed, everything gone afterwards; on failure what was seen last.

import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import test from 'node:test';
import { Chromium } from './chromium.mjs';
import { Firefox } from './firefox.mjs';
import { Server } from './server.mjs';

const traces = resolve(import.meta.dirname, '../../../target/e2e');

/**
 * @param {string} name what must hold, as a sentence
 * @param {(scene: Scene) => Promise<void>} act
 * @param {{within?: number}} [limits] seconds
 */
export function behaviour(name, act, { within = 180 } = {}) {
  test(name, async (t) => {
    const scene = new Scene(t);
    let alarm;
    const late = new Promise((_, fail) => {
      alarm = setTimeout(() => fail(new Error(`not done within ${within} s`)), within * 1000);
    });
    try {
      await Promise.race([act(scene), late]);
    } catch (error) {
      await scene.leaveTraces().catch(() => {});
      throw error;
    } finally {
      clearTimeout(alarm);
      await scene.close();
    }
  });
}

class Scene {
  constructor(t) {
    this.t = t;
    this.people = [];
    this.endings = [];
    this.kept = [];
  }

  /** `what` is taken away at the end by its `close`. */
  keep(what) {
    this.kept.push(what);
    this.endings.unshift(() => what.close());
    return what;
  }

  async start(options) {
    this.server = this.keep(await Server.start(options));
    return this.server;
  }

  /** A room on this scene's server. */
  async room(settings) {
    if (!this.server) await this.start();
    return this.server.room(settings);
  }

  /** Somebody at Chromium, not in a room yet. */
  async chromium(name, options) {
    return this.#person(await Chromium.start(name, options));
  }

  async firefox(name, options) {
    return this.#person(await Firefox.start(name, options));
  }

  #person(person) {
    this.people.push(person);
    return this.keep(person);
  }

  /** Somebody at Chromium who has come in by the room's link, or by the maker's with `host`. */
  async guest(room, name, options = {}) {
    const person = await this.chromium(name, options);
    return person.join(options.host ? room.host_url : room.url);
  }

  /** Prints a figure beside the test's name. */
  figure(name, value) {
    this.t.diagnostic(`${name}: ${typeof value === 'object' ? JSON.stringify(value) : value}`);
  }

  async leaveTraces() {
    const folder = join(traces, basename(process.argv[1] ?? 'test', '.test.mjs'));
    await mkdir(folder, { recursive: true });
    if (this.server) await writeFile(join(folder, 'server.log'), this.server.program.output);
    // Where only the output is kept, its end must say enough.
    for (const { constructor, program } of this.kept.filter((what) => what.program)) {
      this.t.diagnostic(`${constructor.name} said last:\n${program.output.trimEnd().split('\n').slice(-30).join('\n')}`);
    }
    for (const person of this.people) {
      await person.page.screenshot({ path: join(folder, `${person.name}.png`) }).catch(() => {});
      const told = { complaints: person.complaints, ...(await Promise.race([person.traffic(), sleep()]).catch(() => ({}))) };
      await writeFile(join(folder, `${person.name}.json`), JSON.stringify(told, null, 1));
      this.t.diagnostic(`${person.name}: ${JSON.stringify({ complaints: told.complaints, states: told.states, pairs: told.pairs })}`);
    }
    this.t.diagnostic(`what was seen last is in ${folder}`);
  }

  async close() {
    for (const end of this.endings) await end().catch((error) => this.t.diagnostic(`at the end: ${error.message}`));
  }
}

const sleep = () => new Promise((answer) => setTimeout(answer, 3000, {}));
