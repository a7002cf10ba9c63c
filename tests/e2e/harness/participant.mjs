// A person at a browser. What Chromium and Firefox have in common: everything is done by accessible names, everything
// seen is asked of the page.

import * as inspect from './inspect.js';
import { until } from './wait.mjs';

/** How far a colour may be from what was filmed: VP8, scaling and range conversions move it a little. */
const near = 35;

export function isColour(seen, wanted) {
  return Boolean(seen) && seen.every((part, at) => Math.abs(part - wanted[at]) < near);
}

/** What the page did that was a negotiation. */
export const negotiations = ({ connections, calls }) =>
  ({ connections, ...Object.fromEntries(['createOffer', 'setLocalDescription', 'setRemoteDescription']
    .map((name) => [name, calls[name] ?? 0])) });

/** The primitives `evaluate`, `press`, `fill`, `sees`, `open`, `reload` and `close` come from the browser's own class. */
export class Participant {
  constructor(name, look) {
    this.name = name;
    this.look = look;
    this.requests = [];
    this.complaints = [];
  }

  /** Opens the room's link and goes in. */
  async join(url, { host = false } = {}) {
    await this.open(url);
    this.host = host;
    await this.enter();
    return this;
  }

  /** From the pre-join page into the room; nothing to do where the page went in by itself. */
  async enter() {
    const shown = await Promise.any([this.sees('Join').then(() => 'Join'), this.sees('Leave').then(() => 'Leave')]);
    if (shown === 'Leave') return;
    await this.fill('Your name', this.name);
    await this.press('Join');
    await this.sees('Leave');
  }

  tiles() {
    return this.evaluate(inspect.tiles);
  }

  /** What the tile with this accessible name shows: a person's, or `Screen of {name}`. */
  async tileNamed(name) {
    return (await this.evaluate(inspect.tiles, `[aria-label="${name}"]`))[0];
  }

  traffic() {
    return this.evaluate(inspect.traffic);
  }

  /** Traffic, once the browser tells which pair of addresses it uses: Firefox sometimes tells of none for a moment. */
  async path() {
    return until(`${this.name} tells its path`, async () => {
      const told = await this.traffic();
      if (told.pair) return told;
      throw new Error(JSON.stringify(told.pairs));
    });
  }

  /** Totals of each stream; see inspect.js. */
  quality() {
    return this.evaluate(inspect.quality);
  }

  /** Loudness in dB of each of `wanted` (hertz) in what this person hears. */
  tones(wanted) {
    return this.evaluate(inspect.tones, wanted);
  }

  async negotiations() {
    return negotiations(await this.evaluate(inspect.history));
  }

  history() {
    return this.evaluate(inspect.history);
  }

  /** Waits until the tile of participant `id` shows `look`; the tile. */
  async showsColour(id, look, within = 30_000) {
    let last;
    return until(`${this.name} sees ${look.look ?? 'a picture'} in the tile of ${id}`, async () => {
      last = await this.tiles();
      const tile = last.find((one) => one.participant === id);
      if (tile?.picture && isColour(tile.colour, look.colour)) return tile;
      throw new Error(JSON.stringify(last));
    }, { within, every: 200 });
  }

  /** Waits for any picture in the tile of `id`. */
  async showsPicture(id, within = 30_000) {
    return until(`${this.name} sees a picture in the tile of ${id}`, async () => {
      const all = await this.tiles();
      const tile = all.find((one) => one.participant === id);
      if (tile?.picture) return tile;
      throw new Error(JSON.stringify(all));
    }, { within, every: 200 });
  }

  /** Waits until the tile of `id` is there without a picture. */
  async showsName(id, name, within = 20_000) {
    return until(`${this.name} sees ${name} as a name`, async () => {
      const all = await this.tiles();
      const tile = all.find((one) => one.participant === id);
      if (tile && !tile.picture && tile.text.includes(name)) return tile;
      throw new Error(JSON.stringify(all));
    }, { within, every: 200 });
  }

  /** Waits until the tile of `id` is gone. */
  async losesTile(id, within = 20_000) {
    return until(`the tile of ${id} goes away at ${this.name}`,
      async () => !(await this.tiles()).some((one) => one.participant === id), { within });
  }

  /** Waits until each of `people` is heard here, and nobody of `others`. Tones are told apart by 25 dB. */
  async hears(people, others = [], within = 20_000) {
    const wanted = [...people, ...others].map((look) => look.tone);
    return until(`${this.name} hears ${people.map((look) => look.tone)} Hz and not ${others.map((look) => look.tone)}`, async () => {
      const heard = await this.tones(wanted);
      const loud = (look) => heard[look.tone] > -60;
      if (people.every(loud) && !others.some(loud)) return heard;
      throw new Error(JSON.stringify(heard));
    }, { within });
  }

  /** Waits until `count` received pictures have gone on by ten frames each since the call. */
  async decodes(count, within = 30_000) {
    const before = (await this.traffic()).video;
    return until(`${this.name} decodes ${count} pictures`, async () => {
      const { video } = await this.traffic();
      const going = Object.entries(video).filter(([mid, now]) => now.decoded - (before[mid]?.decoded ?? 0) >= 10);
      if (going.length >= count) return going.length;
      throw new Error(JSON.stringify(video));
    }, { within, every: 300 });
  }

  /** Milliseconds from pressing Join to the first picture of somebody else. */
  async joinToPicture(ownId) {
    // The page's own clock, from the click as it came: what drives the browser may take seconds to press.
    const { pictures, clicks } = await this.history();
    const pressed = clicks.filter((click) => click.name === 'Join').at(-1).at;
    const remote = Object.entries(pictures).filter(([id]) => id !== ownId).map(([, at]) => at);
    return Math.round(Math.min(...remote) - pressed);
  }

  /** Milliseconds from pressing Join to each step of the way in. */
  async wayIn() {
    const { steps, clicks } = await this.history();
    const pressed = clicks.filter((click) => click.name === 'Join').at(-1).at;
    return Object.fromEntries(Object.entries(steps).map(([step, at]) => [step, Math.round(at - pressed)]));
  }
}
