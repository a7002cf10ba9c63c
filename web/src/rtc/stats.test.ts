import { describe, expect, it } from 'vitest';
import { quality, sampleOf } from './stats';

describe('the line’s quality', () => {
  it('is summed over what comes in', () => {
    expect(
      sampleOf([
        { type: 'inbound-rtp', packetsReceived: 90, packetsLost: 2 },
        { type: 'inbound-rtp', packetsReceived: 10, packetsLost: -1 },
        { type: 'candidate-pair', nominated: true, currentRoundTripTime: 0.04 },
        { type: 'candidate-pair', nominated: false, currentRoundTripTime: 3 },
        { type: 'outbound-rtp', packetsSent: 7 },
      ]),
    ).toEqual({ received: 100, lost: 2, roundTrip: 0.04 });
  });

  it.each([
    ['nothing lost', 1000, 0, 0.05, 'good'],
    ['six in a hundred lost', 940, 60, 0.05, 'poor'],
    ['a few lost of a few', 10, 5, 0.05, 'good'],
    ['a very long way', 1000, 0, 0.8, 'poor'],
  ])('%s', (_, received, lost, roundTrip, expected) => {
    expect(quality({ received: 0, lost: 0, roundTrip: null }, { received, lost, roundTrip })).toBe(expected);
  });
});
