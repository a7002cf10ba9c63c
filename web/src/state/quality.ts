// Sizes of the recorded and streamed picture that the page offers; the API takes any.

/** Heights in 16:9. */
export const QUALITIES = [360, 720, 1080] as const;
export type PictureHeight = (typeof QUALITIES)[number];

export const USUAL: PictureHeight = 720;

export function isQuality(height: number): height is PictureHeight {
  return (QUALITIES as readonly number[]).includes(height);
}

/** What to ask of the server: nothing where a picture is being made already, so that this one joins it. */
export function pictureWish(height: PictureHeight, running: boolean): { width?: number; height?: number } {
  return running ? {} : { width: (height * 16) / 9, height };
}
