// How the line does, from getStats: the few figures that a person can use.

/** Counters of one moment; differences of two make a figure. */
export interface Sample {
  received: number;
  lost: number;
  roundTrip: number | null;
  /** Pictures that came, and those of them that came too late to be shown. */
  pictures: number;
  late: number;
}

export type Quality = 'good' | 'poor';

export function sampleOf(report: Iterable<Record<string, unknown>>): Sample {
  const sample: Sample = { received: 0, lost: 0, roundTrip: null, pictures: 0, late: 0 };
  for (const entry of report) {
    if (entry.type === 'inbound-rtp') {
      sample.received += number(entry.packetsReceived);
      sample.lost += Math.max(0, number(entry.packetsLost));
      sample.pictures += number(entry.framesReceived);
      sample.late += number(entry.framesDropped);
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

/** How long, in ms, pictures and voices wait before they are shown and heard; and for how many samples more. */
export interface Wait {
  target: number | null;
  left: number;
}

export const NO_WAIT: Wait = { target: null, left: 0 };

/** Enough for a lost packet to be missed at the next picture, asked for and sent again over an ordinary line. */
const REPAIR_MS = 120;
/** Samples without late pictures until nothing waits any more. */
const CALM = 12;

/**
 * A browser waits as long as its packets vary, and does not know that a lost one, once repaired, comes a picture later: it
 * shows the next instead. It counts only few of those (what comes after its successor was decoded is in no figure), so one of two
 * hundred of at least fifty pictures is enough for everything to wait a little.
 */
export function wait(before: Sample, after: Sample, held: Wait): Wait {
  const came = after.pictures - before.pictures;
  if (came >= 50 && (after.late - before.late) / came > 0.005) return { target: REPAIR_MS, left: CALM };
  return held.left > 1 ? { ...held, left: held.left - 1 } : NO_WAIT;
}

function number(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
