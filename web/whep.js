// @ts-check
/**
 * A WHEP player: one receive-only peer connection to one endpoint, started again whenever it fails.
 *
 * Ask for ICE servers, POST the offer, set the answer, DELETE on the way out. aiortc-like servers may never report a failed connection,
 * so there is a connect timeout here. Knows nothing of the control socket or of the page; the owner decides what to
 * do with the stream, and calls restart() when it sees media stop.
 */

import { retryDelayS } from "./backoff.js";
import { readIceServers } from "./ice.js";

const CONNECT_TIMEOUT_MS = 8000;
const DISCONNECTED_LIMIT_MS = 3000;
const GATHERING_LIMIT_MS = 1000;

/** @typedef {"idle" | "connecting" | "playing" | "retrying"} MediaState */
/** @typedef {ReturnType<typeof setTimeout>} Timer */
/**
 * `onAnswer`: the server is there, and only the network may still be in the way.
 * @typedef {{
 *   onState: (state: MediaState) => void, onStream: (stream: MediaStream) => void, onAnswer?: () => void,
 * }} WhepHandlers
 */
/** @typedef {{createPeer: (iceServers: RTCIceServer[]) => RTCPeerConnection, fetch: typeof fetch}} WhepPlatform */

/**
 * One try, and everything it holds.
 * @typedef {{
 *   peer: RTCPeerConnection | null, isReleased: boolean, sessionUrl: string | null, timer: Timer | undefined,
 * }} Attempt
 */

/** @type {WhepPlatform} */
const BROWSER = {
  // Nobody is contacted but the server, and whom it names: by default nobody.
  createPeer: (iceServers) => new RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle" }),
  fetch: (input, init) => fetch(input, init),
};

export class WhepPlayer {
  /** @type {MediaState} */
  #state = "idle";
  /** @type {Attempt | null} */
  #attempt = null;
  /** @type {Timer | undefined} */
  #retryTimer;
  #nFailures = 0;
  #endpoint;
  #handlers;
  #platform;

  /** @param {string} endpoint absolute URL @param {WhepHandlers} handlers @param {WhepPlatform} [platform] */
  constructor(endpoint, handlers, platform = BROWSER) {
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
    if (this.#state === "idle" || isMoved) this.#connect();
  }

  /** Give up on the present connection and make a new one at once. */
  restart() {
    if (this.#state === "idle") return;
    this.#nFailures = 0;
    this.#connect();
  }

  /** Free the connection here and on the server. */
  stop() {
    clearTimeout(this.#retryTimer);
    this.#release();
    this.#enter("idle");
  }

  /** @returns {Promise<RTCStatsReport | null>} null when there is no connection */
  async getStats() {
    const attempt = this.#attempt;
    return attempt?.peer?.getStats() ?? null;
  }

  #connect() {
    clearTimeout(this.#retryTimer);
    this.#release();
    this.#enter("connecting");
    /** @type {Attempt} */
    const attempt = { peer: null, isReleased: false, sessionUrl: null, timer: undefined };
    this.#attempt = attempt;
    attempt.timer = setTimeout(() => this.#fail(attempt), CONNECT_TIMEOUT_MS);
    // The one exit for every failure of the handshake.
    this.#negotiate(attempt).catch(() => this.#fail(attempt));
  }

  /** @param {Attempt} attempt */
  async #negotiate(attempt) {
    const iceServers = await this.#askIceServers();
    if (attempt.isReleased) return;
    const peer = this.#platform.createPeer(iceServers);
    attempt.peer = peer;
    peer.onconnectionstatechange = () => this.#follow(attempt, peer);
    const { receiver } = peer.addTransceiver("video", { direction: "recvonly" });
    askForLowDelay(receiver);
    await peer.setLocalDescription();
    await gatheringDone(peer);
    const response = await this.#platform.fetch(this.#endpoint, {
      method: "POST",
      headers: { "Content-Type": "application/sdp" },
      body: peer.localDescription?.sdp ?? "",
    });
    const location = response.headers.get("Location");
    if (location !== null) attempt.sessionUrl = new URL(location, this.#endpoint).href;
    // The answer may come after we gave up: then the session must still be deleted.
    if (attempt.isReleased) return this.#deleteSession(attempt);
    if (response.status !== 201) throw new Error(`WHEP endpoint answered ${response.status}, expected 201`);
    await peer.setRemoteDescription({ type: "answer", sdp: await response.text() });
    if (!attempt.isReleased) this.#handlers.onAnswer?.();
  }

  /** Those that the server names; a connection must know them when it is made. */
  async #askIceServers() {
    const response = await this.#platform.fetch(this.#endpoint, { method: "OPTIONS" });
    if (!response.ok) throw new Error(`WHEP endpoint answered ${response.status} to OPTIONS, expected 200`);
    return readIceServers(response.headers.get("Link"));
  }

  /** @param {Attempt} attempt @param {RTCPeerConnection} peer */
  #follow(attempt, peer) {
    if (attempt.isReleased) return;
    switch (peer.connectionState) {
      case "connected":
        clearTimeout(attempt.timer);
        this.#nFailures = 0;
        this.#enter("playing");
        this.#handlers.onStream(new MediaStream(peer.getReceivers().map(({ track }) => track)));
        break;
      case "disconnected":
        attempt.timer = setTimeout(() => this.#fail(attempt), DISCONNECTED_LIMIT_MS);
        break;
      case "failed":
      case "closed":
        this.#fail(attempt);
        break;
      default:
        break;
    }
  }

  /** @param {Attempt} attempt */
  #fail(attempt) {
    if (attempt.isReleased) return;
    this.#release();
    this.#nFailures += 1;
    // Before the owner hears of it, who may answer with stop().
    this.#retryTimer = setTimeout(() => this.#connect(), retryDelayS(this.#nFailures) * 1000);
    this.#enter("retrying");
  }

  #release() {
    const attempt = this.#attempt;
    this.#attempt = null;
    if (attempt === null) return;
    attempt.isReleased = true;
    clearTimeout(attempt.timer);
    if (attempt.peer !== null) {
      attempt.peer.onconnectionstatechange = null;
      attempt.peer.close();
    }
    this.#deleteSession(attempt);
  }

  /** @param {Attempt} attempt */
  #deleteSession(attempt) {
    if (attempt.sessionUrl === null) return;
    // keepalive lets it outlive the page. A server that is gone has nothing left to delete.
    this.#platform.fetch(attempt.sessionUrl, { method: "DELETE", keepalive: true }).catch(() => {});
    attempt.sessionUrl = null;
  }

  /** @param {MediaState} state */
  #enter(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.#handlers.onState(state);
  }
}

/**
 * Show frames as soon as they are decoded; both properties are only hints, and only in some browsers.
 * @param {RTCRtpReceiver} receiver
 */
function askForLowDelay(receiver) {
  if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
  if ("playoutDelayHint" in receiver) receiver.playoutDelayHint = 0;
}

/**
 * Wait for the candidates: without trickle the offer must hold them, but a slow interface must not hold us up.
 * @param {RTCPeerConnection} peer
 * @returns {Promise<void>}
 */
function gatheringDone(peer) {
  if (peer.iceGatheringState === "complete") return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, GATHERING_LIMIT_MS);
    peer.onicegatheringstatechange = () => {
      if (peer.iceGatheringState !== "complete") return;
      clearTimeout(timer);
      resolve();
    };
  });
}
