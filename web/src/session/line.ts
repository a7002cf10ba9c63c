// How the line of the connection in use does, looked at every few seconds.

import type { Peer } from '../rtc/peer';
import { NO_WAIT, quality, sampleOf, wait, type Quality, type Sample } from '../rtc/stats';

const EVERY_MS = 5000;

export class LineWatch {
  #peer: () => Peer | null;
  #tell: (quality: Quality) => void;
  #timer: ReturnType<typeof setInterval> | undefined;
  #sample: Sample | null = null;
  #wait = NO_WAIT;

  /** `peer`: the one whose media flows now; `tell` hears after every look but the first. */
  constructor(peer: () => Peer | null, tell: (quality: Quality) => void) {
    this.#peer = peer;
    this.#tell = tell;
  }

  /** Doing so twice is harmless. */
  start(): void {
    this.#timer ??= setInterval(() => void this.#look(), EVERY_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #look(): Promise<void> {
    const peer = this.#peer();
    const stats = await peer?.connection.getStats().catch(() => null);
    if (stats == null || this.#peer() !== peer) {
      this.#sample = null;
      this.#wait = NO_WAIT;
      return;
    }
    const report: Record<string, unknown>[] = [];
    stats.forEach((entry: Record<string, unknown>) => report.push(entry));
    const sample = sampleOf(report);
    if (this.#sample !== null) {
      this.#tell(quality(this.#sample, sample));
      const held = wait(this.#sample, sample, this.#wait);
      if (held.target !== this.#wait.target) peer?.hold(held.target);
      this.#wait = held;
    }
    this.#sample = sample;
  }
}
