// @ts-check
/**
 * Everything the page shows, as one value, and the only function that changes it. Pure; times are passed in.
 *
 * The server's last `state` message is the truth about the session; this page adds what it asked for (receipts),
 * what it measured (stats) and how it is connected.
 */

import { percents } from "./plans.js";

/** @typedef {import("./protocol.js").StateMessage} StateMessage */
/** @typedef {import("./protocol.js").LineMessage} LineMessage */
/** @typedef {import("./protocol.js").ServerMessage} ServerMessage */
/** @typedef {import("./protocol.js").Verb} Verb */
/** @typedef {import("./connection.js").SocketState} SocketState */
/** @typedef {import("./whep.js").MediaState} MediaState */

/** @typedef {Exclude<Verb, "pause" | "resume" | "record" | "keep">} ReceiptVerb */
/** @typedef {"sent" | "received" | "applied" | "shown"} Step */
/**
 * One control on its way; `words` if it says some, `pts` (90 kHz media time) from applied on, `tookMs` once its first frame
 * was on the screen.
 * @typedef {{
 *   id: number, verb: ReceiptVerb, words: string | null, step: Step, sentMs: number, pts: number | null, tookMs: number | null,
 * }} Receipt
 */
/**
 * @typedef {{
 *   socket: SocketState, retryInS: number | null, wasEverOpen: boolean,
 *   session: StateMessage | null, line: LineMessage | null, media: MediaState, way: import("./media.js").Way,
 *   timeline: import("./protocol.js").TimelineMessage | null,
 *   caption: string, understanding: import("./protocol.js").Understanding | null, blend: number, chunkMs: number | null, newFps: number | null,
 *   receipts: readonly Receipt[], problem: string | null, notice: string | null,
 *   fps: number | null, ageMs: number | null, roundTripMs: number | null,
 *   isSmooth: boolean, weights: import("./protocol.js").Weights | null,
 * }} View
 */
/**
 * @typedef {{type: "socket", state: SocketState, retryInS: number | null}
 *   | {type: "media", state: MediaState, way: import("./media.js").Way}
 *   | {type: "message", message: ServerMessage}
 *   | {type: "sent", id: number, verb: Verb, words?: string | null, nowMs: number}
 *   | {type: "shown", id: number, shownMs: number}
 *   | {type: "problem", sentence: string}
 *   | {type: "notice", text: string}
 *   | {type: "stats", fps: number | null, ageMs: number | null, roundTripMs: number | null}
 *   | {type: "smooth", isSmooth: boolean}} Action
 */

/** Receipts kept; a person does not type faster than this many a chunk. */
export const MAX_RECEIPTS = 8;

/** Said when something is asked for without a connection; forgotten as soon as there is one. */
export const NOT_SENT = "There is no connection to the server now, so nothing was sent.";
const NOT_CONFIRMED = "The connection dropped before your last change was confirmed; send it again.";

/** @type {View} */
export const INITIAL_VIEW = {
  socket: "connecting",
  retryInS: null,
  wasEverOpen: false,
  session: null,
  line: null,
  media: "idle",
  way: "WebRTC",
  timeline: null,
  caption: "",
  understanding: null,
  blend: 1,
  chunkMs: null,
  newFps: null,
  receipts: [],
  problem: null,
  notice: null,
  fps: null,
  ageMs: null,
  roundTripMs: null,
  isSmooth: false,
  weights: null,
};

/**
 * @param {View} view
 * @param {Action} action
 * @returns {View} a new value; the old one is not changed
 */
