// @ts-check
/** What the viewer sees, measured: frames a second, and the age of a frame when shown. Pure; times are passed in. */

const WINDOW_MS = 3000;
const SHORTEST_MS = 1000;
const STALE_MS = 1500;
const SMOOTHING = 0.1;

/** Frames really presented a second, over the last three seconds. */
export class FrameMeter {
  /** @type {{shownMs: number, nPresented: number}[]} */
  #samples = [];
  /** @type {number | null} */
  #ageMs = null;

  /**
   * @param {number} shownMs when the frame was presented
   * @param {number} nPresented frames presented so far, counting those no callback was called for
   * @param {number | null} receivedMs when its last packet arrived
   */
  add(shownMs, nPresented, receivedMs) {
    const last = this.#samples.at(-1);
    // A new media stream counts from zero again.
    if (last && nPresented < last.nPresented) this.#samples = [];
    this.#samples.push({ shownMs, nPresented });
    while (shownMs - this.#samples[0].shownMs > WINDOW_MS) this.#samples.shift();
    if (receivedMs !== null) this.noteAge(shownMs - receivedMs);
  }

  /** @param {number} ageMs from the arrival of a frame to its presentation */
  noteAge(ageMs) {
    this.#ageMs = smooth(this.#ageMs, ageMs);
  }

  /** @param {number} nowMs @returns {number | null} null when less than a second was seen, or nothing lately */
  fps(nowMs) {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (!first || !last || nowMs - last.shownMs > STALE_MS) return null;
    const seenMs = last.shownMs - first.shownMs;
    return seenMs < SHORTEST_MS ? null : ((last.nPresented - first.nPresented) * 1000) / seenMs;
  }

  /** @returns {number | null} smoothed milliseconds from the arrival of a frame to its presentation */
  get ageMs() {
    return this.#ageMs;
  }

  /** Start over, after a pause or on a new media connection. */
  reset() {
    this.#samples = [];
    this.#ageMs = null;
  }
}

/** Notices media that stopped arriving although the server should be sending. */
export class StallDetector {
  #limitMs;
  #nPackets = -1;
  #changedMs = 0;

  /** @param {number} limitMs silence allowed */
  constructor(limitMs) {
    this.#limitMs = limitMs;
  }

  /** @param {number} nPackets received so far @param {number} nowMs @returns {boolean} whether it stalled */
  isStalled(nPackets, nowMs) {
    if (nPackets !== this.#nPackets) [this.#nPackets, this.#changedMs] = [nPackets, nowMs];
    return nowMs - this.#changedMs > this.#limitMs;
  }

  /** Silence so far was expected. */
  reset() {
    this.#nPackets = -1;
  }
}

/**
 * What this page wants from RTCPeerConnection.getStats().
 * @param {Iterable<Record<string, any>>} entries
 * @returns {{nPackets: number, roundTripMs: number | null}}
 */
export function readReport(entries) {
  let nPackets = 0;
  let roundTripMs = null;
  for (const entry of entries) {
    if (entry.type === "inbound-rtp" && entry.kind === "video") nPackets += entry.packetsReceived ?? 0;
    if (entry.type === "candidate-pair" && entry.nominated && entry.currentRoundTripTime !== undefined) {
      roundTripMs = entry.currentRoundTripTime * 1000;
    }
  }
  return { nPackets, roundTripMs };
}

/**
 * How the video arrives, from one report to the next.
 * @typedef {{
 *   codec: string | null, bitrateBps: number | null, jitterBufferMs: number | null, decodeMs: number | null,
 *   nDropped: number, nFreezes: number, nLost: number, roundTripMs: number | null,
 * }} Reception
 */

/** Reads reports; averages are over the time since the last one. */
export class ReceptionMeter {
  /** @type {Record<string, any> | null} */
  #last = null;

  /** @param {Iterable<Record<string, any>>} entries of one report @returns {Reception | null} null without video */
  read(entries) {
    const all = [...entries];
    const video = all.find(({ type, kind }) => type === "inbound-rtp" && kind === "video");
    if (video === undefined) return null;
    const last = this.#last;
    // A new connection counts from zero again.
    const since = last !== null && last.id === video.id && last.framesDecoded <= video.framesDecoded ? last : {};
    this.#last = video;
    /** @param {string} name */
    const gain = (name) => (video[name] ?? 0) - (since[name] ?? 0);
    const passedS = since.timestamp === undefined ? 0 : (video.timestamp - since.timestamp) / 1000;
    return {
      codec: all.find(({ id }) => id === video.codecId)?.mimeType?.replace("video/", "") ?? null,
      bitrateBps: passedS > 0 ? (8 * gain("bytesReceived")) / passedS : null,
      jitterBufferMs: ratioMs(gain("jitterBufferDelay"), gain("jitterBufferEmittedCount")),
      decodeMs: ratioMs(gain("totalDecodeTime"), gain("framesDecoded")),
      nDropped: video.framesDropped ?? 0,
      nFreezes: video.freezeCount ?? 0,
      nLost: video.packetsLost ?? 0,
      roundTripMs: readReport(all).roundTripMs,
    };
  }
}

/** @param {number} seconds @param {number} count @returns {number | null} */
function ratioMs(seconds, count) {
  return count > 0 ? (1000 * seconds) / count : null;
}

/** @param {number | null} average @param {number} value @returns {number} */
function smooth(average, value) {
  return average === null ? value : average + SMOOTHING * (value - average);
}
