// @ts-check
/** The view in words: connection state, receipt, numbers. Pure. */

/** @typedef {import("./state.js").View} View */
/** @typedef {import("./state.js").Receipt} Receipt */
/** @typedef {import("./protocol.js").Verb} Verb */
/** @typedef {"live" | "paused" | "busy" | "lost"} Tone */
/** @typedef {{tone: Tone, text: string, fraction: number | null}} StatusLine */

/** What is said when a control has been seen to work, before "in 0.9 s". */
const DONE = /** @type {const} */ ({
  steer: "applied",
  cut: "cut",
  seed: "new seed",
  reset: "started over",
  seek: "went there",
  fork: "branched",
  switch: "switched",
  delete: "deleted",
  load: "loaded",
  scenario: "playing",
  blend: "blended",
  schedule: "planned",
  reschedule: "moved",
  unschedule: "cancelled",
});
/** What changes nothing that is seen: how soon it was done is nobody's concern. @type {readonly Verb[]} */
const UNSEEN = ["schedule", "reschedule", "unschedule"];

/**
 * How the page is connected and what the server is doing, the most fundamental trouble first.
 * @param {View} view
 * @returns {StatusLine}
 */
export function statusLine(view) {
  switch (view.socket) {
    case "refused":
      return say("lost", "this page is out of date, please reload it");
    case "waiting":
      return say("lost", `${view.wasEverOpen ? "lost the" : "no"} server, trying again ${inSeconds(view.retryInS)}`);
    case "closed":
      return say("lost", "disconnected");
    case "connecting":
      return say("busy", view.wasEverOpen ? "reconnecting" : "connecting");
    case "open":
      return sessionLine(view);
  }
}

/**
 * The same for those who listen: without numbers that count, which would be read again and again.
 * @param {View} view
 * @returns {string}
 */
export function spokenStatus(view) {
  if (view.socket === "waiting") return `${view.wasEverOpen ? "lost the" : "no"} server, trying again`;
  const progress = view.session?.status === "warming" ? view.session.progress : null;
  return progress === null ? statusLine(view).text : warmingLine({ ...progress, fraction: 0 }).text;
}

/**
 * The last control and how far it got; null when there is none.
 * @param {View} view
 * @returns {{step: Receipt["step"], text: string} | null}
 */
export function receiptLine(view) {
  if (view.notice !== null) return { step: "shown", text: view.notice };
  const receipt = view.receipts.at(-1);
  if (receipt === undefined) return null;
  return { step: receipt.step, text: receiptText(receipt, view.session?.status === "paused") };
}

/**
 * The quiet line: measured frames a second, generation time a chunk, latency of the transport.
 * @param {View} view
 * @returns {string[]} parts, in reading order; unknown numbers are left out
 */
export function statsLine(view) {
  const parts = [];
  // A late chunk makes the server repeat frames: those are shown, but they are not new.
  if (view.fps !== null) parts.push(`${Math.min(view.fps, view.newFps ?? view.fps).toFixed(1)} fps`);
  if (view.chunkMs !== null) parts.push(`${Math.round(view.chunkMs)} ms a chunk${speed(view)}`);
  // From the server to the screen: half a round trip, then from the arrival of a frame to its presentation.
  if (view.fps !== null && view.ageMs !== null) {
    parts.push(`${Math.round((view.roundTripMs ?? 0) / 2 + view.ageMs)} ms latency`);
  }
  return parts;
}

/** @param {import("./protocol.js").LineMessage} line @returns {string} */
function lineText({ place, n_waiting, n_sessions, wait_ms }) {
  const one = "this machine plays one stream at a time, and somebody has it";
  const taken = n_sessions === 1 ? one : `all ${n_sessions} streams of this machine are taken`;
  const ahead = place === 1 ? "you are next in line" : `you are number ${place} of ${n_waiting} in line`;
  return `${taken}: ${ahead}, and yours begins by itself${wait_ms === null ? "" : `, ${inMinutes(wait_ms)}`}`;
}

