// How the line does, from getStats: the few figures that a person can use.

/** Counters of one moment; differences of two make a figure. */
export interface Sample {
  received: number;
  lost: number;
  roundTrip: number | null;
}

export type Quality = 'good' | 'poor';

export function sampleOf(report: Iterable<Record<string, unknown>>): Sample {
  const sample: Sample = { received: 0, lost: 0, roundTrip: null };
  for (const entry of report) {
    if (entry.type === 'inbound-rtp') {
      sample.received += number(entry.packetsReceived);
      sample.lost += Math.max(0, number(entry.packetsLost));
    } else if (entry.type === 'candidate-pair' && entry.nominated === true && typeof entry.currentRoundTripTime === 'number') {
      sample.roundTrip = entry.currentRoundTripTime;
    }
  }
  return sample;
}

/** Poor: over 5 % of at least fifty packets did not arrive, or the way there and back takes over 0.6 s. */
export function quality(before: Sample, after: Sample): Quality {
  const lost = Math.max(0, after.lost - before.lost);
  const expected = lost + Math.max(0, after.received - before.received);
  const lossy = expected >= 50 && lost / expected > 0.05;
  return lossy || (after.roundTrip !== null && after.roundTrip > 0.6) ? 'poor' : 'good';
}

function number(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
