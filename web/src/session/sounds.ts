// A few soft tones, made on the spot: no file to load.

import type { Cue } from '../state/sounds';

/** Hertz, one after the other. */
const TONES: Record<Cue, number[]> = {
  join: [523, 784],
  leave: [659, 440],
  message: [880],
  hand: [587, 740, 880],
  knock: [392, 392],
  asked: [698, 880, 698],
};
const STEP = 0.13;
const LOUD = 0.05;

let context: AudioContext | null = null;

/** Plays a cue, where the browser lets the page make a sound. */
export function play(which: Cue, speaker?: string, loudness = LOUD): void {
  try {
    context ??= new AudioContext();
    if (context.state === 'suspended') void context.resume();
    if (speaker !== undefined && 'setSinkId' in context) {
      void (context as AudioContext & { setSinkId(id: string): Promise<void> }).setSinkId(speaker).catch(() => undefined);
    }
    const start = context.currentTime + 0.02;
    TONES[which].forEach((frequency, index) => tone(context as AudioContext, frequency, start + index * STEP, loudness));
  } catch {
    // No sound device: then it stays quiet.
  }
}

/** Rises and falls slowly enough not to click. */
function tone(audio: AudioContext, frequency: number, at: number, loudness: number): void {
  const source = new OscillatorNode(audio, { type: 'sine', frequency });
  const gain = new GainNode(audio, { gain: 0 });
  gain.gain.setValueAtTime(0, at);
  gain.gain.linearRampToValueAtTime(loudness, at + 0.02);
  gain.gain.exponentialRampToValueAtTime(0.0005, at + 0.32);
  source.connect(gain).connect(audio.destination);
  source.start(at);
  source.stop(at + 0.35);
}

/** What a person presses to hear whether they hear. */
export function testSound(speaker: string | undefined): void {
  play('hand', speaker, 0.2);
}
