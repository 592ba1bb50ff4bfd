// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { axisOf, chunkIn, nextLine, percents, planRows, span, wordsOf } from "../plans.js";
import { parseServerMessage } from "../protocol.js";
import { INITIAL_VIEW, reduce, wordsIn } from "../state.js";
import { receiptLine } from "../text.js";

/** @type {import("../protocol.js").StateMessage} */
const SESSION = {
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

/**
 * Chunk 9 plays.
 * @param {import("../protocol.js").Plan[]} plan @returns {import("../protocol.js").TimelineMessage}
 */
const planning = (...plan) => ({
  type: "timeline",
  branch_id: 0,
  chunk_index: 10,
  branches: [],
  max_branches: 8,
  moments: [],
  plan,
  thumbnails: "",
});
const NIGHT = { id: 3, chunk_index: 33, verb: "steer", prompt: "night" };
const FOG = { id: 4, chunk_index: 19, verb: "cut", prompt: "fog" };

test("a plan knows when it comes, where it lies, and its time on the clock of the stream", () => {
  const rows = planRows(planning(FOG, NIGHT), SESSION);
  assert.deepEqual(rows.map(({ id, inS, at, verb, words }) => [id, inS, at, verb, words]), [
    [4, 5, "0:09", "cut", "fog"],
    [3, 12, "0:16", "steer", "night"],
  ]);
  assert.deepEqual(rows.map(({ share }) => share), [0.25, 0.6]);
  assert.deepEqual(planRows(planning({ ...FOG, chunk_index: 2 }), SESSION).map(({ inS }) => inS), [0]);
});

test("a move that is not answered yet is shown already, and may change the order", () => {
  const rows = planRows(planning(FOG, NIGHT), SESSION, new Map([[4, 41]]));
  assert.deepEqual(rows.map(({ id, chunkIndex, inS }) => [id, chunkIndex, inS]), [[3, 33, 12], [4, 41, 16]]);
});

test("the axis grows with the last plan and never has many ticks", () => {
  assert.deepEqual(axisOf([]), {
    lengthS: 20,
    ticks: [5, 10, 15, 20].map((s) => ({ share: s / 20, label: `${s} s` })),
  });
  assert.equal(axisOf([{ inS: 90 }]).lengthS, 100);
  for (const inS of [1, 19, 45, 100, 333, 1000, 7200, 500_000]) {
    const { lengthS, ticks } = axisOf([{ inS }]);
    assert.ok(inS <= 0.9 * lengthS + 1e-9);
    assert.ok(ticks.length >= 1 && ticks.length <= 6, `${inS}: ${ticks.length}`);
    assert.ok(ticks.every(({ share }) => share > 0 && share <= 1));
  }
});

test("seconds become the chunk that plays then, and never one that may be made already", () => {
  assert.equal(chunkIn(12, planning(), SESSION), 33);
  assert.equal(chunkIn(12.2, planning(), SESSION), 33);
  assert.equal(chunkIn(0.1, planning(), SESSION), 12);
  assert.equal(chunkIn(12, planning(), null), 12);
});

test("a draft is a prompt or a blend, and rows without words do not count", () => {
  assert.deepEqual(wordsOf([{ prompt: " night ", weight: 3 }, { prompt: " ", weight: 50 }]), { prompt: "night" });
  assert.deepEqual(wordsOf([{ prompt: "night", weight: 3 }, { prompt: "sea", weight: 1 }]), {
    parts: [["night", 3], ["sea", 1]],
  });
  assert.throws(() => wordsOf([{ prompt: "  ", weight: 50 }]), { name: "RangeError", message: /say what/ });
});

test("weights are told in percent of all", () => {
  assert.deepEqual(percents([50]), [100]);
  assert.deepEqual(percents([75, 25]), [75, 25]);
  assert.deepEqual(percents([1, 1, 1]), [33, 33, 33]);
});

test("the page says what comes next", () => {
  assert.equal(nextLine(INITIAL_VIEW), null);
  assert.equal(nextLine({ ...INITIAL_VIEW, session: SESSION, timeline: planning() }), null);
  assert.equal(nextLine({ ...INITIAL_VIEW, session: SESSION, timeline: planning(FOG, NIGHT) }), "in 5 s: fog");
  assert.deepEqual([span(59.4), span(60), span(125)], ["59 s", "1:00 min", "2:05 min"]);
});

test("what was said and is not seen yet comes before what is planned", () => {
  let view = reduce(INITIAL_VIEW, { type: "message", message: SESSION });
  view = reduce(view, { type: "message", message: planning(FOG) });
  view = reduce(view, { type: "sent", id: 1, verb: "steer", words: "a red balloon", nowMs: 0 });
  assert.equal(nextLine(view), "coming: a red balloon");
  view = reduce(view, { type: "message", message: { type: "received", id: 1 } });
  assert.equal(nextLine(view), "coming: a red balloon");
  view = reduce(view, { type: "message", message: { type: "applied", id: 1, chunk_index: 4, pts: 0 } });
  assert.match(nextLine(view) ?? "", /in \d+ s: fog/);
  const blend = wordsIn({ type: "blend", id: 2, parts: [["night", 3], ["fog", 1]] });
  assert.equal(blend, "75 % night + 25 % fog");
  assert.equal(wordsIn({ type: "pause", id: 3 }), null);
});

test("plans of the server are read", () => {
  const message = parseServerMessage(JSON.stringify({ ...planning(), plan: [{ ...FOG, n_chunks: 1 }] }));
  assert.deepEqual(message.type === "timeline" && message.plan, [FOG]);
});

test("a plan is planned, not seen, and in a pause it waits", () => {
  let view = reduce(INITIAL_VIEW, { type: "message", message: { ...SESSION, status: "paused" } });
  view = reduce(view, { type: "sent", id: 1, verb: "schedule", nowMs: 0 });
  view = reduce(view, { type: "message", message: { type: "received", id: 1 } });
  assert.equal(receiptLine(view)?.text, "received, counts when it goes on");
  view = reduce(view, { type: "message", message: SESSION });
  assert.equal(receiptLine(view)?.text, "received");
  view = reduce(view, { type: "message", message: { type: "applied", id: 1, chunk_index: 4, pts: 0 } });
  view = reduce(view, { type: "shown", id: 1, shownMs: 700 });
  assert.equal(receiptLine(view)?.text, "planned");
});
