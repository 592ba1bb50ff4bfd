// @ts-check
/**
 * A WHEP player: one connection to one endpoint, made again whenever it fails, and handed over when the video moves.
 *
 * What was seen last stays on the screen until another connection has something to show. Knows nothing of the control
 * socket or of the page; the owner decides what to do with the stream, and calls restart() when it sees media stop.
 */

import { retryDelayS } from "./backoff.js";
import { HandOver } from "./hand-over.js";
import { WhepAttempt } from "./whep-attempt.js";

/** @typedef {"idle" | "connecting" | "playing" | "retrying"} MediaState */
/**
 * `onStream`: to be shown from now on; the track that was shown before ends when this returns.
 * @typedef {{
 *   onState: (state: MediaState) => void, onStream: (stream: MediaStream) => void, onAnswer?: () => void,
 * }} WhepHandlers
 */

export class WhepPlayer {
  /** @type {MediaState} */
  #state = "idle";
  /** @type {WhepAttempt | null} */
  #attempt = null;
  /** Whose track is on the screen: that of the attempt, or its last picture still. @type {WhepAttempt | null} */
  #shown = null;
  /** @type {HandOver | null} */
  #handOver = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retryTimer;
  #nFailures = 0;
  #endpoint;
  #handlers;
  #platform;

  /**
   * @param {string} endpoint absolute URL
   * @param {WhepHandlers} handlers
   * @param {import("./whep-attempt.js").WhepPlatform} [platform]
   */
  constructor(endpoint, handlers, platform) {
    this.#endpoint = endpoint;
    this.#handlers = handlers;
    this.#platform = platform;
  }

  /** @returns {MediaState} */
  get state() {
    return this.#state;
  }

  /**
   * Play until stop(). Nothing happens when it is already playing or trying there.
   * @param {string} [endpoint] another one than before
   */
  start(endpoint = this.#endpoint) {
    const isMoved = endpoint !== this.#endpoint;
    this.#endpoint = endpoint;
    if (this.#state !== "idle" && !isMoved) return;
    this.#endHandOver();
    this.#connect();
  }

  /** Give up on the present connection and make a new one at once. */
  restart() {
    if (this.#state === "idle") return;
    this.#nFailures = 0;
    this.#endHandOver();
    this.#connect();
  }

  /** Try now instead of when the delay is over: the server has something to show again. */
  wake() {
    if (this.#state === "retrying") this.#connect();
  }

  /**
   * The video is about to come from elsewhere: connect there as well, and go over with its first frame. If it comes to
   * nothing, nothing was.
   * @param {string} place a token of the server, good for one offer; empty for where the session is
   */
  handOver(place) {
    if (this.#state === "idle") return;
    this.#endHandOver();
    const onGivenUp = () => {
      this.#handOver = null;
      if (this.#state === "playing" && this.#attempt === null) this.#fail();
    };
    const onFrame = (/** @type {WhepAttempt} */ attempt) => this.#goOver(attempt);
    this.#handOver = new HandOver(this.#endpoint, place, { onFrame, onGivenUp }, this.#platform);
  }

  /** Free the connection here and on the server. */
  stop() {
    clearTimeout(this.#retryTimer);
    this.#endHandOver();
    this.#letGo();
    this.#shown?.close();
    this.#shown = null;
    this.#enter("idle");
  }

  /** @returns {Promise<RTCStatsReport | null>} null when there is no connection */
  async getStats() {
    return this.#attempt?.getStats() ?? null;
  }

  #connect() {
    clearTimeout(this.#retryTimer);
    this.#letGo();
    this.#enter("connecting");
    const attempt = new WhepAttempt({ endpoint: this.#endpoint }, this.#follower(() => attempt), this.#platform);
    this.#attempt = attempt;
    attempt.begin();
  }

  /** @param {() => WhepAttempt} attempt @returns {import("./whep-attempt.js").AttemptHandlers} for the one that plays */
  #follower(attempt) {
    return {
      onAnswer: () => this.#handlers.onAnswer?.(),
      onConnected: () => this.#play(attempt()),
      onFailed: () => this.#fail(),
    };
  }

  /** @param {WhepAttempt} attempt */
  #play(attempt) {
    this.#nFailures = 0;
    this.#enter("playing");
    // Back after a short disconnection it is still on the screen.
    if (this.#shown !== attempt && attempt.track !== null) this.#show(attempt, attempt.track);
  }

  /** @param {WhepAttempt} attempt @param {MediaStreamTrack} track */
  #show(attempt, track) {
    this.#handlers.onStream(new MediaStream([track]));
    this.#shown?.close();
    this.#shown = attempt;
  }

  /** @param {WhepAttempt} attempt that shows the video from now on */
  #goOver(attempt) {
    this.#handOver = null;
    clearTimeout(this.#retryTimer);
    const before = this.#attempt;
    this.#attempt = attempt;
    attempt.handlers = this.#follower(() => attempt);
    this.#play(attempt);
    before?.close();
  }

  #endHandOver() {
    this.#handOver?.end();
    this.#handOver = null;
  }

  #fail() {
    this.#letGo();
    // The video has moved, and its first frame is on its way; what was seen last stays until then.
    if (this.#state === "playing" && this.#handOver?.isConnected) return;
    this.#nFailures += 1;
    // Before the owner hears of it, who may answer with stop().
    this.#retryTimer = setTimeout(() => this.#connect(), retryDelayS(this.#nFailures) * 1000);
    this.#enter("retrying");
  }

  /** The present connection is over; only what it shows stays. */
  #letGo() {
    const attempt = this.#attempt;
    this.#attempt = null;
    if (attempt === this.#shown) attempt?.retire();
    else attempt?.close();
  }

  /** @param {MediaState} state */
  #enter(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.#handlers.onState(state);
  }
}
