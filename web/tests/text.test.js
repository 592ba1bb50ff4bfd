// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { INITIAL_VIEW, reduce } from "../state.js";
import { farLine, receiptLine, spokenStatus, statsLine, statusLine, weightsLine } from "../text.js";

/** @typedef {import("../state.js").View} View */
/** @typedef {import("../protocol.js").StateMessage} StateMessage */

/** @type {StateMessage} */
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
/** @type {View} */
const LIVE = { ...INITIAL_VIEW, socket: "open", wasEverOpen: true, session: RUNNING, media: "playing" };

/** @param {Partial<View>} change @param {Partial<StateMessage>} [session] */
const status = (change, session = {}) => {
  const { tone, text } = statusLine({ ...LIVE, session: { ...RUNNING, ...session }, ...change });
  return [tone, text];
};

test("the socket in words", () => {
  assert.deepEqual(status({ socket: "connecting", wasEverOpen: false, session: null }), ["busy", "connecting"]);
  assert.deepEqual(status({ socket: "connecting", session: null }), ["busy", "reconnecting"]);
  assert.deepEqual(status({ socket: "open", session: null, wasEverOpen: false }), ["busy", "connecting"]);
  assert.deepEqual(status({ socket: "waiting", retryInS: 1.2 }), ["lost", "lost the server, trying again in 2 s"]);
  assert.deepEqual(status({ socket: "waiting", retryInS: 0.4 }), ["lost", "lost the server, trying again now"]);
  assert.deepEqual(status({ socket: "waiting", retryInS: 3, wasEverOpen: false }), [
    "lost",
    "no server, trying again in 3 s",
  ]);
  assert.equal(status({ socket: "refused" })[0], "lost");
  assert.equal(status({ socket: "closed" })[0], "lost");
});

test("the session in words", () => {
  assert.deepEqual(status({}), ["live", "live"]);
  assert.deepEqual(status({}, { n_viewers: 3 }), ["live", "live, 3 watching"]);
  assert.deepEqual(status({}, { status: "paused" }), ["paused", "paused"]);
  assert.deepEqual(status({}, { status: "restarting" }), ["busy", "the generator restarted, back in a moment"]);
  assert.deepEqual(status({ media: "connecting" }), ["busy", "connecting the picture"]);
  assert.deepEqual(status({ media: "retrying" }), ["busy", "the picture stopped, getting it back"]);
});

test("warming up says the stage and how far it is, without saying it twice", () => {
  const loading = { stage: "loading the model", fraction: 0.4 };
  const line = statusLine({ ...LIVE, media: "idle", session: { ...RUNNING, status: "warming", progress: loading } });
  assert.deepEqual(line, { tone: "busy", text: "warming up: loading the model, 40 %", fraction: 0.4 });
  const last = { stage: "warming up", fraction: 1 };
  assert.deepEqual(status({}, { status: "warming", progress: last }), ["busy", "warming up, 100 %"]);
  const unmeasured = { stage: "loading the model", fraction: 0 };
  assert.deepEqual(status({}, { status: "warming", progress: unmeasured }), ["busy", "warming up: loading the model"]);
  assert.deepEqual(status({}, { status: "warming" }), ["busy", "warming up"]);
});

test("the receipt line tells the last control", () => {
  assert.equal(receiptLine(LIVE), null);
  const receipt = { id: 1, verb: /** @type {const} */ ("steer"), words: null, sentMs: 0, pts: null, tookMs: null };
  /** @param {Partial<import("../state.js").Receipt>} change */
  const line = (change) => receiptLine({ ...LIVE, receipts: [{ ...receipt, step: "sent", ...change }] });
  assert.deepEqual(line({}), { step: "sent", text: "sent" });
  assert.deepEqual(line({ step: "received" }), { step: "received", text: "received" });
  assert.deepEqual(line({ step: "shown", tookMs: 912 }), { step: "shown", text: "applied in 0.9 s" });
  assert.equal(line({ verb: "cut", step: "shown", tookMs: 600 })?.text, "cut in 0.6 s");
  assert.equal(line({ verb: "seed", step: "shown", tookMs: 1040 })?.text, "new seed in 1.0 s");
});

