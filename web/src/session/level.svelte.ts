// How loud a microphone is, for a meter: 0 to 1, so that a normal voice is somewhere in the middle.

export class Level {
  value = $state(0);

  #context: AudioContext | null = null;
  #frame = 0;

  /** Measures this track from now on; `null` measures nothing. */
  watch(track: MediaStreamTrack | null): void {
    this.stop();
    if (track === null || typeof AudioContext === 'undefined') return;
    this.#context = new AudioContext();
    const analyser = new AnalyserNode(this.#context, { fftSize: 512, smoothingTimeConstant: 0.5 });
    new MediaStreamAudioSourceNode(this.#context, { mediaStream: new MediaStream([track]) }).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const measure = () => {
      analyser.getFloatTimeDomainData(samples);
      this.value = meter(samples);
      this.#frame = requestAnimationFrame(measure);
    };
    measure();
  }

  stop(): void {
    cancelAnimationFrame(this.#frame);
    void this.#context?.close();
    this.#context = null;
    this.value = 0;
  }
}

/** From -60 dB (nothing) to -12 dB (loud), evenly in decibels: that is how ears count. */
export function meter(samples: ArrayLike<number>): number {
  let sum = 0;
  for (let at = 0; at < samples.length; at++) sum += (samples[at] ?? 0) ** 2;
  const decibels = 10 * Math.log10(sum / Math.max(1, samples.length) + 1e-12);
  return Math.min(1, Math.max(0, (decibels + 60) / 48));
}
