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

/** A video element that shows nothing of its new track for so long is given it anew: its frames should be there by then. */
const EXCHANGE_LIMIT_MS = 5000;

/** A change whose first frame is due: its media time in ticks of 90 kHz. @typedef {{id: number, pts: number | null}} Awaited */

export class Presented {
  #photons = new PhotonClock();
  #meter = new FrameMeter();
  /** Frames that callbacks were called for. */
  #nSeen = 0;
  /** Since when the present track is played: frames that arrived before are of another. */
  #sinceMs = 0;
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

  /**
   * Play and follow a stream. What plays before it stays on the screen until its first frame, if its track has not ended yet.
   * @param {MediaStream} stream
   */
  play(stream) {
    // Each connection counts from another random number.
    this.#photons.reset();
    this.#sinceMs = performance.now();
    const shown = this.#video.srcObject;
    // Without callbacks nobody knows whether an exchange was followed.
    if (shown instanceof MediaStream && "requestVideoFrameCallback" in this.#video) this.#exchange(shown, stream);
    else this.#begin(stream);
  }

  /** @param {MediaStream} stream for the video element, which forgets what it showed */
  #begin(stream) {
    this.#meter.reset();
    this.#video.srcObject = stream;
    // Muted video may always play; a rejection only means that a newer stream took its place.
    this.#video.play().catch(() => {});
    this.#follow(stream);
  }

  /** @param {MediaStream} shown on the page @param {MediaStream} stream whose tracks take the place of those there */
  #exchange(shown, stream) {
    const before = shown.getTracks();
    const tracks = stream.getTracks();
    // In this order there is always one: without any, the picture would have no size.
    for (const track of tracks) shown.addTrack(track);
    for (const track of before) if (!tracks.includes(track)) shown.removeTrack(track);
    const nSeen = this.#nSeen;
    setTimeout(() => {
      // One may have been the last of the track before.
      const isFollowed = this.#nSeen > nSeen + 1;
      if (!isFollowed && this.#video.srcObject === shown && tracks.every((track) => shown.getTracks().includes(track))) {
        this.#begin(stream);
      }
    }, EXCHANGE_LIMIT_MS);
  }

  /** Nothing plays any more. A track that ended would be shown black, over the still. */
  leave() {
    this.#video.srcObject = null;
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
      this.#nSeen += 1;
      this.#meter.add(shownMs, frame.presentedFrames, receivedMs);
      if (frame.rtpTimestamp !== undefined && receivedMs !== null && receivedMs >= this.#sinceMs) {
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
