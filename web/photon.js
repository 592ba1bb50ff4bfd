// @ts-check
/**
 * Click-to-photon: when was the frame with a given media time really shown?
 *
 * The server counts media time (pts); the browser reports the RTP timestamp of each frame. Both tick at 90 kHz but
 * start at different, random numbers. The offset is learnt from chunk messages, which leave the server in the same
 * moment as the first frame of their chunk: the frame whose last packet arrived nearest to the message is that frame.
 * Knows neither sockets nor the page; all times are milliseconds of one monotonic clock.
 */

const TICKS_WRAP = 2 ** 32;
const MAX_FRAMES = 64;
const MAX_VOTES = 9;
const MATCH_WINDOW_MS = 120;

/** @typedef {{rtp: number, receivedMs: number, shownMs: number}} ShownFrame */

/** Maps media time to the moment its frame was presented. Memory is bounded: 64 frames, 9 offset votes. */
export class PhotonClock {
  /** @type {ShownFrame[]} */
  #frames = [];
  /** @type {{pts: number, arrivedMs: number} | null} */
  #chunk = null;
  /** @type {number[]} */
  #votes = [];

  /** @param {number} pts of the first frame of the chunk @param {number} arrivedMs of the message */
  noteChunk(pts, arrivedMs) {
    this.#chunk = { pts, arrivedMs };
  }

  /** @param {ShownFrame} frame */
  noteFrame(frame) {
    this.#frames.push(frame);
    if (this.#frames.length > MAX_FRAMES) this.#frames.shift();
    // Only when frames from after the window are in, the nearest one is known for sure.
    if (this.#chunk && frame.receivedMs > this.#chunk.arrivedMs + MATCH_WINDOW_MS) this.#vote(this.#chunk);
  }

  /**
   * @param {number} pts media time, 90 kHz
   * @returns {number | null} when the first frame at or after it was shown; null when it was not, or is not known
   */
  shownMs(pts) {
    const offset = mostCommon(this.#votes);
    if (offset === null) return null;
    const frame = this.#frames.find(({ rtp }) => signedTicks(rtp - offset - pts) >= 0);
    return frame ? frame.shownMs : null;
  }

  /** Forget everything: a new media connection starts at another random number. */
  reset() {
    this.#frames = [];
    this.#chunk = null;
    this.#votes = [];
  }

  /** @param {{pts: number, arrivedMs: number}} chunk */
  #vote(chunk) {
    this.#chunk = null;
    let nearest = null;
    let nearestMs = MATCH_WINDOW_MS;
    for (const frame of this.#frames) {
      const distanceMs = Math.abs(frame.receivedMs - chunk.arrivedMs);
      if (distanceMs < nearestMs) [nearest, nearestMs] = [frame, distanceMs];
    }
    if (nearest === null) return;
    this.#votes.push(wrapTicks(nearest.rtp - chunk.pts));
    if (this.#votes.length > MAX_VOTES) this.#votes.shift();
  }
}

/** @param {number} ticks @returns {number} in [0, 2^32) */
function wrapTicks(ticks) {
  return ((ticks % TICKS_WRAP) + TICKS_WRAP) % TICKS_WRAP;
}

/** @param {number} ticks @returns {number} the same modulo 2^32, in [-2^31, 2^31) */
function signedTicks(ticks) {
  return wrapTicks(ticks + TICKS_WRAP / 2) - TICKS_WRAP / 2;
}

/** @param {readonly number[]} values @returns {number | null} the newest of those that occur most often */
function mostCommon(values) {
  /** @type {Map<number, number>} */
  const counts = new Map();
  let best = null;
  for (const value of values) {
    const count = (counts.get(value) ?? 0) + 1;
    counts.set(value, count);
    if (best === null || count >= (counts.get(best) ?? 0)) best = value;
  }
  return best;
}
