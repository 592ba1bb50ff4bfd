// @ts-check
/** Wires the page, the control socket and the media together: one view, one dispatch, everything freed on pagehide. */

import { Ambience } from "./ambience.js";
import { Connection } from "./connection.js";
import { copy, copyLink, download, load, loadKept, tellSeen } from "./files.js";
import { PromptHistory } from "./history.js";
import { Hud } from "./hud.js";
import { Jumps } from "./jumps.js";
import { KeyList } from "./key-list.js";
import { listed, listenToKeys } from "./keys.js";
import { MediaPlayer } from "./media.js";
import { fromHash } from "./past.js";
import { readPreference, writePreference } from "./preferences.js";
import { Presented } from "./presented.js";
import { Recorder } from "./recorder.js";
import { addressOf, invitation, keepSession, takeLinkedFile, wantedSession } from "./session.js";
import { awaitedReceipts, INITIAL_VIEW, NOT_SENT, reduce, wordsIn } from "./state.js";
import { StallDetector } from "./stats.js";
import { switchTheme, theme } from "./theme.js";
import { Page, toggleFullScreen } from "./ui.js";

/** @typedef {import("./protocol.js").Control} Control */
/** @typedef {import("./protocol.js").ServerMessage} ServerMessage */

const STATS_PERIOD_MS = 1000;
const AMBIENCE_PERIOD_MS = 200;
const CALM_AMBIENCE_PERIOD_MS = 2000;
const STALL_LIMIT_MS = 3000;
const GONE = "The stream of that link has ended; this is one of your own.";

let view = INITIAL_VIEW;
let lastId = 0;
/** Whose films are listed. @type {string | null} */
let filmedSession = null;
/** @type {import("./stats.js").Reception | null} */
let lastReception = null;
/** @type {ReturnType<typeof setInterval>[]} */
let timers = [];

const stall = new StallDetector(STALL_LIMIT_MS);
const jumps = new Jumps();
const said = new PromptHistory({
  read: () => readPreference("prompts"),
  write: (text) => writePreference("prompts", text),
});
const page = new Page(said, {
  onPrompt: steer,
  onPause: togglePause,
  onSeed: changeSeed,
  onReset: () => control({ type: "reset", id: nextId() }),
  onSmooth: toggleSmooth,
  onTheme: switchTheme,
  onKeys: () => keyList.open(),
  onSeek: seek,
  onFork: (chunkIndex) =>
    control({ type: "fork", id: nextId(), ...(chunkIndex === null ? {} : { chunk_index: chunkIndex }) }),
  onSwitch: (branchId) => control({ type: "switch", id: nextId(), branch_id: branchId }),
  onDelete: (branchId) => control({ type: "delete", id: nextId(), branch_id: branchId }),
  onSchedule: (words, verb, chunkIndex) =>
    control({ type: "schedule", id: nextId(), chunk_index: chunkIndex, verb, ...words, ...(verb === "cut" ? {} : page.pace) }),
  onReschedule: (planId, chunkIndex) =>
    control({ type: "reschedule", id: nextId(), plan_id: planId, chunk_index: chunkIndex }),
  onUnschedule: (planId) => control({ type: "unschedule", id: nextId(), plan_id: planId }),
  onBlend: (parts) => control({ type: "blend", id: nextId(), parts, ...page.pace }),
  onProblem: (sentence) => dispatch({ type: "problem", sentence }),
  onSave: save,
  onLoad: (file) =>
    attempt(async () => {
      const loaded = await load(file, view.session?.state_bytes ?? null, sessionId());
      control({ ...loaded, id: nextId() });
    }),
  onLink: shareLink,
  onInvite: () => attempt(async () => sayCopied("invitation", await copy(invitation(sessionId())))),
});
const ambience = new Ambience(page.video, page.still, page.glow, () => theme() === "light");
const presented = new Presented(
  page.video,
  () => awaitedReceipts(view),
  (id, shownMs) => dispatch({ type: "shown", id, shownMs }),
  (pts, photonMs) => {
    if (view.session !== null) tellSeen(pts, photonMs, view.session.session);
  },
);
const connection = new Connection(endpoint("ws", "ws"), {
  onState: (state, retryInS) => dispatch({ type: "socket", state, retryInS }),
  onMessage: receive,
  onProblem: (sentence) => dispatch({ type: "problem", sentence }),
  wantedSession,
});
const player = new MediaPlayer(
  mediaUrls(null),
  { onState: followMedia, onStream: play, onFrame: (frame) => presented.noteDrawn(frame), onBlocked: sayBlocked },
);
const hud = new Hud(page.hud, page.stats, (path) => addressOf(path, view.session?.session ?? null).href, facts);
const recorder = new Recorder(page.recorder, {
  onRecord: (action) => control({ type: "record", id: nextId(), action }),
  onKeep: () => control({ type: "keep", id: nextId() }),
  href: (path) => new URL(path, document.baseURI).href,
});
/** @type {import("./keys.js").Actions} */
const actions = {
  pause: togglePause,
  seed: changeSeed,
  plan: () => page.planner.toggle(),
  back: () => jump("back"),
  on: () => jump("on"),
  farBack: () => jump("farBack"),
  farOn: () => jump("farOn"),
  first: () => jump("first"),
  last: () => jump("last"),
  fork: () => control({ type: "fork", id: nextId() }),
  save: () => save("session"),
  link: shareLink,
  prompt: () => page.focusPrompt(),
  full: toggleFullScreen,
  smooth: toggleSmooth,
  theme: switchTheme,
  profile: () => hud.toggle(),
  record: () => recorder.toggle(),
  list: () => keyList.open(),
  close: () => (hud.isOpen ? hud.toggle() : page.planner.close()),
};
const keyList = new KeyList(page.keyList, listed(actions), () => said.forget());

