// @ts-check
/** How long to wait before trying again. Knows nothing of what is tried. */

const FIRST_DELAY_S = 0.5;
const LONGEST_DELAY_S = 4;

/**
 * Exponential delay with +-20 % of jitter, so that many pages do not return in the same instant.
 * @param {number} nFailures failures in a row so far, at least 1
 * @param {() => number} [random] uniform in [0, 1)
 * @returns {number} seconds, at most 4 * 1.2
 */
export function retryDelayS(nFailures, random = Math.random) {
  return Math.min(FIRST_DELAY_S * 2 ** (nFailures - 1), LONGEST_DELAY_S) * (0.8 + 0.4 * random());
}
