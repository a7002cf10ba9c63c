// A person's settings, alive: what changes is kept at once.

import type { Memory } from '../state/memory';
import { readPrefs, type Prefs } from '../state/prefs';

export class PrefStore {
  value = $state.raw<Prefs>(readPrefs(null));

  #memory: Memory;

  constructor(memory: Memory) {
    this.#memory = memory;
    this.value = readPrefs(memory.prefs());
  }

  set(change: Partial<Prefs>): void {
    this.value = { ...this.value, ...change };
    this.#memory.keepPrefs(JSON.stringify(this.value));
  }
}