listenToKeys(actions);
window.addEventListener("pagehide", stop);
window.addEventListener("pageshow", (event) => event.persisted && start());
window.addEventListener("online", () => connection.wake());
document.addEventListener("visibilitychange", () => document.hidden || connection.wake());
dispatch({ type: "smooth", isSmooth: readPreference("smooth") === "yes" });
start();

function start() {
  const isCalm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  connection.start();
  timers = [
    setInterval(measure, STATS_PERIOD_MS),
    setInterval(() => document.hidden || ambience.update(), isCalm ? CALM_AMBIENCE_PERIOD_MS : AMBIENCE_PERIOD_MS),
  ];
}

function stop() {
  timers.forEach(clearInterval);
  hud.stop();
  connection.close();
  player.stop();
}

/** @param {import("./state.js").Action} action */
function dispatch(action) {
  view = reduce(view, action);
  page.render(view);
}

/** @param {import("./whep.js").MediaState} state @param {import("./media.js").Way} way */
function followMedia(state, way) {
  dispatch({ type: "media", state, way });
  if (state === "idle") presented.leave();
  // A server that does not answer on the socket will not answer here; its next state starts media again.
  if (state === "retrying" && view.session === null) player.stop();
}

/** @param {ServerMessage} message */
function receive(message) {
  const isBack = view.session?.status === "restarting" && message.type === "state" && message.status === "running";
  dispatch({ type: "message", message });
  const nowMs = performance.now();
  if (message.type === "chunk") presented.noteChunk(message.pts, nowMs);
  if (message.type === "received") presented.latency.received(message.id, nowMs);
  if (message.type === "error" && message.id !== null) presented.latency.forget(message.id);
  if (message.type === "applied") presented.expect(message.id, nowMs);
  // Media exists only once there is a session and the model is loaded.
  if (message.type === "line") player.stop();
  if (message.type === "moving") player.move(message.place, message.is_gone);
  if (message.type === "recording") recorder.note(message);
  if (message.type !== "state") return;
  if (filmedSession !== message.session) recorder.clear();
  filmedSession = message.session;
  if (!keepSession(message.session)) dispatch({ type: "problem", sentence: GONE });
  if (message.status === "warming") player.stop();
  else player.start(mediaUrls(message.session));
  if (isBack) player.wake();
  if (message.status === "running" || message.status === "paused") attempt(playLink);
}

/** Play what the address asks for, once: a session file of this server, or a scenario. */
async function playLink() {
  const file = takeLinkedFile();
  if (file !== null) control({ ...(await loadKept(file, sessionId())), id: nextId() });
  const { hash, pathname, search } = window.location;
  if (hash === "") return;
  history.replaceState(null, "", pathname + search);
  const scenario = fromHash(hash);
  if (scenario !== null) control({ type: "scenario", id: nextId(), scenario });
}

/** @param {string} what @param {boolean} isCopied */
function sayCopied(what, isCopied) {
  const text = isCopied ? `${what} copied` : `copying is not allowed here; the ${what} is in the address`;
  dispatch({ type: "notice", text });
}

