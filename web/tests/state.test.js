// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { awaitedReceipts, INITIAL_VIEW, MAX_RECEIPTS, NOT_SENT, reduce } from "../state.js";

/** @typedef {import("../state.js").Action} Action */
/** @typedef {import("../state.js").View} View */

/** @type {import("../protocol.js").StateMessage} */
const RUNNING = {
  type: "state",
  status: "running",
  progress: null,
  prompt: "dunes",
  seed: 1,
  n_viewers: 1,
  fps: 16,
  width_px: 128,
  height_px: 128,
  frames_per_chunk: 8,
  state_bytes: 1000,
  session: "abc",
  transition_chunks: 2,
  weights: "trained",
};
/** @type {Action[]} */
const OPENED = [
  { type: "socket", state: "open", retryInS: null },
  { type: "message", message: RUNNING },
];

/** @param {Action[]} actions @param {View} [from] @returns {View} */
const after = (actions, from = INITIAL_VIEW) => actions.reduce(reduce, from);

/** @param {number} id @param {number} [nowMs] @returns {Action} */
const sent = (id, nowMs = 0) => ({ type: "sent", id, verb: "steer", nowMs });

test("a control goes from sent over received and applied to shown, with the time it took", () => {
  let view = after([...OPENED, sent(1, 1000)]);
  assert.equal(view.receipts[0].step, "sent");
  view = reduce(view, { type: "message", message: { type: "received", id: 1 } });
  assert.equal(view.receipts[0].step, "received");
  assert.deepEqual(awaitedReceipts(view), []);
  view = reduce(view, { type: "message", message: { type: "applied", id: 1, chunk_index: 4, pts: 180000 } });
  assert.deepEqual(awaitedReceipts(view).map(({ id, pts }) => [id, pts]), [[1, 180000]]);
  view = reduce(view, { type: "shown", id: 1, shownMs: 1900 });
  assert.deepEqual([view.receipts[0].step, view.receipts[0].tookMs], ["shown", 900]);
});

test("a late received does not undo applied, and receipts of others are ignored", () => {
  const view = after([
    ...OPENED,
    sent(1),
    { type: "message", message: { type: "applied", id: 1, chunk_index: 0, pts: 0 } },
    { type: "message", message: { type: "received", id: 1 } },
    { type: "message", message: { type: "received", id: 99 } },
  ]);
  assert.deepEqual(view.receipts.map(({ step }) => step), ["applied"]);
});

test("receipts are bounded, and pausing leaves none", () => {
  const many = after([...OPENED, ...Array.from({ length: 30 }, (_, index) => sent(index))]);
  assert.equal(many.receipts.length, MAX_RECEIPTS);
  assert.equal(many.receipts.at(-1)?.id, 29);
  const paused = after([...OPENED, { type: "sent", id: 1, verb: "pause", nowMs: 0 }]);
  assert.deepEqual(paused.receipts, []);
});

test("an error is kept until something else is asked for, and settles its control", () => {
  /** @type {Action} */
  const refused = { type: "message", message: { type: "error", code: "empty", message: "Say something.", id: 1 } };
  const view = after([...OPENED, sent(1), sent(2), refused]);
  assert.equal(view.problem, "Say something.");
  assert.deepEqual(view.receipts.map(({ id }) => id), [2]);
  assert.equal(reduce(view, sent(3)).problem, null);
});

test("the caption is what plays: the session's prompt first, then that of each chunk", () => {
  let view = after(OPENED);
  assert.equal(view.caption, "dunes");
  const understanding = { scene: ["desert", "night"], heard: ["night"], similarity: 1 };
  const chunk = { chunk_index: 1, pts: 0, prompt: "night", blend: 0.5, total_ms: 200, fps: 15, understanding, weights: /** @type {const} */ ("trained") };
  view = reduce(view, { type: "message", message: { type: "chunk", ...chunk } });
  view = reduce(view, { type: "message", message: { ...RUNNING, prompt: "fog" } });
  assert.deepEqual([view.caption, view.blend, view.chunkMs, view.newFps], ["night", 0.5, 200, 15]);
  assert.deepEqual(view.understanding, understanding);
});

test("losing the socket forgets the session and says what was not confirmed", () => {
  /** @type {Action} */
  const lost = { type: "socket", state: "waiting", retryInS: 1 };
  const view = after([...OPENED, sent(1), lost]);
  assert.equal(view.session, null);
  assert.deepEqual(view.receipts, []);
  assert.match(view.problem ?? "", /send it again/);
  assert.equal(view.wasEverOpen, true);
  assert.equal(after([...OPENED, lost]).problem, null);
  // Counting down is not another loss, and the sentence survives the way back.
  const back = after([{ type: "socket", state: "waiting", retryInS: 0.5 }, ...OPENED], view);
  assert.equal(back.problem, view.problem);
});

test("that nothing was sent is forgotten once there is a connection", () => {
  const view = after([{ type: "problem", sentence: NOT_SENT }]);
  assert.equal(view.problem, NOT_SENT);
  assert.equal(after(OPENED, view).problem, null);
});

test("media, stats and smooth are taken over, and the old view is not changed", () => {
  const view = after([
    { type: "media", state: "playing", way: "WebRTC" },
    { type: "stats", fps: 16, ageMs: 30, roundTripMs: 2 },
    { type: "smooth", isSmooth: true },
  ]);
  assert.deepEqual([view.media, view.fps, view.ageMs, view.roundTripMs, view.isSmooth], ["playing", 16, 30, 2, true]);
  assert.equal(INITIAL_VIEW.isSmooth, false);
});

test("who waits in line has no session until there is room", () => {
  const line = /** @type {const} */ ({ type: "line", place: 2, n_waiting: 2, n_sessions: 3, wait_ms: null });
  let view = after([...OPENED, { type: "message", message: line }]);
  assert.equal(view.session, null);
  assert.deepEqual(view.line, line);
  view = reduce(view, { type: "message", message: RUNNING });
  assert.equal(view.line, null);
  assert.equal(view.session?.session, "abc");
  view = after([{ type: "message", message: line }, { type: "socket", state: "waiting", retryInS: 1 }], view);
  assert.equal(view.line, null);
});
