// @ts-check
/**
 * What really reached the screen: every presented frame, how many a second, and which of a person's changes it shows.
 *
 * Knows the video element and clocks; nothing of sockets. Whoever waits for a frame is told by a handler.
 */

import { LatencyLog } from "./latency.js";
import { PhotonClock } from "./photon.js";
import { FrameMeter } from "./stats.js";

/** A hidden tab presents no frames: then the moment the server told us counts as shown. */
const PHOTON_LIMIT_MS = 1500;

/** A change whose first frame is due: its media time in ticks of 90 kHz. @typedef {{id: number, pts: number | null}} Awaited */

export class Presented {
  #photons = new PhotonClock();
  #meter = new FrameMeter();
  #video;
  #awaited;
  #onShown;
  #onPhoton;
  latency = new LatencyLog();

  /**
   * @param {HTMLVideoElement} video
   * @param {() => readonly Awaited[]} awaited changes whose first frame was not seen yet
   * @param {(id: number, shownMs: number) => void} onShown the first frame of a change was presented
   * @param {(pts: number, photonMs: number) => void} onPhoton how long after it was sent, by the media time of that frame
   */
  constructor(video, awaited, onShown, onPhoton) {
    this.#video = video;
    this.#awaited = awaited;
    this.#onShown = onShown;
    this.#onPhoton = onPhoton;
  }

  get meter() {
    return this.#meter;
  }

  /** @param {MediaStream} stream to play and follow, as long as it is the one on the page */
  play(stream) {
    this.#photons.reset();
    this.#meter.reset();
    this.#video.srcObject = stream;
    // Muted video may always play; a rejection only means that a newer stream took its place.
    this.#video.play().catch(() => {});
    this.#follow(stream);
  }

  /** @param {number} pts of a chunk that the server says begins now @param {number} nowMs */
  noteChunk(pts, nowMs) {
    this.#photons.noteChunk(pts, nowMs);
  }

  /** A frame came over the WebSocket: its media time is known, and needs no guessing. @param {import("./media-socket.js").DrawnFrame} frame */
  noteDrawn({ pts, receivedMs, shownMs }) {
    this.#meter.noteAge(shownMs - receivedMs);
    for (const one of this.#awaited()) {
      if (one.pts !== null && pts >= one.pts) this.#settle(one.id, one.pts, shownMs);
    }
  }

  /** A change takes effect now; if no frame is seen to show it, this moment counts. @param {number} id @param {number} appliedMs */
  expect(id, appliedMs) {
    this.latency.applied(id, appliedMs);
    setTimeout(() => {
      const isAwaited = this.#awaited().some((one) => one.id === id);
      this.latency.forget(id);
      if (isAwaited) this.#onShown(id, appliedMs);
    }, PHOTON_LIMIT_MS);
  }

  /** @param {MediaStream} stream */
  #follow(stream) {
    if (!("requestVideoFrameCallback" in this.#video)) return;
    this.#video.requestVideoFrameCallback((_, frame) => {
      if (this.#video.srcObject !== stream) return;
      const shownMs = performance.now();
      const receivedMs = frame.receiveTime ?? null;
      this.#meter.add(shownMs, frame.presentedFrames, receivedMs);
      if (frame.rtpTimestamp !== undefined && receivedMs !== null) {
        this.#photons.noteFrame({ rtp: frame.rtpTimestamp, receivedMs, shownMs });
      }
      this.#settleShown();
      this.#follow(stream);
    });
  }

  /** Whoever waits for a frame that was presented is told. */
  #settleShown() {
    for (const { id, pts } of this.#awaited()) {
      const seenMs = pts === null ? null : this.#photons.shownMs(pts);
      if (pts !== null && seenMs !== null) this.#settle(id, pts, seenMs);
    }
  }

  /** @param {number} id of a change whose first frame was presented @param {number} pts @param {number} shownMs */
  #settle(id, pts, shownMs) {
    const photonMs = this.latency.shown(id, shownMs);
    if (photonMs !== null) this.#onPhoton(pts, photonMs);
    this.#onShown(id, shownMs);
  }
}