test("the quiet line shows what was measured, and leaves out what was not", () => {
  assert.deepEqual(statsLine(LIVE), []);
  const measured = { ...LIVE, fps: 15.96, chunkMs: 208.4, ageMs: 31, roundTripMs: 12 };
  assert.deepEqual(statsLine(measured), ["16.0 fps", "208 ms a chunk, 2.4\u00d7 real time", "37 ms latency"]);
  assert.deepEqual(statsLine({ ...measured, session: null, roundTripMs: null }), [
    "16.0 fps",
    "208 ms a chunk",
    "31 ms latency",
  ]);
  assert.equal(statsLine({ ...measured, newFps: 9.5 })[0], "9.5 fps", "repeated frames do not count");
  // While nothing is shown, the last age says nothing.
  assert.deepEqual(statsLine({ ...measured, fps: null }), ["208 ms a chunk, 2.4\u00d7 real time"]);
});

test("a prompt about things that the world lacks is answered with the nearest that it has", () => {
  /** @param {readonly string[]} heard @param {number} similarity */
  const line = (heard, similarity) => farLine({ ...INITIAL_VIEW, understanding: { scene: [], heard, similarity } });
  assert.equal(farLine(INITIAL_VIEW), null);
  assert.equal(line(["night"], 0.67), null);
  assert.equal(line(["flying saucer", "yellow"], 0.244), "The nearest this world has: flying saucer, yellow (24 % alike).");
  assert.match(line([], 0) ?? "", /^None of these words/);
});

test("the line in words", () => {
  /** @param {number} place @param {number} n_waiting @param {number} n_sessions @param {number | null} wait_ms */
  const waiting = (place, n_waiting, n_sessions, wait_ms = null) =>
    statusLine({ ...LIVE, session: null, line: { type: "line", place, n_waiting, n_sessions, wait_ms } }).text;
  assert.match(waiting(1, 3, 1), /one stream at a time.*you are next in line, and yours begins by itself$/);
  const waits = [20_000, 61_000, 110_000, 14.4 * 60_000, 23 * 60_000, 89 * 60_000, 7_300_000].map((ms) => waiting(1, 1, 2, ms));
  assert.deepEqual(waits.map((text) => text.split("by itself, ")[1]), [
    "in less than a minute",
    "in about a minute",
    "in about 2 minutes",
    "in about 14 minutes",
    "in about 25 minutes",
    "in about 90 minutes",
    "in about 2 hours",
  ]);
  assert.match(waiting(2, 3, 4), /all 4 streams.*you are number 2 of 3 in line/);
});

test("what is read aloud does not count down, and does not count up", () => {
  /** @param {number} retryInS */
  const lost = (retryInS) => spokenStatus({ ...LIVE, socket: "waiting", wasEverOpen: true, retryInS });
  assert.equal(lost(4), "lost the server, trying again");
  assert.equal(lost(4), lost(3));
  /** @param {number} fraction */
  const warming = (fraction) =>
    spokenStatus({ ...LIVE, session: { ...RUNNING, status: "warming", progress: { stage: "warming up", fraction } } });
  assert.equal(warming(0.3), "warming up");
  assert.equal(spokenStatus(LIVE), statusLine(LIVE).text);
});

test("random weights are said of every picture, also when the server is gone", () => {
  assert.equal(weightsLine(LIVE), null);
  const view = reduce(INITIAL_VIEW, { type: "message", message: { ...RUNNING, weights: "random" } });
  assert.match(weightsLine(view) ?? "", /Random weights: the pictures mean nothing/);
  assert.notEqual(weightsLine(reduce(view, { type: "socket", state: "waiting", retryInS: 1 })), null);
  const warming = { ...RUNNING, status: /** @type {const} */ ("warming"), weights: null };
  assert.notEqual(weightsLine(reduce(view, { type: "message", message: warming })), null);
});
