// A few soft tones, made on the spot as small WAV files: nothing to load. Played by an audio element and not by Web Audio,
// whose context takes Firefox down on a machine without a sound card.

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
/** Seconds from one tone to the next, and of each. */
const STEP = 0.13;
const LENGTH = 0.34;
const RATE = 22_050;

const files = new Map<Cue, string>();

/** Plays a cue, where the browser lets the page make a sound. */
export function play(which: Cue, speaker?: string, volume = 0.25): void {
  if (typeof Audio === 'undefined') return;
  const url = files.get(which) ?? URL.createObjectURL(new Blob([wave(TONES[which])], { type: 'audio/wav' }));
  files.set(which, url);
  const audio = new Audio(url);
  audio.volume = volume;
  const ready = speaker !== undefined && 'setSinkId' in audio ? audio.setSinkId(speaker).catch(() => undefined) : Promise.resolve();
  void ready.then(() => audio.play()).catch(() => undefined);
}

/** What a person presses to hear whether they hear. */
export function testSound(speaker: string | undefined): void {
  play('hand', speaker, 1);
}

/** Tones as a WAV file: 16 bits, one channel. Each rises and falls slowly enough not to click. */
export function wave(frequencies: readonly number[]): ArrayBuffer {
  const count = Math.ceil((STEP * (frequencies.length - 1) + LENGTH) * RATE);
  const view = new DataView(new ArrayBuffer(44 + count * 2));
  const text = (at: number, word: string) => [...word].forEach((letter, index) => view.setUint8(at + index, letter.charCodeAt(0)));
  text(0, 'RIFF');
  view.setUint32(4, 36 + count * 2, true);
  text(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, RATE, true);
  view.setUint32(28, RATE * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, 'data');
  view.setUint32(40, count * 2, true);
  for (let at = 0; at < count; at++) {
    const sum = frequencies.reduce((all, frequency, index) => all + tone(frequency, at / RATE - index * STEP), 0);
    view.setInt16(44 + at * 2, Math.round(Math.max(-1, Math.min(1, sum * 0.4)) * 32_767), true);
  }
  return view.buffer;
}

function tone(frequency: number, time: number): number {
  if (time < 0 || time > LENGTH) return 0;
  const rise = Math.min(1, time / 0.02);
  const fall = Math.min(1, (LENGTH - time) / 0.05);
  return Math.sin(2 * Math.PI * frequency * time) * rise * fall * Math.exp(-7 * time);
}
