// People at Debian's Firefox, driven by WebDriver BiDi. Its fake camera and microphone are Firefox's own.

import { readFile } from 'node:fs/promises';
import puppeteer from 'puppeteer-core';
import { Participant } from './participant.mjs';
import { until } from './wait.mjs';

const executablePath = process.env.FIREFOX ?? '/usr/bin/firefox-esr';
const witness = await readFile(new URL('./witness.js', import.meta.url), 'utf8');

/** The tone of Firefox's fake microphone, hertz. */
const tone = 880;

export class Firefox extends Participant {
  static async start(name, options = {}) {
    const person = new Firefox(name, { look: 'firefox', tone });
    person.browser = await puppeteer.launch({
      browser: 'firefox',
      executablePath,
      headless: true,
      acceptInsecureCerts: true,
      defaultViewport: { width: 960, height: 600 },
      extraPrefsFirefox: {
        'media.navigator.streams.fake': true,
        'media.navigator.audio.fake_frequency': tone,
        'media.navigator.permission.disabled': true,
        'media.peerconnection.ice.loopback': true,
        'media.peerconnection.ice.obfuscate_host_addresses': false,
        'media.autoplay.default': 0,
        'intl.accept_languages': options.locale ?? 'en-GB',
      },
    });
    person.page = await person.browser.newPage();
    await person.page.evaluateOnNewDocument(
      `globalThis.veranda_test = ${JSON.stringify(options.witness ?? {})};\n${witness}`,
    );
    person.page.on('request', (request) => person.requests.push(request.url()));
    person.page.on('pageerror', (error) => person.complaints.push(String(error)));
    person.page.on('console', (message) => {
      if (message.type() === 'error') person.complaints.push(message.text());
    });
    return person;
  }

  async open(url) {
    await this.page.goto(url);
  }

  reload() {
    return this.page.reload();
  }

  evaluate(question, argument) {
    return this.page.evaluate(question, argument);
  }

  press(name) {
    return this.page.locator(`::-p-aria([name="${name}"][role="button"])`).setTimeout(20_000).click();
  }

  fill(name, text) {
    return this.page.locator(`::-p-aria([name="${name}"][role="textbox"])`).setTimeout(20_000).fill(text);
  }

  async sees(name, within = 20_000) {
    await this.page.waitForSelector(`::-p-aria([name="${name}"][role="button"])`, { timeout: within, visible: true });
  }

  /**
   * On a machine without a sound card this Firefox ends when an AudioContext starts, so what is heard is not taken apart
   * by tone here: as many received sounds as there are `people` must carry energy.
   */
  async hears(people, others = [], within = 20_000) {
    let before;
    return until(`${this.name} hears ${people.length} people`, async () => {
      const { audio } = await this.traffic();
      const gains = Object.entries(audio).map(([mid, now]) => now.energy - (before?.[mid]?.energy ?? now.energy));
      before = audio;
      if (gains.filter((gain) => gain > 1e-4).length === people.length) return gains;
      throw new Error(JSON.stringify(gains));
    }, { within, every: 1000 });
  }

  async close() {
    await this.browser.close();
  }
}
