// @ts-check
/**
 * One try at a WHEP endpoint: a receive-only peer connection here, a session there, and the end of both.
 *
 * Ask for ICE servers, POST the offer, set the answer, DELETE on the way out. aiortc-like servers may never report a
 * failed connection, so there is a connect timeout here. Tries once: whoever owns it decides what comes next.
 */

import { readIceServers } from "./ice.js";

const CONNECT_LIMIT_MS = 8000;
const DISCONNECTED_LIMIT_MS = 3000;
const GATHERING_LIMIT_MS = 1000;

/** @typedef {{createPeer: (iceServers: RTCIceServer[]) => RTCPeerConnection, fetch: typeof fetch}} WhepPlatform */
/**
 * `onAnswer`: the server is there, and only the network may still be in the way. `onFailed`: it will not come to anything any
 * more; the owner is to close it.
 * @typedef {{onAnswer: () => void, onConnected: () => void, onFailed: () => void}} AttemptHandlers
 */
/** `place`: where on the server's side, by a token that is good for one offer; empty for where the session is. @typedef {{endpoint: string, place?: string, connectLimitMs?: number}} Target */

/** @type {AttemptHandlers} */
const NOBODY = { onAnswer: () => {}, onConnected: () => {}, onFailed: () => {} };

/** @type {WhepPlatform} */
const BROWSER = {
  // Nobody is contacted but the server, and whom it names: by default nobody.
  createPeer: (iceServers) => new RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle" }),
  fetch: (input, init) => fetch(input, init),
};

export class WhepAttempt {
  /** @type {RTCPeerConnection | null} */
  #peer = null;
  /** @type {RTCRtpReceiver | null} */
  #receiver = null;
  /** @type {string | null} */
  #sessionUrl = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #isRetired = false;
  #target;
  #platform;
  /** Whom it reports to; it may change hands. */
  handlers;

  /** @param {Target} target @param {AttemptHandlers} handlers @param {WhepPlatform} [platform] */
  constructor(target, handlers, platform = BROWSER) {
    this.#target = target;
    this.handlers = handlers;
    this.#platform = platform;
  }

  /** To be called once. */
  begin() {
    this.#timer = setTimeout(() => this.#fail(), this.#target.connectLimitMs ?? CONNECT_LIMIT_MS);
    // The one exit for every failure of the handshake.
    this.#negotiate().catch(() => this.#fail());
  }

  /** @returns {MediaStreamTrack | null} of the video; null before there is an offer */
  get track() {
    return this.#receiver?.track ?? null;
  }

  /** @returns {boolean} whether a frame of it was decoded lately: unlike the page's video, a hidden tab's receiver knows */
  get hasFrames() {
    return (this.#receiver?.getSynchronizationSources().length ?? 0) > 0;
  }

  /** @returns {Promise<RTCStatsReport | null>} null when there is no connection */
  async getStats() {
    return this.#peer?.getStats() ?? null;
  }

  /** Free the session on the server and report nothing any more, but leave the track: a closed one is shown black. */
  retire() {
    this.#isRetired = true;
    this.handlers = NOBODY;
    clearTimeout(this.#timer);
    if (this.#peer !== null) this.#peer.onconnectionstatechange = null;
    this.#deleteSession();
  }

  /** Free everything, here and on the server. */
  close() {
    this.retire();
    this.#peer?.close();
  }

  async #negotiate() {
    const { endpoint } = this.#target;
    const iceServers = await this.#askIceServers();
    if (this.#isRetired) return;
    const peer = this.#platform.createPeer(iceServers);
    this.#peer = peer;
    peer.onconnectionstatechange = () => this.#follow(peer);
    const { receiver } = peer.addTransceiver("video", { direction: "recvonly" });
    this.#receiver = receiver;
    askForLowDelay(receiver);
    await peer.setLocalDescription();
    await gatheringDone(peer);
    const response = await this.#platform.fetch(this.#offerUrl(), {
      method: "POST",
      headers: { "Content-Type": "application/sdp" },
      body: peer.localDescription?.sdp ?? "",
    });
    const location = response.headers.get("Location");
    if (location !== null) this.#sessionUrl = new URL(location, endpoint).href;
    // The answer may come after we gave up: then the session must still be deleted.
    if (this.#isRetired) return this.#deleteSession();
    if (response.status !== 201) throw new Error(`WHEP endpoint answered ${response.status}, expected 201`);
    await peer.setRemoteDescription({ type: "answer", sdp: await response.text() });
    this.handlers.onAnswer();
  }

  /** Those that the server names; a connection must know them when it is made. */
  async #askIceServers() {
    const response = await this.#platform.fetch(this.#target.endpoint, { method: "OPTIONS" });
    if (!response.ok) throw new Error(`WHEP endpoint answered ${response.status} to OPTIONS, expected 200`);
    return readIceServers(response.headers.get("Link"));
  }

  /** @returns {string} */
  #offerUrl() {
    const url = new URL(this.#target.endpoint);
    if (this.#target.place) url.searchParams.set("place", this.#target.place);
    return url.href;
  }

  /** @param {RTCPeerConnection} peer */
  #follow(peer) {
    switch (peer.connectionState) {
      case "connected":
        clearTimeout(this.#timer);
        this.handlers.onConnected();
        break;
      case "disconnected":
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#fail(), DISCONNECTED_LIMIT_MS);
        break;
      case "failed":
      case "closed":
        this.#fail();
        break;
      default:
        break;
    }
  }

  #fail() {
    clearTimeout(this.#timer);
    this.handlers.onFailed();
  }

  #deleteSession() {
    if (this.#sessionUrl === null) return;
    // keepalive lets it outlive the page. A server that is gone has nothing left to delete.
    this.#platform.fetch(this.#sessionUrl, { method: "DELETE", keepalive: true }).catch(() => {});
    this.#sessionUrl = null;
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
