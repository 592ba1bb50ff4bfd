// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { hello, parseServerMessage, ProtocolError } from "../protocol.js";

const STATE = {
  type: "state",
  version: 1,
  status: "running",
  prompt: "night now",
  seed: 7,
  fps: 16,
  width_px: 128,
  height_px: 128,
  frames_per_chunk: 8,
  chunk_index: 3,
  n_viewers: 2,
  model: { name: "vista" },
  session: "abc",
  transition_chunks: 2,
  weights: "trained",
};

/** @param {object} message */
const parse = (message) => parseServerMessage(JSON.stringify(message));

test("a state is read, and what this page does not use is left out", () => {
  assert.deepEqual(parse(STATE), {
    type: "state",
    status: "running",
    progress: null,
    prompt: "night now",
    seed: 7,
    n_viewers: 2,
    fps: 16,
    width_px: 128,
    height_px: 128,
    frames_per_chunk: 8,
    state_bytes: null,
    session: "abc",
    transition_chunks: 2,
    weights: "trained",
  });
  const large = parse({ ...STATE, model: { name: "vista", state_bytes: 1500 } });
  assert.equal(large.type === "state" && large.state_bytes, 1500);
});

test("a state without a loaded model has progress and no numbers of the video", () => {
  const { fps, width_px, height_px, frames_per_chunk, model, weights, ...early } = STATE;
  const message = parse({ ...early, status: "warming", progress: { stage: "loading the model", fraction: 0.4 } });
  assert.equal(message.type, "state");
  assert.deepEqual(message.type === "state" && message.progress, { stage: "loading the model", fraction: 0.4 });
  assert.deepEqual(message.type === "state" && [message.fps, message.weights], [null, null]);
});

test("a line is read", () => {
  const line = { type: "line", place: 2, n_waiting: 5, n_sessions: 3 };
  assert.deepEqual(parse(line), { ...line, wait_ms: null });
  assert.deepEqual(parse({ ...line, wait_ms: 90_000 }), { ...line, wait_ms: 90_000 });
  assert.throws(() => parse({ ...line, place: "2" }), ProtocolError);
  assert.throws(() => parse({ ...line, wait_ms: "soon" }), ProtocolError);
});

test("a move is read, and half of one is not", () => {
  for (const move of [{ place: "x7", is_gone: false }, { place: "", is_gone: true }]) {
    assert.deepEqual(parse({ type: "moving", ...move }), { type: "moving", ...move });
  }
  assert.throws(() => parse({ type: "moving", place: null, is_gone: true }), ProtocolError);
  assert.throws(() => parse({ type: "moving", place: "x7", is_gone: "no" }), ProtocolError);
  assert.throws(() => parse({ type: "moving", place: "x7" }), ProtocolError);
});

test("receipts, chunks and errors are read", () => {
  assert.deepEqual(parse({ type: "received", id: 4 }), { type: "received", id: 4 });
  assert.deepEqual(parse({ type: "applied", id: 4, chunk_index: 9, pts: 405000 }), {
    type: "applied",
    id: 4,
    chunk_index: 9,
    pts: 405000,
  });
  const chunk = { type: "chunk", chunk_index: 9, pts: 405000, prompt: "fog", blend: 0.5 };
  const profile = { total_ms: 210.5, spans_ms: { denoise: 150 } };
  const understanding = { scene: ["sea", "fog"], heard: ["fog"], similarity: 0.7 };
  assert.deepEqual(parse({ ...chunk, profile, buffer_ms: 500, fps: 16, understanding, weights: "random" }), {
    ...chunk,
    total_ms: 210.5,
    fps: 16,
    understanding,
    weights: "random",
  });
  const borrowed = { ...chunk, profile, fps: 16, understanding, weights: "borrowed" };
  assert.throws(() => parse(borrowed), { message: /"borrowed"; this page knows trained and random/ });
  const odd = { ...understanding, scene: ["sea", 3] };
  assert.throws(() => parse({ ...chunk, profile, fps: 16, understanding: odd }), { message: /"scene".*a list of texts/ });
  assert.deepEqual(parse({ type: "error", code: "bad_json", message: "Not JSON." }), {
    type: "error",
    code: "bad_json",
    message: "Not JSON.",
    id: null,
  });
});

test("an unknown type throws, also one that every object has", () => {
  assert.throws(() => parse({ type: "toast" }), { name: "ProtocolError", message: /"toast"/, isFatal: false });
  assert.throws(() => parse({ type: "constructor" }), ProtocolError);
});

test("a field that is missing or of another kind throws and is named", () => {
  const { prompt, ...without } = STATE;
  assert.throws(() => parse(without), { message: /"prompt" of the message is nothing/ });
  assert.throws(() => parse({ ...STATE, seed: "7" }), { message: /"seed".*"7".*a number/ });
  assert.throws(() => parse({ ...STATE, status: "asleep" }), { message: /"asleep"/ });
  assert.throws(() => parse({ ...STATE, progress: { stage: "x" } }), { message: /"fraction" of "progress"/ });
  assert.throws(() => parse({ ...STATE, type: "chunk", pts: 0, blend: 1, profile: 3 }), { message: /"profile"/ });
});

test("text that is no JSON object throws", () => {
  assert.throws(() => parseServerMessage("<html>"), { name: "ProtocolError", message: /6 characters/ });
  assert.throws(() => parseServerMessage("[1]"), ProtocolError);
  assert.throws(() => parseServerMessage("null"), ProtocolError);
});

test("another protocol version is fatal, and says both numbers", () => {
  assert.throws(() => parse({ ...STATE, version: 2 }), { isFatal: true, message: /version 2.*version 1/ });
});

test("hello carries the version", () => {
  assert.deepEqual(hello(null), { type: "hello", version: 1 });
  assert.deepEqual(hello("abc"), { type: "hello", version: 1, session: "abc" });
});

/**
 * Never called: that this compiles is the test. What the page says is in the protocol that the server generated.
 * @param {import("../protocol.js").Control} message
 * @returns {import("../protocol-types.js").ClientMessage}
 */
export const asGenerated = (message) => message;
