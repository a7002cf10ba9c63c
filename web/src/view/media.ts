// The places where the page touches elements, the clipboard and files directly.

import type { Attachment } from 'svelte/attachments';
import type { Rect } from '../state/layout';

/** Shows a stream in a video element; nothing is restarted when it already does. */
export function picture(stream: MediaStream | null): Attachment<HTMLVideoElement> {
  return (video) => {
    if (video.srcObject !== stream) {
      video.srcObject = stream;
      if (stream !== null) video.play().catch(() => undefined);
    }
    return () => letGo(video);
  };
}

/** An element that was taken away would play on, unseen, and never be freed. One that stays keeps its picture. */
function letGo(element: HTMLMediaElement): void {
  queueMicrotask(() => {
    if (!element.isConnected) element.srcObject = null;
  });
}

/** Plays a stream's sound; `blocked` is called when the browser wants a touch first. */
export function sound(stream: MediaStream, speaker: string | undefined, blocked: () => void): Attachment<HTMLAudioElement> {
  return (audio) => {
    if (audio.srcObject !== stream) audio.srcObject = stream;
    if (speaker !== undefined && 'setSinkId' in audio) audio.setSinkId(speaker).catch(() => undefined);
    audio.play().catch((error: unknown) => {
      if (error instanceof DOMException && error.name === 'NotAllowedError') blocked();
    });
    return () => letGo(audio);
  };
}

const streams = new WeakMap<MediaStreamTrack, MediaStream>();

/** One stream for each track, so that redrawing does not restart a picture. */
export function streamOf(track: MediaStreamTrack | null | undefined): MediaStream | null {
  if (track == null) return null;
  const known = streams.get(track);
  if (known !== undefined) return known;
  const stream = new MediaStream([track]);
  streams.set(track, stream);
  return stream;
}

/** Copies a text; also on pages that are not secure, where the clipboard's own interface is missing. */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement('textarea');
    area.value = text;
    area.className = 'hidden';
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    return done;
  }
}

/** Hands a file to the person as a download. */
export function save(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Puts an element where the layout says. By the CSSOM: the page's policy refuses style attributes. */
export function place(rect: Rect): Attachment<HTMLElement> {
  return ({ style }) => {
    style.left = `${rect.x}px`;
    style.top = `${rect.y}px`;
    style.width = `${rect.width}px`;
    style.height = `${rect.height}px`;
  };
}
