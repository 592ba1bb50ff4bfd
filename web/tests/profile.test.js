// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { readProfile } from "../profile.js";

const JSON_OF_SERVER = {
  stages_ms: {
    encode: { p50: 9, p95: 12 },
    denoise: { p50: 75, p95: 90 },
    mailbox: { p50: 100, p95: 300 },
    polish: { p50: 1, p95: 2 },
  },
  n_late_frames: 3,
  n_dropped_frames: 4,
  encoders: { VP8: { n_keyframes: 5 }, H264: { n_keyframes: 1 } },
  chunks: [
    { spans: [["queue", 0, 4], ["denoise", 4, 20], ["denoise", 24, 21], ["encode", 500, 1], ["encode", 562, 1], ["polish", 600, 2]] },
  ],
};

test("stages stand in the order of a chunk's life, unknown ones last", () => {
  const { rows } = readProfile(JSON_OF_SERVER);
  assert.deepEqual(rows.map(({ name }) => name), ["mailbox", "denoise", "encode", "polish"]);
  assert.equal(rows[0].says, "a control waits until the next chunk is begun");
  assert.equal(rows[3].says, "");
});

test("columns stack work, add up what repeats, and leave out waiting", () => {
  const { columns } = readProfile(JSON_OF_SERVER);
  assert.deepEqual(columns, [
    [
      { name: "denoise", kind: "engine", ms: 41 },
      { name: "encode", kind: "encoder", ms: 2 },
      { name: "polish", kind: "engine", ms: 2 },
    ],
  ]);
});

test("counts are added over encoders", () => {
  const { nLate, nDropped, nKeyframes } = readProfile(JSON_OF_SERVER);
  assert.deepEqual([nLate, nDropped, nKeyframes], [3, 4, 6]);
});

test("who made the chunks is told in turn, and not at all by a server of one machine", () => {
  assert.deepEqual(readProfile(JSON_OF_SERVER).devices, []);
  const chunks = ["a", "a", "b", "a"].map((device) => ({ device, spans: [] }));
  assert.deepEqual(readProfile({ ...JSON_OF_SERVER, chunks }).devices, ["a", "b", "a"]);
});
