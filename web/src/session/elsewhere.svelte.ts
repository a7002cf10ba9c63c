// Whether this person is in the room in another window of this browser: windows ask each other, no server is needed.

/** What of a BroadcastChannel is used here. */
export interface Line {
  postMessage: (word: unknown) => void;
  onmessage: ((event: MessageEvent) => void) | null;
  close: () => void;
}

export class Elsewhere {
  /** Another window is in this room. */
  inside = $state(false);
  #line: Line | null;
  #here = false;

  constructor(line: Line | null) {
    this.#line = line;
    if (line === null) return;
    line.onmessage = ({ data }) => this.#hear(data);
    line.postMessage('who?');
  }

  /** This window came in, or went out. */
  be(here: boolean): void {
    if (here === this.#here) return;
    this.#here = here;
    this.#line?.postMessage(here ? 'here' : 'gone');
  }

  close(): void {
    this.be(false);
    this.#line?.close();
  }

  #hear(word: unknown): void {
    if (word === 'who?' && this.#here) this.#line?.postMessage('here');
    if (word === 'here') this.inside = true;
    if (word !== 'gone') return;
    this.inside = false;
    // There may be a third window.
    this.#line?.postMessage('who?');
  }
}

/** Between the windows of one room. */
export function windowsOf(invitation: string): Line | null {
  return 'BroadcastChannel' in window ? new BroadcastChannel(`veranda.room.${invitation}`) : null;
}
