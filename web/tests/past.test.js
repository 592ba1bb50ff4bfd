// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { clock, fromHash, moments, toHash, tooLong, treeRows, withoutDigests } from "../past.js";
import { parseServerMessage, ProtocolError } from "../protocol.js";
import { INITIAL_VIEW, reduce } from "../state.js";
import { receiptLine } from "../text.js";

/** @type {import("../protocol.js").TimelineMessage} */
const TIMELINE = {
  type: "timeline",
  branch_id: 2,
  chunk_index: 8,
  branches: [
    { id: 0, name: "main", parent_id: null, forked_at: 0, tip_index: 130 },
    { id: 1, name: "by night", parent_id: 0, forked_at: 4, tip_index: 9 },
    { id: 2, name: "snow", parent_id: 1, forked_at: 6, tip_index: 12 },
    { id: 3, name: "a link", parent_id: null, forked_at: 0, tip_index: 2 },
    { id: 4, name: "fog", parent_id: 0, forked_at: 8, tip_index: 8 },
  ],
  max_branches: 8,
  moments: [[0, 3], [8, 40], [12, 44]],
  plan: [],
  thumbnails: "ab12",
};
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

test("moments know their time, their picture, and on which side of now they are", () => {
  assert.deepEqual(moments(TIMELINE, SESSION), [
    { chunkIndex: 0, id: 3, label: "0:00", name: "0:00", isPast: true, picture: null },
    { chunkIndex: 8, id: 40, label: "0:04", name: "0:04", isPast: true, picture: "thumbnails/ab12-40.jpg" },
    { chunkIndex: 12, id: 44, label: "0:06", name: "0:06", isPast: false, picture: "thumbnails/ab12-44.jpg" },
  ]);
});

test("moments between two seconds have names of their own", () => {
  const between = moments({ ...TIMELINE, moments: [[8, 1], [9, 2], [131, 3]] }, SESSION);
  assert.deepEqual(between.map(({ label, name }) => [label, name]), [["0:04", "0:04"], ["0:04", "0:04.5"], ["1:05", "1:05.5"]]);
});

test("branches stand below the one that they left", () => {
  const rows = treeRows(TIMELINE, SESSION);
  assert.deepEqual(
    rows.map(({ branch, depth, isCurrent }) => [branch.id, depth, isCurrent]),
    [[0, 0, false], [1, 1, false], [2, 2, true], [4, 1, false], [3, 0, false]],
  );
  assert.equal(rows[0].label, "main, 1:05");
});

test("clocks", () => assert.deepEqual([0, 59.9, 65, 3600].map(clock), ["0:00", "0:59", "1:05", "60:00"]));

test("a scenario survives a link, whatever letters it is in", () => {
  const scenario = { format: "x", start: ["ein Fluß, 夜 🎈"] };
  const hash = toHash(JSON.stringify(scenario));
  assert.match(hash, /^#scenario=[\w-]+$/);
  assert.deepEqual(fromHash(hash), scenario);
});

test("an address without a scenario, and one with a damaged one", () => {
  assert.equal(fromHash(""), null);
  assert.equal(fromHash("#past"), null);
  for (const hash of ["#scenario=", "#scenario=!!!", "#scenario=aGVsbG8", toHash("[1]"), toHash("3")]) {
    assert.throws(() => fromHash(hash), { name: "SyntaxError", message: /damaged/ });
  }
});

test("digests stay at home", () => {
  assert.deepEqual(withoutDigests({ seed: 1, digests: "00", paths: [] }), { seed: 1 });
  assert.throws(() => withoutDigests(null), /no scenario/);
});

test("a timeline is read and shown, a broken one is named", () => {
  const message = parseServerMessage(JSON.stringify({ ...TIMELINE, plan: [] }));
  assert.deepEqual(message, TIMELINE);
  assert.equal(reduce(INITIAL_VIEW, { type: "message", message }).timeline, message);
  for (const change of [{ moments: [[1]] }, { moments: 3 }, { branches: {} }, { branches: [3] }, { thumbnails: 1 }]) {
    assert.throws(() => parseServerMessage(JSON.stringify({ ...TIMELINE, ...change })), ProtocolError);
  }
});

test("a notice is said until something else is asked for", () => {
  let view = reduce(INITIAL_VIEW, { type: "notice", text: "link copied" });
  assert.deepEqual(receiptLine(view), { step: "shown", text: "link copied" });
  view = reduce(view, { type: "sent", id: 1, verb: "seek", nowMs: 0 });
  assert.deepEqual(receiptLine(view), { step: "sent", text: "sent" });
});

test("files too long for what they are called are refused unread, with both numbers", () => {
  assert.equal(tooLong({ name: "a.lgs", size: 1000 + 4 * 2 ** 20 }, 1000), null);
  assert.equal(
    tooLong({ name: "a.lgs", size: 10 * 2 ** 30 }, 1000),
    "The file has 10737418240 bytes; a session of this model has at most 4195304.",
  );
  assert.equal(tooLong({ name: "a.lgs", size: 10 * 2 ** 30 }, null), null);
  assert.equal(tooLong({ name: "A.JSON", size: 2 ** 20 }, null), null);
  assert.match(tooLong({ name: "A.JSON", size: 2 ** 20 + 1 }, null) ?? "", /1048577 bytes; a script has at most 1048576/);
});
