// @ts-check
/** Pictures that lie side by side in one, and how far a film is in words. Pure. */

/**
 * Where one of the pictures is.
 * @param {number} width of all of them, pixels
 * @param {number} n how many there are
 * @param {number} k which, from 0
 * @returns {{left: number, width: number}} pixels
 */
export function cell(width, n, k) {
  const each = Math.floor(width / n);
  return { left: k * each, width: each };
}

/**
 * @param {number} nowS seconds
 * @param {number} lengthS seconds; NaN before it is known
 * @returns {string} e.g. "1.5 of 4.0 s"
 */
export function progress(nowS, lengthS) {
  return Number.isFinite(lengthS) ? `${nowS.toFixed(1)} of ${lengthS.toFixed(1)} s` : "";
}
