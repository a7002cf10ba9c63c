// What this person gives: microphone, camera, screen. Opens and stops devices; tells `onTracks` what to send.

import { SvelteSet } from 'svelte/reactivity';
import type { MediaState, TrackSource } from '../protocol/words';
import {
  NO_DEVICES,
  devicesAllowed,
  listDevices,
  openBoth,
  openDevice,
  openScreen,
  problemOf,
  type DeviceChoice,
  type DeviceKind,
  type DeviceLists,
  type DeviceProblem,
} from '../rtc/devices';
import type { Tracks } from '../rtc/peer';
import type { Memory } from '../state/memory';

export class LocalMedia {
  tracks = $state.raw<Tracks>({});
  microphoneOn = $state(false);
  problems = $state.raw<Partial<Record<DeviceKind, DeviceProblem>>>({});
  devices = $state.raw<DeviceLists>(NO_DEVICES);
  choice = $state.raw<DeviceChoice>({});
  /** Devices on their way: the browser may be asking. */
  opening = new SvelteSet<DeviceKind>();
  /** Called after every change. */
  onTracks: (changed: TrackSource[]) => void = () => undefined;
  /** Called when a device that was asked for did not open. */
  onProblem: (kind: DeviceKind, problem: DeviceProblem) => void = () => undefined;

  #memory: Memory;
  #stopped = false;
  #watching = false;

  constructor(memory: Memory) {
    this.#memory = memory;
    const choice: DeviceChoice = {};
    for (const kind of ['microphone', 'camera', 'speaker'] as const) {
      const id = memory.device(kind);
      if (id !== undefined) choice[kind] = id;
    }
    this.choice = choice;
  }

  get cameraOn(): boolean {
    return this.tracks.camera != null;
  }

  get sharing(): boolean {
    return this.tracks.screen != null;
  }

  get state(): MediaState {
    return {
      microphone: this.microphoneOn && this.tracks.microphone != null,
      camera: this.cameraOn,
      screen: this.sharing,
      screen_sound: this.tracks.screen_sound != null,
    };
  }

  /** Opens microphone and camera: with one question when the browser must ask, one by one when one of them fails. */
  async start(): Promise<void> {
    if (!devicesAllowed()) {
      this.problems = { microphone: 'insecure', camera: 'insecure' };
      return;
    }
    this.#watchDevices();
    this.opening.add('microphone').add('camera');
    try {
      const { microphone, camera } = await openBoth(this.choice);
      this.#take('microphone', microphone);
      this.#take('camera', camera);
      this.opening.clear();
    } catch {
      await Promise.all([this.#open('microphone'), this.#open('camera')]);
    }
    void this.#refreshDevices();
  }

  async toggleMicrophone(): Promise<void> {
    const track = this.tracks.microphone;
    if (track == null) return this.#open('microphone');
    this.#mute(this.microphoneOn);
  }

  /** A host muted us. */
  mute(): void {
    this.#mute(true);
  }

  async toggleCamera(): Promise<void> {
    if (this.cameraOn) this.#drop('camera');
    else await this.#open('camera');
  }

  /** Another device of a kind; it replaces the one in use, and is remembered. */
  async choose(kind: DeviceKind | 'speaker', id: string): Promise<void> {
    this.choice = { ...this.choice, [kind]: id };
    this.#memory.keepDevice(kind, id);
    if (kind === 'speaker') return;
    const muted = kind === 'microphone' && !this.microphoneOn && this.tracks.microphone != null;
    if (kind === 'camera' && !this.cameraOn) return;
    await this.#open(kind);
    if (muted) this.#mute(true);
  }

  async toggleScreen(): Promise<void> {
    if (this.sharing) {
      this.#stopScreen();
      return;
    }
    const screen = await openScreen();
    if (screen === null) return;
    screen.picture.onended = () => this.#stopScreen();
    this.tracks = { ...this.tracks, screen: screen.picture, screen_sound: screen.sound };
    this.onTracks(['screen', 'screen_sound']);
  }

  /** Ends everything that was started. */
  stop(): void {
    this.#stopped = true;
    for (const track of Object.values(this.tracks)) track?.stop();
    this.tracks = {};
    this.microphoneOn = false;
    navigator.mediaDevices?.removeEventListener('devicechange', this.#refreshDevices);
  }

  async #open(kind: DeviceKind): Promise<void> {
    if (!devicesAllowed()) {
      this.#fail(kind, 'insecure');
      return;
    }
    this.opening.add(kind);
    try {
      this.#take(kind, await openDevice(kind, this.choice[kind]));
    } catch (error) {
      this.#fail(kind, problemOf(error));
    } finally {
      this.opening.delete(kind);
    }
    void this.#refreshDevices();
  }

  #fail(kind: DeviceKind, problem: DeviceProblem): void {
    this.problems = { ...this.problems, [kind]: problem };
    this.onProblem(kind, problem);
  }

  #take(kind: DeviceKind, track: MediaStreamTrack): void {
    if (this.#stopped) {
      track.stop();
      return;
    }
    this.tracks[kind]?.stop();
    // Unplugged, or taken away by the person in the browser's own bar.
    track.onended = () => this.#drop(kind);
    this.tracks = { ...this.tracks, [kind]: track };
    this.problems = { ...this.problems, [kind]: undefined };
    if (kind === 'microphone') this.microphoneOn = true;
    this.onTracks([kind]);
  }

  #drop(kind: DeviceKind): void {
    const track = this.tracks[kind];
    if (track != null) {
      track.onended = null;
      track.stop();
    }
    this.tracks = { ...this.tracks, [kind]: null };
    if (kind === 'microphone') this.microphoneOn = false;
    this.onTracks([kind]);
  }

  #mute(muted: boolean): void {
    const track = this.tracks.microphone;
    if (track != null) track.enabled = !muted;
    this.microphoneOn = !muted && track != null;
    this.onTracks([]);
  }

  #stopScreen(): void {
    this.tracks.screen?.stop();
    this.tracks.screen_sound?.stop();
    this.tracks = { ...this.tracks, screen: null, screen_sound: null };
    this.onTracks(['screen', 'screen_sound']);
  }

  #watchDevices(): void {
    if (this.#watching) return;
    this.#watching = true;
    navigator.mediaDevices.addEventListener('devicechange', this.#refreshDevices);
  }

  #refreshDevices = async (): Promise<void> => {
    try {
      this.devices = await listDevices();
    } catch {
      // The list is a convenience.
    }
  };
}
