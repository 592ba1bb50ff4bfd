// @ts-check
/**
 * The control socket: says hello, parses what comes, and comes back by itself after a loss.
 *
 * States are words: connecting -> open -> waiting (a retry is due) -> connecting ..., closed (by us, for good) and
 * refused (the server speaks another version; no retry will help). Knows nothing of media or the page.
 */

import { retryDelayS } from "./backoff.js";
import { hello, parseServerMessage, ProtocolError } from "./protocol.js";

const OPEN_TIMEOUT_MS = 5000;
const SILENCE_LIMIT_MS = 10000;
const CLOSE_WRONG_VERSION = 4400;

/** @typedef {import("./protocol.js").ServerMessage} ServerMessage */
/** @typedef {import("./protocol.js").Control} Control */
/** @typedef {"connecting" | "open" | "waiting" | "refused" | "closed"} SocketState */
/**
 * @typedef {{
 *   onState: (state: SocketState, retryInS: number | null) => void,
 *   onMessage: (message: ServerMessage) => void,
 *   onProblem: (sentence: string) => void,
 *   wantedSession: () => string | null,
 * }} ConnectionHandlers
 */
/** @typedef {ReturnType<typeof setTimeout>} Timer */

export class Connection {
  /** @type {SocketState} */
  #state = "closed";
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {Timer | undefined} */
  #timer;
  #nFailures = 0;
  #isTrafficExpected = false;
  #url;
  #handlers;
  #createSocket;

  /**
   * @param {string} url
   * @param {ConnectionHandlers} handlers
   * @param {(url: string) => WebSocket} [createSocket]
   */
  constructor(url, handlers, createSocket = (address) => new WebSocket(address)) {
    this.#url = url;
    this.#handlers = handlers;
    this.#createSocket = createSocket;
  }

  /** Connect, and stay connected until close(). */
  start() {
    if (this.#state === "closed") this.#connect();
  }

  /** Try now instead of when the delay is over: the network or the person came back. */
  wake() {
    if (this.#state === "waiting") this.#connect();
  }

  /** @param {Control} control @returns {boolean} whether there was a connection to send it on */
  send(control) {
    if (this.#state !== "open" || this.#socket === null) return false;
    this.#socket.send(JSON.stringify(control));
    return true;
  }

  /** Leave for good. */
  close() {
    this.#drop();
    this.#enter("closed", null);
  }

  #connect() {
    this.#drop();
    this.#enter("connecting", null);
    const socket = this.#createSocket(this.#url);
    this.#socket = socket;
    this.#isTrafficExpected = false;
    this.#timer = setTimeout(() => this.#retry(), OPEN_TIMEOUT_MS);
    socket.onopen = () => {
      clearTimeout(this.#timer);
      socket.send(JSON.stringify(hello(this.#handlers.wantedSession())));
      this.#enter("open", null);
    };
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = (event) => (event.code === CLOSE_WRONG_VERSION ? this.#refuse() : this.#retry());
  }

  /** @param {unknown} data */
  #receive(data) {
    try {
      const message = parseServerMessage(String(data));
      if (message.type === "state") {
        // Only now is it a server that wants us: a full one says so, and closes.
        this.#nFailures = 0;
        this.#isTrafficExpected = message.status === "running";
      }
      if (message.type === "line") this.#nFailures = 0;
      this.#watchSilence();
      this.#handlers.onMessage(message);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      if (error.isFatal) this.#refuse();
      this.#handlers.onProblem(error.message);
    }
  }

  /** A running session sends every chunk; silence means that the far end vanished without a word. */
  #watchSilence() {
    clearTimeout(this.#timer);
    if (this.#isTrafficExpected) this.#timer = setTimeout(() => this.#retry(), SILENCE_LIMIT_MS);
  }

  #refuse() {
    this.#drop();
    this.#enter("refused", null);
  }

  #retry() {
    this.#drop();
    this.#nFailures += 1;
    this.#countDown(retryDelayS(this.#nFailures));
  }

  /** @param {number} leftS */
  #countDown(leftS) {
    if (leftS <= 0) return this.#connect();
    this.#enter("waiting", leftS);
    const stepS = Math.min(leftS, 1);
    this.#timer = setTimeout(() => this.#countDown(leftS - stepS), stepS * 1000);
  }

  /** @param {SocketState} state @param {number | null} retryInS */
  #enter(state, retryInS) {
    this.#state = state;
    this.#handlers.onState(state, retryInS);
  }

  /** Release the socket and the one timer; what the old socket still says is not heard. */
  #drop() {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    if (socket === null) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }
}
