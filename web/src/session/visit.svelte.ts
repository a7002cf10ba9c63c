// Somebody at a room's door: devices and an invitation at once, the session (a larger file) when there is something to see.

import type { Memory } from '../state/memory';
import type { Phase } from '../state/room';
import { LocalMedia } from './local.svelte';
import type { Session } from './session.svelte';

/** A browser that is never idle prepares all the same. */
const PREPARE_MS = 1500;

export class Visit {
  session = $state.raw<Session | null>(null);
  #memory: Memory;
  #invitation: string;
  #loading: Promise<void> | undefined;
  /** Pressed Join; the session may still be on its way. */
  #joining = $state(false);
  /** The session's file is no longer on the server, which was renewed since. */
  #outdated = $state(false);
  #over = false;

  constructor(
    invitation: string,
    memory: Memory,
    readonly local = new LocalMedia(memory),
  ) {
    this.#invitation = invitation;
    this.#memory = memory;
  }

  get phase(): Phase {
    if (this.#outdated) return { kind: 'over', code: 'outdated', message: '' };
    const phase = this.session?.state.phase ?? { kind: 'outside' };
    return phase.kind === 'outside' && this.#joining ? { kind: 'joining' } : phase;
  }

  /** The invitation in use: the room may have renewed it. */
  get invitation(): string {
    return this.session?.invitation ?? this.#invitation;
  }

  /** Opens the devices and fetches the session. */
  start(): void {
    if (this.#over) return;
    void this.local.start();
    void this.#load().then(() => whenIdle(() => this.#prepare()), () => undefined);
  }

  join(name: string): void {
    this.#joining = true;
    this.#load().then(
      () => {
        if (!this.#over) this.session?.join(name);
      },
      () => (this.#outdated = true),
    );
  }

  /** Ends the session; the devices stay as they are. */
  end(): void {
    this.#over = true;
    this.session?.end();
  }

  #load(): Promise<void> {
    this.#loading ??= import('./session.svelte').then(({ Session }) => {
      this.session = new Session(this.#invitation, this.#memory, this.local);
    });
    // A line that was away for a moment: the next one to ask tries again.
    this.#loading.catch(() => (this.#loading = undefined));
    return this.#loading;
  }

  /** Keys and an offer cost a slow machine a third of a second, in one piece. */
  #prepare(): void {
    if (!this.#over && 'RTCPeerConnection' in window) this.session?.prepare();
  }
}

function whenIdle(act: () => void): void {
  if ('requestIdleCallback' in window) requestIdleCallback(act, { timeout: PREPARE_MS });
  else setTimeout(act, 200);
}
