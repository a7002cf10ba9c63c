// The browser's window: full screen, and a picture that floats over other windows.

/** The whole page fills the screen, or no longer. */
export async function toggleFullScreen(): Promise<void> {
  try {
    if (document.fullscreenElement !== null) await document.exitFullscreen();
    else await document.documentElement.requestFullscreen();
  } catch {
    // Refused by the browser or the frame the page is in.
  }
}

export function canFloat(): boolean {
  return document.pictureInPictureEnabled === true;
}

/** The picture that matters most now floats over other windows, or comes back. */
export async function floatPicture(): Promise<void> {
  try {
    if (document.pictureInPictureElement !== null) {
      await document.exitPictureInPicture();
      return;
    }
    const wanted = ['.tile.large video.on', '.tile.speaking:not(.own) video.on', '.tile:not(.own) video.on', '[data-mix] video.on', '.tile video.on'];
    const video = wanted.map((selector) => document.querySelector<HTMLVideoElement>(selector)).find((found) => found !== null);
    await video?.requestPictureInPicture();
  } catch {
    // No picture yet, or the browser says no.
  }
}
