import { afterEach, expect, it, vi } from 'vitest';
import { Memory } from '../state/memory';
import { LocalMedia } from './local.svelte';

const track = (kind: string) => ({ kind, enabled: true, stop: () => undefined, getSettings: () => ({}) });

/** Devices that open when they are told to. */
function devices() {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((done) => (open = done));
  const getUserMedia = async () => {
    await opened;
    return { getAudioTracks: () => [track('audio')], getVideoTracks: () => [track('video')], getTracks: () => [track('audio')] };
  };
  vi.stubGlobal('window', { isSecureContext: true });
  vi.stubGlobal('navigator', { mediaDevices: { getUserMedia, addEventListener: () => undefined, enumerateDevices: async () => [] } });
  const shelf = () => ({ getItem: () => null, setItem: () => undefined, removeItem: () => undefined });
  return { open, local: new LocalMedia(new Memory(shelf, shelf)) };
}

afterEach(() => vi.unstubAllGlobals());

it('keeps a microphone silent that was muted while it was still being opened', async () => {
  const { open, local } = devices();
  const started = local.start();
  local.mute();
  open();
  await started;
  expect([local.microphoneOn, local.tracks.microphone?.enabled, local.cameraOn]).toEqual([false, false, true]);
  await local.toggleMicrophone();
  expect([local.microphoneOn, local.tracks.microphone?.enabled]).toEqual([true, true]);
});

it('opens a microphone that nobody muted', async () => {
  const { open, local } = devices();
  const started = local.start();
  open();
  await started;
  expect([local.microphoneOn, local.tracks.microphone?.enabled]).toEqual([true, true]);
});
