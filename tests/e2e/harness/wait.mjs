// Waiting for something to become true, with a limit and a reason; the only clock the tests have.

import { setTimeout as pause } from 'node:timers/promises';

/**
 * Calls `probe` until it answers something truthy, and returns that.
 * @param {string} what named when the time is up
 * @param {() => any} probe may throw: the last error is told when the time is up
 * @param {{within?: number, every?: number}} [limits] milliseconds
 */
export async function until(what, probe, { within = 20_000, every = 100 } = {}) {
  const end = performance.now() + within;
  for (;;) {
    let seen, error;
    try {
      seen = await probe();
    } catch (caught) {
      error = caught;
    }
    if (seen) return seen;
    if (performance.now() > end) {
      throw new Error(`not within ${within / 1000} s: ${what}${error ? ` (${error.message})` : ''}`, { cause: error });
    }
    await pause(every);
  }
}

/** Lets `seconds` of media pass: only to have something to measure, never to wait for a state. */
export function media(seconds) {
  return pause(seconds * 1000);
}
