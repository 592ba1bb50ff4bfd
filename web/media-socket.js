// @ts-check
/**
 * Video over a WebSocket, for networks that let no UDP through: the server's coded frames, decoded by WebCodecs.
 *
 * Frames are drawn on a canvas, whose stream the page plays like that of WebRTC. Comes back by itself after a loss.
 * Knows nothing of controls or of the page.
 */

import { retryDelayS } from "./backoff.js";

const HEADER_BYTES = 9;
const KEYFRAME = 1;
const MAX_QUEUED = 8;
const SILENCE_LIMIT_MS = 5000;
const TICKS_PER_MS = 90;

/** @typedef {import("./whep.js").MediaState} MediaState */
/** @typedef {{pts: number, receivedMs: number, shownMs: number}} DrawnFrame */
/**
 * @typedef {{
 *   onState: (state: MediaState) => void, onStream: (stream: MediaStream) => void, onFrame: (frame: DrawnFrame) => void,
 * }} MediaSocketHandlers
 */
/**
 * Where decoded pictures go.
 * @typedef {{stream: MediaStream, draw: (picture: VideoFrame, onShown: (shownMs: number) => void) => void}} Screen
 */
/**
 * @typedef {{
 *   createSocket: (url: string) => WebSocket,
 *   createDecoder: (init: VideoDecoderInit) => VideoDecoder,
 *   createChunk: (init: EncodedVideoChunkInit) => EncodedVideoChunk,
 *   createScreen: (widthPx: number, heightPx: number) => Screen,
 *   nowMs: () => number,
 * }} MediaSocketPlatform
 */

/** @type {MediaSocketPlatform} */
const BROWSER = {
  createSocket: (url) => new WebSocket(url),
  createDecoder: (init) => new VideoDecoder(init),
  createChunk: (init) => new EncodedVideoChunk(init),
  createScreen,
  nowMs: () => performance.now(),
};

/** @returns {boolean} whether this browser can do it here: WebCodecs exist only on https and on this machine */
export function canDecode() {
  return typeof VideoDecoder !== "undefined";
}

export class MediaSocketPlayer {
  /** @type {MediaState} */
  #state = "idle";
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {VideoDecoder | null} */
  #decoder = null;
  /** @type {Screen | null} */
  #screen = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** Arrival of frames that are being decoded, by pts. @type {Map<number, number>} */
  #arrivals = new Map();
  #hasKey = false;
  #nFailures = 0;
  #url;
  #handlers;
  #platform;
  nFrames = 0;
  nBytes = 0;
  nDropped = 0;

  /** @param {string} url @param {MediaSocketHandlers} handlers @param {MediaSocketPlatform} [platform] */
  constructor(url, handlers, platform = BROWSER) {
    this.#url = url;
    this.#handlers = handlers;
    this.#platform = platform;
  }

  /** @returns {MediaState} */
  get state() {
    return this.#state;
  }

  /**
   * Play until stop(). Nothing happens when it is already playing or trying there.
   * @param {string} [url] another one than before
   */
  start(url = this.#url) {
    const isMoved = url !== this.#url;
    this.#url = url;
    if (this.#state === "idle" || isMoved) this.#connect();
  }

  /** Give up on the present connection and make a new one at once. */
  restart() {
    if (this.#state === "idle") return;
    this.#nFailures = 0;
    this.#connect();
  }

  /** Free everything. */
  stop() {
    this.#release();
    this.#enter("idle");
  }

  #connect() {
    this.#release();
    this.#enter("connecting");
    const socket = this.#platform.createSocket(this.#url);
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => (typeof data === "string" ? this.#begin(data) : this.#take(data));
    socket.onclose = () => this.#fail();
    this.#socket = socket;
    this.#watchSilence();
  }

  /** @param {string} text what the server says of its frames */
  #begin(text) {
    const { codec, width_px: widthPx, height_px: heightPx } = JSON.parse(text);
    this.#screen = this.#platform.createScreen(widthPx, heightPx);
    this.#decoder = this.#platform.createDecoder({ output: (frame) => this.#show(frame), error: () => this.#fail() });
    this.#decoder.configure({ codec, codedWidth: widthPx, codedHeight: heightPx, optimizeForLatency: true });
    this.#nFailures = 0;
    this.#enter("playing");
    this.#handlers.onStream(this.#screen.stream);
  }

  /** @param {ArrayBuffer} data a header and a frame */
  #take(data) {
    const decoder = this.#decoder;
    if (decoder === null) return;
    this.#watchSilence();
    const header = new DataView(data, 0, HEADER_BYTES);
    const isKey = (header.getUint8(0) & KEYFRAME) !== 0;
    const pts = Number(header.getBigUint64(1));
    this.nFrames += 1;
    this.nBytes += data.byteLength;
    if (decoder.decodeQueueSize >= MAX_QUEUED) this.#hasKey = false;
    if (!isKey && !this.#hasKey) return this.#skip();
    this.#hasKey = true;
    this.#arrivals.set(pts, this.#platform.nowMs());
    decoder.decode(
      this.#platform.createChunk({
        type: isKey ? "key" : "delta",
        timestamp: Math.round((pts / TICKS_PER_MS) * 1000),
        data: new Uint8Array(data, HEADER_BYTES),
      }),
    );
  }

  /** A frame that cannot be decoded without the one that is missing. */
  #skip() {
    this.nDropped += 1;
    this.#socket?.send(JSON.stringify({ type: "keyframe" }));
  }

  /** @param {VideoFrame} picture */
  #show(picture) {
    const pts = Math.round((picture.timestamp / 1000) * TICKS_PER_MS);
    const receivedMs = this.#arrivals.get(pts) ?? this.#platform.nowMs();
    // Frames come out in order: those before this one will not come any more.
    for (const early of this.#arrivals.keys()) if (early <= pts) this.#arrivals.delete(early);
    this.#screen?.draw(picture, (shownMs) => this.#handlers.onFrame({ pts, receivedMs, shownMs }));
    picture.close();
  }

  #watchSilence() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#fail(), SILENCE_LIMIT_MS);
  }

  #fail() {
    if (this.#socket === null) return;
    this.#release();
    this.#nFailures += 1;
    this.#timer = setTimeout(() => this.#connect(), retryDelayS(this.#nFailures) * 1000);
    this.#enter("retrying");
  }

  #release() {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    if (socket !== null) {
      socket.onmessage = socket.onclose = null;
      socket.close();
    }
    if (this.#decoder !== null && this.#decoder.state !== "closed") this.#decoder.close();
    this.#decoder = this.#screen = null;
    this.#arrivals.clear();
    this.#hasKey = false;
  }

  /** @param {MediaState} state */
  #enter(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.#handlers.onState(state);
  }
}

/** A canvas off the page, and the stream of what is drawn on it. @param {number} widthPx @param {number} heightPx @returns {Screen} */
function createScreen(widthPx, heightPx) {
  const canvas = document.createElement("canvas");
  canvas.width = widthPx;
  canvas.height = heightPx;
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("this browser draws on no canvas");
  return {
    stream: canvas.captureStream(),
    draw: (picture, onShown) => {
      context.drawImage(picture, 0, 0, widthPx, heightPx);
      // What was drawn before a refresh is shown by it.
      requestAnimationFrame(() => onShown(performance.now()));
    },
  };
}