/** @returns {string} @throws {Error} when this page is in none */
function sessionId() {
  if (view.session === null) throw new Error(NOT_SENT);
  return view.session.session;
}

/** @param {() => Promise<void>} action whose error is a sentence for people */
async function attempt(action) {
  try {
    await action();
  } catch (error) {
    dispatch({ type: "problem", sentence: error instanceof Error ? error.message : String(error) });
  }
}

/** @param {"steer" | "cut"} verb @param {string} prompt */
function steer(verb, prompt) {
  if (prompt.trim() === "") {
    dispatch({ type: "problem", sentence: "The box is empty; say what you would like to see." });
    return;
  }
  if (verb === "cut") control({ type: verb, id: nextId(), prompt: prompt.trim() });
  else control({ type: verb, id: nextId(), prompt: prompt.trim(), ...page.pace });
}

function togglePause() {
  control({ type: view.session?.status === "paused" ? "resume" : "pause", id: nextId() });
}

function changeSeed() {
  control({ type: "seed", id: nextId(), seed: crypto.getRandomValues(new Uint32Array(1))[0] });
}

/** @param {number} chunkIndex of a moment */
function seek(chunkIndex) {
  control({ type: "seek", id: nextId(), chunk_index: chunkIndex });
}

/** @param {import("./jumps.js").Jump} how */
function jump(how) {
  const chunkIndex = jumps.target(view, how, performance.now());
  if (typeof chunkIndex === "number") seek(chunkIndex);
  else dispatch({ type: "notice", text: chunkIndex });
}

/** @param {"session" | "scenario"} kind */
function save(kind) {
  return attempt(() => download(kind === "session" ? "session.lgs" : "scenario.json", sessionId()));
}

function shareLink() {
  return attempt(async () => sayCopied("link", await copyLink(sessionId())));
}

/** @param {Control} message */
function control(message) {
  if (!connection.send(message)) {
    dispatch({ type: "problem", sentence: NOT_SENT });
    return;
  }
  const nowMs = performance.now();
  if (message.type === "steer" || message.type === "cut") presented.latency.sent(message.id, nowMs);
  dispatch({ type: "sent", id: message.id, verb: message.type, words: wordsIn(message), nowMs });
}

function nextId() {
  lastId += 1;
  return lastId;
}

/** @param {MediaStream} stream */
function play(stream) {
  stall.reset();
  presented.play(stream);
}

/** Once a second: what is shown and received, and whether it stopped. */
async function measure() {
  const { nArrived, roundTripMs, reception } = await player.report();
  lastReception = reception;
  const nowMs = performance.now();
  // A held picture is repeated now and then; that says nothing about the stream.
  const { meter } = presented;
  if (view.session?.status !== "running") meter.reset();
  dispatch({ type: "stats", fps: meter.fps(nowMs), ageMs: meter.ageMs, roundTripMs });
  // Without a session nobody knows whether media is due: the silence is timed, and judged when the server is back.
  const isDue = view.session === null || view.session.status === "running";
  if (player.state !== "playing" || !isDue) stall.reset();
  else if (stall.isStalled(nArrived, nowMs) && view.session !== null) player.restart();
}

/** What this page knows about the way of the video. @returns {import("./hud.js").Facts} */
function facts() {
  const { fps, frames_per_chunk: nFrames } = view.session ?? {};
  return {
    latency: presented.latency.summary(),
    reception: lastReception,
    chunkMs: fps && nFrames ? (1000 * nFrames) / fps : null,
    way: player.way,
  };
}

function sayBlocked() {
  const sentence = "No video gets through: the network blocks UDP, and without https this browser takes it no other way.";
  dispatch({ type: "problem", sentence });
}

function toggleSmooth() {
  dispatch({ type: "smooth", isSmooth: !view.isSmooth });
  writePreference("smooth", view.isSmooth ? "yes" : "no");
}

/** @param {string | null} session @returns {import("./media.js").MediaUrls} */
function mediaUrls(session) {
  const socketUrl = addressOf("media", session);
  socketUrl.protocol = socketUrl.protocol.replace("http", "ws");
  return { whepUrl: addressOf("whep", session).href, socketUrl: socketUrl.href };
}

/** @param {string} path @param {"ws" | "http"} scheme @returns {string} beside this page, wherever it is mounted */
function endpoint(path, scheme) {
  const url = new URL(path, document.baseURI);
  if (scheme === "ws") url.protocol = url.protocol.replace("http", "ws");
  return url.href;
}
