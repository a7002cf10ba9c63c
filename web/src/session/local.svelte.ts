// What this person gives: microphone, camera, screen. Opens and stops devices; tells `onTracks` what to send.

import { SvelteSet } from 'svelte/reactivity';
import type { MediaState, TrackSource } from '../protocol/words';
import {
  NO_DEVICES,
  canBlur,
  devicesAllowed,
  isDenied,
  listDevices,
  openBoth,
  openDevice,
  openScreen,
  problemOf,
  setBlur,
  type DeviceChoice,
  type DeviceKind,
  type DeviceLists,
  type DeviceLoss,
  type DeviceProblem,
} from '../rtc/devices';
import type { Tracks } from '../rtc/peer';
import type { Memory } from '../state/memory';
import { PrefStore } from './prefs.svelte';

export class LocalMedia {
  tracks = $state.raw<Tracks>({});
  microphoneOn = $state(false);
  problems = $state.raw<Partial<Record<DeviceKind, DeviceProblem>>>({});
  devices = $state.raw<DeviceLists>(NO_DEVICES);
  choice = $state.raw<DeviceChoice>({});
  /** Devices on their way: the browser may be asking. */
  opening = new SvelteSet<DeviceKind>();
  /** The person's settings. */
  prefs: PrefStore;
  /** The camera in use can blur what is behind the person. */
  blurs = $derived(canBlur(this.tracks.camera));
  /** Called when a device that was in use is gone. */
  onLoss: (kind: DeviceKind, loss: DeviceLoss) => void = () => undefined;
  /** Called after every change. */
  onTracks: (changed: TrackSource[]) => void = () => undefined;
  /** Called when a device that was asked for did not open. */
  onProblem: (kind: DeviceKind, problem: DeviceProblem) => void = () => undefined;

  #memory: Memory;
  #stopped = false;
  #mutedEarly = false;
  #watching = false;

  constructor(memory: Memory) {
    this.#memory = memory;
    this.prefs = new PrefStore(memory);
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
    const off = this.#memory.leftOff();
    if (off.length > 0) {
      // As last time: a device that was left off is not asked for.
      await Promise.all((['microphone', 'camera'] as const).filter((kind) => !off.includes(kind)).map((kind) => this.#open(kind)));
      void this.#refreshDevices();
      return;
    }
    this.opening.add('microphone').add('camera');
    try {
      const { microphone, camera } = await openBoth(this.choice, this.prefs.value);
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
    if (track == null) {
      this.#mutedEarly = false;
      return this.#open('microphone');
    }
    this.#mute(this.microphoneOn);
  }

  /** What was left off by choice is left off next time. */
  rememberStart(): void {
    const off: DeviceKind[] = [];
    if (!this.microphoneOn && this.problems.microphone === undefined) off.push('microphone');
    if (!this.cameraOn && this.problems.camera === undefined) off.push('camera');
    if (this.opening.size === 0) this.#memory.keepLeftOff(off);
  }

  /** How the browser treats the microphone's sound; one that is open is opened anew, and replaces itself. */
  async process(change: { noise?: boolean; echo?: boolean }): Promise<void> {
    this.prefs.set(change);
    if (this.tracks.microphone == null) return;
    const muted = !this.microphoneOn;
    await this.#open('microphone');
    if (muted) this.#mute(true);
  }

  async blur(on: boolean): Promise<void> {
    this.prefs.set({ blur: on });
    if (this.tracks.camera != null && this.blurs) await setBlur(this.tracks.camera, on).catch(() => undefined);
  }

  /** A host, or the room's rules, ended what we shared. */
  stopSharing(): void {
    if (this.sharing) this.#stopScreen();
  }

  /** A host, or the room's rules, muted us: also a microphone that is still being opened. */
  mute(): void {
    this.#mutedEarly = this.opening.has('microphone');
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
      this.#take(kind, await openDevice(kind, this.choice[kind], this.prefs.value));
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
    track.onended = () => void this.#lost(kind);
    if (kind === 'camera' && this.prefs.value.blur && canBlur(track)) void setBlur(track, true).catch(() => undefined);
    this.tracks = { ...this.tracks, [kind]: track };
    this.problems = { ...this.problems, [kind]: undefined };
    if (kind === 'microphone') {
      track.enabled = !this.#mutedEarly;
      this.microphoneOn = track.enabled;
      this.#mutedEarly = false;
    }
    this.onTracks([kind]);
  }

  /** Says what happened, and goes on with another device of the kind where there is one. */
  async #lost(kind: DeviceKind): Promise<void> {
    const gone = this.tracks[kind]?.getSettings().deviceId;
    const muted = kind === 'microphone' && !this.microphoneOn;
    this.#drop(kind);
    if (this.#stopped) return;
    if (await isDenied(kind)) {
      this.problems = { ...this.problems, [kind]: 'blocked' };
      this.onLoss(kind, 'blocked');
      return;
    }
    await this.#refreshDevices();
    const left = (kind === 'microphone' ? this.devices.microphones : this.devices.cameras).filter(({ id }) => id !== gone);
    if (left.length === 0 || this.tracks[kind] != null) {
      this.onLoss(kind, 'unplugged');
      return;
    }
    const chosen = this.choice[kind];
    this.choice = { ...this.choice, [kind]: left[0]?.id };
    await this.#open(kind);
    // What the person chose stays their choice, for when it is plugged in again.
    this.choice = { ...this.choice, [kind]: chosen };
    if (muted) this.#mute(true);
    this.onLoss(kind, this.tracks[kind] == null ? 'unplugged' : 'switched');
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
