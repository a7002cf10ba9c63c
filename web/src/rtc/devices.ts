// Cameras, microphones, speakers and screens as the browser gives them, and why it does not.

/** Why there is no picture or sound, as a person can act on it. */
export type DeviceProblem = 'insecure' | 'blocked' | 'missing' | 'busy';

/** What became of a device that was in use. */
export type DeviceLoss = 'blocked' | 'unplugged' | 'switched';

export type DeviceKind = 'microphone' | 'camera';

export interface DeviceChoice {
  microphone?: string;
  camera?: string;
  speaker?: string;
}

export interface Device {
  id: string;
  label: string;
}

export interface DeviceLists {
  microphones: Device[];
  cameras: Device[];
  speakers: Device[];
}

export const NO_DEVICES: DeviceLists = { microphones: [], cameras: [], speakers: [] };

/** What a failed getUserMedia means. Browsers agree on the names, if not on the messages. */
export function problemOf(error: unknown): DeviceProblem {
  const name = error instanceof Error || error instanceof DOMException ? error.name : '';
  switch (name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return 'blocked';
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'missing';
    default:
      return 'busy';
  }
}

/** Browsers give devices to secure pages alone: HTTPS or this very machine. */
export function devicesAllowed(): boolean {
  return window.isSecureContext && navigator.mediaDevices !== undefined;
}

export function canShareScreen(): boolean {
  return devicesAllowed() && 'getDisplayMedia' in navigator.mediaDevices;
}

export function canChooseSpeaker(): boolean {
  return 'setSinkId' in HTMLMediaElement.prototype;
}

/** What the browser does to a microphone's sound. */
export interface Processing {
  noise: boolean;
  echo: boolean;
}

export const USUAL_PROCESSING: Processing = { noise: true, echo: true };

function constraints(kind: DeviceKind, id: string | undefined, { noise, echo } = USUAL_PROCESSING): MediaStreamConstraints {
  const device: MediaTrackConstraints = id === undefined ? {} : { deviceId: { ideal: id } };
  if (kind === 'microphone') {
    return { audio: { ...device, echoCancellation: echo, noiseSuppression: noise, autoGainControl: true } };
  }
  return { video: { ...device, width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } } };
}

/** One device's track. */
export async function openDevice(kind: DeviceKind, id: string | undefined, processing = USUAL_PROCESSING): Promise<MediaStreamTrack> {
  const stream = await navigator.mediaDevices.getUserMedia(constraints(kind, id, processing));
  const track = stream.getTracks()[0];
  if (track === undefined) throw new DOMException('no track', 'NotFoundError');
  if (kind === 'microphone') track.contentHint = 'speech';
  return track;
}

/** Both at once, so that the browser asks one question; throws when either fails. */
export async function openBoth(choice: DeviceChoice, processing = USUAL_PROCESSING): Promise<{ microphone: MediaStreamTrack; camera: MediaStreamTrack }> {
  const both = { ...constraints('microphone', choice.microphone, processing), ...constraints('camera', choice.camera) };
  const stream = await navigator.mediaDevices.getUserMedia(both);
  const [microphone] = stream.getAudioTracks();
  const [camera] = stream.getVideoTracks();
  if (microphone === undefined || camera === undefined) throw new DOMException('no track', 'NotFoundError');
  microphone.contentHint = 'speech';
  return { microphone, camera };
}

/** Whether the camera itself can blur what is behind a person: the system's own effect, nothing is sent anywhere for it. */
export function canBlur(track: MediaStreamTrack | null | undefined): boolean {
  const able = (track?.getCapabilities?.() as { backgroundBlur?: boolean[] } | undefined)?.backgroundBlur;
  return able?.includes(true) === true;
}

export async function setBlur(track: MediaStreamTrack, on: boolean): Promise<void> {
  await track.applyConstraints({ advanced: [{ backgroundBlur: on } as MediaTrackConstraintSet] });
}

/** A busy browser ends the track first and says a moment later that it was not allowed any more. */
const DENIAL_MS = 300;

/** Whether the person took the permission back. */
export async function isDenied(kind: DeviceKind): Promise<boolean> {
  try {
    const status = await navigator.permissions.query({ name: kind as PermissionName });
    if (status.state === 'denied') return true;
    return await new Promise((answer) => {
      status.onchange = () => answer(status.state === 'denied');
      setTimeout(answer, DENIAL_MS, false);
    });
  } catch {
    // Not every browser tells.
    return false;
  }
}

/** A screen or window the person picks, with its sound where the browser can. `null` when they change their mind. */
export async function openScreen(): Promise<{ picture: MediaStreamTrack; sound: MediaStreamTrack | null } | null> {
  try {
    const stream = await navigator.mediaDevices.getDisplayMedia({
      video: { frameRate: { ideal: 15, max: 30 } },
      audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
    });
    const [picture] = stream.getVideoTracks();
    if (picture === undefined) return null;
    picture.contentHint = 'detail';
    return { picture, sound: stream.getAudioTracks()[0] ?? null };
  } catch (error) {
    if (problemOf(error) === 'blocked') return null;
    throw error;
  }
}

/** What there is to choose from. Labels are empty until the person allowed a device once. */
export async function listDevices(): Promise<DeviceLists> {
  if (!devicesAllowed()) return NO_DEVICES;
  const all = await navigator.mediaDevices.enumerateDevices();
  const of = (kind: MediaDeviceKind) =>
    all.filter((device) => device.kind === kind && device.deviceId !== '').map(({ deviceId, label }) => ({ id: deviceId, label }));
  return {
    microphones: of('audioinput'),
    cameras: of('videoinput'),
    speakers: canChooseSpeaker() ? of('audiooutput') : [],
  };
}
