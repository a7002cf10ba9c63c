import { describe, expect, it } from 'vitest';
import { captioned, FADES_MS, kept, wordsOf } from './captions';
import { initial, reduce } from './room';

const PEOPLE = [{ id: 'a', name: 'Ann' }, { id: 'b', name: 'Ben' }];
const say = (participant: string, text: string, final = false) => ({ participant, text, final });

describe('captions', () => {
  it('grow in place until they are final', () => {
    let lines = captioned([], say('a', 'Good'), PEOPLE, 0);
    lines = captioned(lines, say('b', 'Hm'), PEOPLE, 1);
    lines = captioned(lines, say('a', 'Good morning', true), PEOPLE, 2);
    lines = captioned(lines, say('a', 'Shall'), PEOPLE, 3);
    expect(lines.map(({ name, text }) => `${name}: ${text}`)).toEqual(['Ben: Hm', 'Ann: Good morning', 'Ann: Shall']);
    // Ann's first line kept its own name while it grew; her next has another, even within the same millisecond.
    expect(lines.map(({ id }) => id)).toEqual([2, 1, 3]);
  });

  it('are three, short, of people who are here', () => {
    let lines = captioned([], say('nobody', 'Boo'), PEOPLE, 0);
    expect(lines).toEqual([]);
    for (let n = 0; n < 5; n++) lines = captioned(lines, say('a', `${'x'.repeat(400)}${n}`, true), PEOPLE, n);
    expect(lines.map(({ text }) => [text.length, text.at(-1)])).toEqual([[300, '2'], [300, '3'], [300, '4']]);
  });

  it('go when they were read, and when they turn out to be nothing', () => {
    const lines = captioned(captioned([], say('a', 'One', true), PEOPLE, 0), say('b', 'Two'), PEOPLE, 100);
    expect(kept(lines, FADES_MS).map(({ text }) => text)).toEqual(['Two']);
    expect(captioned(lines, say('b', ' '), PEOPLE, 200).map(({ text }) => text)).toEqual(['One']);
  });

  it('are taken from outside only as words', () => {
    for (const wrong of [null, 'text', {}, { participant: 'a' }, { participant: 1, text: 'x' }]) expect(wordsOf(wrong)).toBeNull();
    expect(wordsOf({ participant: 'a', text: 'x', final: 'yes', more: 1 })).toEqual({ participant: 'a', text: 'x', final: false });
  });

  it('are part of the room’s state', () => {
    const state = { ...initial(), participants: [{ id: 'a', name: 'Ann' }] } as unknown as ReturnType<typeof initial>;
    const said = reduce(state, { type: 'caption', words: say('a', 'Hello', true), at: 5 });
    expect(said.captions).toMatchObject([{ name: 'Ann', text: 'Hello', at: 5 }]);
    expect(reduce(said, { type: 'captions_fade', at: 5 + FADES_MS }).captions).toEqual([]);
  });
});
