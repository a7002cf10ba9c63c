// People at Debian's Chromium, each with a browser of their own: the fake camera is the browser's, not the page's.

import { readFile } from 'node:fs/promises';
import { chromium } from 'playwright-core';
import { clip } from './clips.mjs';
import { Participant } from './participant.mjs';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const witness = await readFile(new URL('./witness.js', import.meta.url), 'utf8');

export class Chromium extends Participant {
  /**
   * @param {string} name
   * @param {{look?: string, width?: number, height?: number, devices?: 'both'|'none'|'refused', locale?: string,
   *   witness?: object, viewport?: object, args?: string[], executablePath?: string, width?: number, fps?: number}} [options]
   *   `look`: of clips.mjs; `witness`: see witness.js; `executablePath`: see network.mjs
   */
  static async start(name, options = {}) {
    const { look = 'red', devices = 'both', locale = 'en-GB', viewport = { width: 960, height: 600 } } = options;
    const files = devices === 'both' ? await clip(look, options) : undefined;
    const person = new Chromium(name, files);
    person.browser = await chromium.launch({
      executablePath: options.executablePath ?? executablePath,
      args: [
        '--no-sandbox', '--disable-gpu', '--mute-audio',
        '--use-fake-ui-for-media-stream',
        '--auto-accept-this-tab-capture', '--auto-select-desktop-capture-source=Entire screen',
        // Without it the loopback candidates of one machine hide behind names of mDNS.
        '--disable-features=WebRtcHideLocalIpsWithMdns',
        ...(files ? ['--use-fake-device-for-media-stream', `--use-file-for-fake-video-capture=${files.video}`,
          `--use-file-for-fake-audio-capture=${files.audio}`] : []),
        ...(options.args ?? []),
      ],
    });
    const context = await person.browser.newContext({ locale, viewport, ignoreHTTPSErrors: true,
      permissions: devices === 'both' ? ['camera', 'microphone', 'clipboard-read', 'clipboard-write'] : [] });
    person.context = context;
    await context.addInitScript(
      `globalThis.veranda_test = ${JSON.stringify({ refuse_devices: devices === 'refused', ...options.witness })};\n${witness}`,
    );
    await person.newPage();
    return person;
  }

  async newPage() {
    await this.page?.close();
    this.page = await this.context.newPage();
    this.page.on('request', (request) => this.requests.push(request.url()));
    this.page.on('websocket', (socket) => this.requests.push(socket.url()));
    this.page.on('pageerror', (error) => this.complaints.push(String(error)));
    this.page.on('console', (message) => {
      if (message.type() === 'error') this.complaints.push(message.text());
      if (process.env.E2E_LOG) console.error(`[${this.name}] ${message.text()}`);
    });
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
    return this.page.getByRole('button', { name, exact: true }).click({ timeout: 20_000 });
  }

  fill(name, text) {
    return this.page.getByLabel(name, { exact: true }).fill(text, { timeout: 20_000 });
  }

  /** Waits until a button with this name is shown. */
  async sees(name, within = 20_000) {
    await this.page.getByRole('button', { name, exact: true }).waitFor({ timeout: within });
  }

  /** Waits until these words are shown anywhere; a string or a pattern. */
  async reads(words, within = 20_000) {
    await this.page.getByText(words).first().waitFor({ timeout: within });
  }

  /** The process ids of the whole browser, the one that holds the others first. */
  async processes() {
    const cdp = await this.browser.newBrowserCDPSession();
    const { processInfo } = await cdp.send('SystemInfo.getProcessInfo');
    return processInfo.toSorted((one, other) => Number(other.type === 'browser') - Number(one.type === 'browser')).map(({ id }) => id);
  }

  screenshot(path) {
    return this.page.screenshot({ path });
  }

  async close() {
    await this.browser.close();
  }
}
