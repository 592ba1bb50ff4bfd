// @ts-check
/**
 * A second connection beside the one that plays, until its first frame is there or it comes to nothing.
 *
 * Whoever plays goes over to it then. Knows nothing of the first connection.
 */

import { WhepAttempt } from "./whep-attempt.js";

const CONNECT_LIMIT_MS = 10_000;
/** The session moves once this connection stands, or after some three seconds without; its frames come here then. */
const FRAME_LIMIT_MS = 10_000;
/** A third of a frame at 16 a second. */
const LOOK_PERIOD_MS = 20;

export class HandOver {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #limit;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #nextLook;
  #attempt;
  #isConnected = false;

  /**
   * @param {string} endpoint @param {string} place
   * @param {{onFrame: (attempt: WhepAttempt) => void, onGivenUp: () => void}} handlers one is called, once; the attempt is theirs
   * @param {import("./whep-attempt.js").WhepPlatform} [platform]
   */
  constructor(endpoint, place, { onFrame, onGivenUp }, platform) {
    const giveUp = () => {
      this.end();
      onGivenUp();
    };
    const look = () => {
      if (!this.#attempt.hasFrames) return void (this.#nextLook = setTimeout(look, LOOK_PERIOD_MS));
      this.#stopWaiting();
      onFrame(this.#attempt);
    };
    const wait = () => {
      this.#isConnected = true;
      this.#stopWaiting();
      this.#limit = setTimeout(giveUp, FRAME_LIMIT_MS);
      look();
    };
    const target = { endpoint, place, connectLimitMs: CONNECT_LIMIT_MS };
    this.#attempt = new WhepAttempt(target, { onAnswer: () => {}, onConnected: wait, onFailed: giveUp }, platform);
    this.#attempt.begin();
  }

  /** @returns {boolean} whether only its first frame is missing */
  get isConnected() {
    return this.#isConnected;
  }

  /** Give it up, here and on the server. */
  end() {
    this.#stopWaiting();
    this.#attempt.close();
  }

  #stopWaiting() {
    clearTimeout(this.#limit);
    clearTimeout(this.#nextLook);
  }
}
