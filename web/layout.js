// @ts-check
/** Size of the picture on the page: whole device pixels a video pixel, or the whole room when smooth. */

/** @typedef {{widthPx: number, heightPx: number}} Size */

/**
 * The largest size of the video that fits the room.
 *
 * Crisp means that every video pixel covers the same whole number of device pixels; CSS pixels are fractions of
 * those on most phones. A video larger than the room is shrunk to fit, as no whole number can.
 * @param {Size} room CSS pixels
 * @param {Size} video video pixels
 * @param {number} devicePixelRatio device pixels a CSS pixel
 * @param {boolean} isSmooth fill the room, fractional scale
 * @returns {Size & {scale: number}} CSS pixels, and device pixels a video pixel
 */
export function fitFrame(room, video, devicePixelRatio, isSmooth) {
  const largest = Math.min(
    (room.widthPx * devicePixelRatio) / video.widthPx,
    (room.heightPx * devicePixelRatio) / video.heightPx,
  );
  const scale = isSmooth || largest < 1 ? largest : Math.floor(largest);
  return {
    widthPx: (video.widthPx * scale) / devicePixelRatio,
    heightPx: (video.heightPx * scale) / devicePixelRatio,
    scale,
  };
}
