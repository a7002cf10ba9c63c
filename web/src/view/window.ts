// The browser's window: full screen, and a picture that floats over other windows.

/** The whole page fills the screen, or no longer. False where the browser, or the frame the page is in, says no. */
export async function toggleFullScreen(): Promise<boolean> {
  try {
    if (document.fullscreenElement !== null) await document.exitFullscreen();
    else await document.documentElement.requestFullscreen();
    return true;
  } catch {
    return false;
  }
}

export function canFloat(): boolean {
  return document.pictureInPictureEnabled === true;
}

/** The picture that matters most now floats over other windows, or comes back. False where there is none, or the browser says no. */
export async function floatPicture(): Promise<boolean> {
  try {
    if (document.pictureInPictureElement !== null) {
      await document.exitPictureInPicture();
      return true;
    }
    const wanted = ['.tile.large video.on', '.tile.speaking:not(.own) video.on', '.tile:not(.own) video.on', '[data-mix] video.on', '.tile video.on'];
    const video = wanted.map((selector) => document.querySelector<HTMLVideoElement>(selector)).find((found) => found !== null);
    if (video === undefined) return false;
    await video.requestPictureInPicture();
    return true;
  } catch {
    return false;
  }
}
