import { describe, expect, it } from 'vitest';
import { chapters, playing } from './chapters';

const timeline = {
  duration: 60,
  participants: [
    { name: 'Ann', present: [{ from: 0, to: 60 }], spoke: [], screen: [{ from: 30, to: 40 }] },
    { name: 'Ben', present: [{ from: 10, to: 20 }, { from: 25, to: 59.8 }], spoke: [{ from: 11, to: 12 }], screen: [] },
  ],
};

describe('chapters', () => {
  it('are who came, who went and whose screen was shown, in the order of time', () => {
    const told = chapters(timeline).map(({ at, kind, name }) => `${at} ${kind} ${name}`.trim());
    expect(told).toEqual(['0 start', '10 came Ben', '20 left Ben', '25 came Ben', '30 screen Ann']);
  });

  it('know which one is playing', () => {
    const all = chapters(timeline);
    expect([0, 9, 10, 24.95, 60].map((at) => playing(all, at))).toEqual([0, 0, 1, 3, 4]);
  });
});