/** @param {number} ms @returns {string} as coarse as an estimate is */
function inMinutes(ms) {
  const minutes = ms / 60_000;
  if (minutes < 1) return "in less than a minute";
  if (minutes < 1.5) return "in about a minute";
  if (minutes < 90) return `in about ${minutes < 15 ? Math.round(minutes) : 5 * Math.round(minutes / 5)} minutes`;
  return `in about ${Math.round(minutes / 60)} hours`;
}

/** @param {View} view @returns {StatusLine} */
function sessionLine(view) {
  const { session, line, media } = view;
  if (line !== null) return say("busy", lineText(line));
  if (session === null) return say("busy", view.wasEverOpen ? "reconnecting" : "connecting");
  if (session.status === "warming") return warmingLine(session.progress);
  if (session.status === "restarting") {
    return say("busy", "the generator restarted, back in a moment", session.progress?.fraction);
  }
  if (media === "retrying") return say("busy", "the picture stopped, getting it back");
  if (media !== "playing") return say("busy", "connecting the picture");
  if (session.status === "paused") return say("paused", "paused");
  const by = view.way === "WebSocket" ? " over the WebSocket, as no UDP gets through" : "";
  return say("live", `live${by}${session.n_viewers > 1 ? `, ${session.n_viewers} watching` : ""}`);
}

/** @param {import("./protocol.js").Progress | null} progress @returns {StatusLine} */
function warmingLine(progress) {
  if (progress === null) return say("busy", "warming up");
  const stage = progress.stage.startsWith("warming up") ? progress.stage : `warming up: ${progress.stage}`;
  // Stages that cannot be measured stay at nothing; "0 %" would look as if nothing happened.
  if (progress.fraction === 0) return say("busy", stage);
  return say("busy", `${stage}, ${Math.round(progress.fraction * 100)} %`, progress.fraction);
}

/** Below this the words and what was heard are about different things; one in nine sensible prompts lies there too. */
export const FAR_BELOW = 0.36;

/**
 * What to say when a prompt asked for something that the model hardly knows.
 * @param {View} view
 * @returns {string | null} e.g. "The nearest it knows: flying saucer, yellow (32 % alike)."
 */
export function farLine({ understanding, weights }) {
  // Random weights understand nothing, whatever is said.
  if (understanding === null || weights === "random" || understanding.similarity >= FAR_BELOW) return null;
  const { heard, similarity } = understanding;
  if (heard.length === 0) return "None of these words mean anything in this world, so nothing changes.";
  return `The nearest this world has: ${heard.join(", ")} (${Math.round(similarity * 100)} % alike).`;
}

/** @param {View} view @returns {string | null} what must be said of every picture that is shown */
export function weightsLine({ weights }) {
  return weights === "random" ? "Random weights: the pictures mean nothing, the speed does." : null;
}

/** @param {Receipt} receipt @param {boolean} isPaused @returns {string} */
function receiptText({ verb, step, tookMs }, isPaused) {
  if (UNSEEN.includes(verb)) {
    if (step === "applied" || step === "shown") return DONE[verb];
    return isPaused && step === "received" ? "received, counts when it goes on" : step;
  }
  if (tookMs !== null) return `${DONE[verb]} in ${(tookMs / 1000).toFixed(1)} s`;
  return step;
}

/** @param {View} view @returns {string} e.g. ", 2.4x real time" */
function speed({ session, chunkMs }) {
  if (!session?.fps || !session.frames_per_chunk || !chunkMs) return "";
  const mediaMs = (session.frames_per_chunk / session.fps) * 1000;
  return `, ${(mediaMs / chunkMs).toFixed(1)}\u00d7 real time`;
}

/** @param {number | null} seconds */
function inSeconds(seconds) {
  return seconds === null || seconds < 1 ? "now" : `in ${Math.ceil(seconds)} s`;
}

/** @param {Tone} tone @param {string} text @param {number | null} [fraction] @returns {StatusLine} */
function say(tone, text, fraction = null) {
  return { tone, text, fraction };
}