export function reduce(view, action) {
  switch (action.type) {
    case "socket":
      return reduceSocket(view, action.state, action.retryInS);
    case "media":
      return { ...view, media: action.state, way: action.way };
    case "message":
      return reduceMessage(view, action.message);
    case "sent":
      return reduceSent(view, action);
    case "shown":
      return advance(view, action.id, (receipt) => ({
        ...receipt,
        step: "shown",
        tookMs: action.shownMs - receipt.sentMs,
      }));
    case "problem":
      return { ...view, problem: action.sentence, notice: null };
    case "notice":
      return { ...view, problem: null, notice: action.text };
    case "stats":
      return { ...view, fps: action.fps, ageMs: action.ageMs, roundTripMs: action.roundTripMs };
    case "smooth":
      return { ...view, isSmooth: action.isSmooth };
  }
}

/** @param {View} view @returns {readonly Receipt[]} applied, and not yet seen on the screen */
export function awaitedReceipts(view) {
  return view.receipts.filter(({ step }) => step === "applied");
}

/** @param {import("./protocol.js").Control} control @returns {string | null} what it asks for now, in a line */
export function wordsIn(control) {
  if (control.type === "steer" || control.type === "cut") return control.prompt;
  if (control.type !== "blend") return null;
  const shares = percents(control.parts.map(([, weight]) => weight));
  return control.parts.map(([prompt], k) => `${shares[k]} % ${prompt}`).join(" + ");
}

/** @param {View} view @param {SocketState} socket @param {number | null} retryInS @returns {View} */
function reduceSocket(view, socket, retryInS) {
  const isOpen = socket === "open";
  const next = { ...view, socket, retryInS, wasEverOpen: view.wasEverOpen || isOpen };
  if (isOpen) return { ...next, problem: view.problem === NOT_SENT ? null : view.problem };
  if (view.socket !== "open") return next;
  const isUnsettled = view.receipts.some(({ step }) => step === "sent" || step === "received");
  const problem = isUnsettled ? NOT_CONFIRMED : view.problem;
  return { ...next, receipts: [], session: null, line: null, chunkMs: null, newFps: null, problem };
}

/** @param {View} view @param {Extract<Action, {type: "sent"}>} action @returns {View} */
function reduceSent(view, { id, verb, words = null, nowMs }) {
  // Pausing has no first frame to wait for; the session's status is its receipt.
  if (verb === "pause" || verb === "resume" || verb === "record" || verb === "keep") return { ...view, problem: null, notice: null };
  /** @type {Receipt} */
  const receipt = { id, verb, words, step: "sent", sentMs: nowMs, pts: null, tookMs: null };
  return { ...view, problem: null, notice: null, receipts: [...view.receipts, receipt].slice(-MAX_RECEIPTS) };
}

/** @param {View} view @param {ServerMessage} message @returns {View} */
function reduceMessage(view, message) {
  switch (message.type) {
    case "state":
      // Chunks tell what is on the screen; before the first one, the session's prompt is the best guess.
      return {
        ...view,
        session: message,
        line: null,
        caption: view.caption || message.prompt,
        // The last picture stays when the server goes, and with it what was said of it.
        weights: message.weights ?? view.weights,
      };
    case "received":
      return advance(view, message.id, (receipt) =>
        receipt.step === "sent" ? { ...receipt, step: "received" } : receipt,
      );
    case "applied":
      return advance(view, message.id, (receipt) => ({ ...receipt, step: "applied", pts: message.pts }));
    case "chunk":
      return {
        ...view,
        caption: message.prompt,
        understanding: message.understanding,
        blend: message.blend,
        chunkMs: message.total_ms,
        newFps: message.fps,
      };
    case "line":
      return { ...view, session: null, line: message };
    case "recording":
      return view; // recorder.js shows it
    case "moving":
      return view; // the player follows it; a person sees nothing of it
    case "timeline":
      return { ...view, timeline: message };
    case "error":
      return {
        ...view,
        problem: message.message,
        receipts: view.receipts.filter(({ id }) => id !== message.id),
      };
  }
}

/** @param {View} view @param {number} id @param {(receipt: Receipt) => Receipt} change @returns {View} */
function advance(view, id, change) {
  return { ...view, receipts: view.receipts.map((receipt) => (receipt.id === id ? change(receipt) : receipt)) };
}
