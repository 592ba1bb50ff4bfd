// @ts-check
/**
 * The video, by whatever way it comes: WebRTC, or the WebSocket where three seconds show that no UDP gets through.
 *
 * Looks like one player. Knows the two ways; knows nothing of controls or of the page.
 */

import { canDecode, MediaSocketPlayer } from "./media-socket.js";
import { ReceptionMeter, readReport } from "./stats.js";
import { WhepPlayer } from "./whep.js";

/** From the server's answer on: ICE needs some hundred milliseconds, and never this long where UDP gets through. */
export const UDP_LIMIT_MS = 3000;

/** @typedef {import("./whep.js").MediaState} MediaState */
/** @typedef {"WebRTC" | "WebSocket"} Way */
/** @typedef {{whepUrl: string, socketUrl: string}} MediaUrls */
/**
 * @typedef {{
 *   onState: (state: MediaState, way: Way) => void, onStream: (stream: MediaStream) => void,
 *   onFrame: (frame: import("./media-socket.js").DrawnFrame) => void, onBlocked: () => void,
 * }} MediaHandlers
 */
/** @typedef {{nArrived: number, roundTripMs: number | null, reception: import("./stats.js").Reception | null}} MediaReport */
/**
 * @typedef {{
 *   createWhep: (handlers: import("./whep.js").WhepHandlers) => WhepPlayer,
 *   createSocket: (handlers: import("./media-socket.js").MediaSocketHandlers) => MediaSocketPlayer,
 *   canDecode: () => boolean,
 * }} Ways
 */

export class MediaPlayer {
  /** @type {Way} */
  #way = "WebRTC";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #hasWebRtcWorked = false;
  #receptions = new ReceptionMeter();
  #urls;
  #handlers;
  #whep;
  #socket;
  #canDecode;

  /** @param {MediaUrls} urls @param {MediaHandlers} handlers @param {Ways} [ways] */
  constructor(urls, handlers, ways = waysTo(urls)) {
    this.#urls = urls;
    this.#handlers = handlers;
    this.#canDecode = ways.canDecode;
    const { onStream, onFrame } = handlers;
    this.#whep = ways.createWhep({
      onState: (state) => this.#followWhep(state),
      onStream,
      onAnswer: () => this.#allow(),
    });
    this.#socket = ways.createSocket({ onState: (state) => handlers.onState(state, "WebSocket"), onStream, onFrame });
  }

  /** @returns {MediaState} */
  get state() {
    return this.#player.state;
  }

  /** @returns {Way} how the video comes, or is tried to come */
  get way() {
    return this.#way;
  }

  get #player() {
    return this.#way === "WebRTC" ? this.#whep : this.#socket;
  }

  /** Play until stop(). @param {MediaUrls} [urls] others than before */
  start(urls = this.#urls) {
    this.#urls = urls;
    if (this.#way === "WebRTC") this.#whep.start(urls.whepUrl);
    else this.#socket.start(urls.socketUrl);
  }

  /** Give up on the present connection and make a new one at once. */
  restart() {
    this.#player.restart();
  }

  /** Try now instead of when a delay is over: the server has something to show again. */
  wake() {
    if (this.#way === "WebRTC") this.#whep.wake();
  }

  /**
   * The server says that the video comes from elsewhere; over the WebSocket it always comes by way of the gateway.
   * @param {string} place where it will, for the query of the address; empty for where the session is
   * @param {boolean} isGone whether nothing comes any more from where it came
   */
  move(place, isGone) {
    if (this.#way !== "WebRTC") return;
    if (isGone) this.#whep.restart();
    else this.#whep.handOver(place);
  }

  /** Free everything; the next start tries WebRTC again. */
  stop() {
    clearTimeout(this.#timer);
    this.#whep.stop();
    this.#socket.stop();
    this.#way = "WebRTC";
  }

  /** @returns {Promise<MediaReport>} */
  async report() {
    if (this.#way === "WebSocket") return { nArrived: this.#socket.nFrames, roundTripMs: null, reception: null };
    const report = await this.#whep.getStats();
    const entries = [...(report?.values() ?? [])];
    const { nPackets, roundTripMs } = readReport(entries);
    return { nArrived: nPackets, roundTripMs, reception: this.#receptions.read(entries) };
  }

  /** @param {MediaState} state */
  #followWhep(state) {
    if (state === "playing") {
      this.#hasWebRtcWorked = true;
      clearTimeout(this.#timer);
    }
    // Leaving WebRTC for good is no state of the video.
    if (this.#way === "WebRTC") this.#handlers.onState(state, "WebRTC");
  }

  /** The server answered: now it is up to the network. */
  #allow() {
    clearTimeout(this.#timer);
    // What worked a moment ago comes back; another way would only be slower.
    if (this.#hasWebRtcWorked) return;
    this.#timer = setTimeout(() => this.#leaveWebRtc(), UDP_LIMIT_MS);
  }

  #leaveWebRtc() {
    if (!this.#canDecode()) return this.#handlers.onBlocked();
    this.#way = "WebSocket";
    this.#whep.stop();
    this.#socket.start(this.#urls.socketUrl);
  }
}

/** @param {MediaUrls} urls @returns {Ways} */
function waysTo({ whepUrl, socketUrl }) {
  return {
    createWhep: (handlers) => new WhepPlayer(whepUrl, handlers),
    createSocket: (handlers) => new MediaSocketPlayer(socketUrl, handlers),
    canDecode,
  };
}
