import { describe, expect, it } from 'vitest';
import { NO_WAIT, quality, sampleOf, wait, type Sample, type Wait } from './stats';

describe('the line’s quality', () => {
  it('is summed over what comes in', () => {
    expect(
      sampleOf([
        { type: 'inbound-rtp', packetsReceived: 90, packetsLost: 2, framesReceived: 30, framesDropped: 1 },
        { type: 'inbound-rtp', packetsReceived: 10, packetsLost: -1 },
        { type: 'candidate-pair', nominated: true, currentRoundTripTime: 0.04 },
        { type: 'candidate-pair', nominated: false, currentRoundTripTime: 3 },
        { type: 'outbound-rtp', packetsSent: 7 },
      ]),
    ).toEqual({ received: 100, lost: 2, roundTrip: 0.04, pictures: 30, late: 1 });
  });

  it.each([
    ['nothing lost', 1000, 0, 0.05, 'good'],
    ['six in a hundred lost', 940, 60, 0.05, 'poor'],
    ['a few lost of a few', 10, 5, 0.05, 'good'],
    ['a very long way', 1000, 0, 0.8, 'poor'],
  ])('%s', (_, received, lost, roundTrip, expected) => {
    expect(quality(sampleOf([]), { ...sampleOf([]), received, lost, roundTrip })).toBe(expected);
  });
});

describe('waiting for repairs', () => {
  const after = (samples: [pictures: number, late: number][]): Wait =>
    samples.reduce<[Wait, Sample]>(
      ([held, before], [pictures, late]) => {
        const now = { ...before, pictures: before.pictures + pictures, late: before.late + late };
        return [wait(before, now, held), now];
      },
      [NO_WAIT, sampleOf([])],
    )[0];

  it('begins when pictures come too late', () => {
    expect(after([[250, 1]]).target).toBeNull();
    expect(after([[150, 1]]).target).toBe(120);
    expect(after([[20, 10]]).target, 'too few to say').toBeNull();
  });

  it('ends a minute after the last of them', () => {
    const calm = (samples: number): [number, number][] => Array.from({ length: samples }, () => [150, 0]);
    expect(after([[150, 5], ...calm(11)]).target).toBe(120);
    expect(after([[150, 5], ...calm(12)]).target).toBeNull();
    expect(after([[150, 5], ...calm(11), [150, 5], ...calm(11)]).target).toBe(120);
  });
});
