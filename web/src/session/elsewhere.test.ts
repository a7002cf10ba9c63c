import { describe, expect, it } from 'vitest';
import { Elsewhere, type Line } from './elsewhere.svelte';

/** Windows that hear each other, and not themselves. */
function windows(): () => Line {
  const lines: Line[] = [];
  return () => {
    const line: Line = {
      onmessage: null,
      postMessage: (data) => lines.filter((other) => other !== line).forEach((other) => other.onmessage?.({ data } as MessageEvent)),
      close: () => lines.splice(lines.indexOf(line), 1),
    };
    lines.push(line);
    return line;
  };
}

describe('two windows of one person', () => {
  it('hear of each other, whichever was first', () => {
    const open = windows();
    const first = new Elsewhere(open());
    first.be(true);
    const second = new Elsewhere(open());
    expect([first.inside, second.inside]).toEqual([false, true]);
    second.be(true);
    expect(first.inside).toBe(true);
    second.close();
    expect(first.inside).toBe(false);
  });

  it('a third one is still there when the second has gone', () => {
    const open = windows();
    const [first, second, third] = [new Elsewhere(open()), new Elsewhere(open()), new Elsewhere(open())];
    second.be(true);
    third.be(true);
    second.close();
    expect(first.inside).toBe(true);
    third.close();
    expect(first.inside).toBe(false);
  });

  it('says nothing where the browser cannot', () => {
    const alone = new Elsewhere(null);
    alone.be(true);
    alone.close();
    expect(alone.inside).toBe(false);
  });
});
