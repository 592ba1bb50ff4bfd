// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { paces } from "../pace.js";

/** @param {object} facts */
const session = (facts) => /** @type {import("../protocol.js").StateMessage} */ (/** @type {unknown} */ (facts));

test("lengths are told in seconds as soon as a chunk's is known, the server's own among them", () => {
  const warm = paces(session({ fps: 16, frames_per_chunk: 8, transition_chunks: 2 }));
  assert.deepEqual(warm.map(({ label }) => label), ["0.5 s", "1 s", "2 s", "4 s", "8 s"]);
  assert.deepEqual(warm.filter(({ isDefault }) => isDefault).map(({ chunks }) => chunks), [2]);
  const odd = paces(session({ fps: 16, frames_per_chunk: 8, transition_chunks: 3 }));
  assert.deepEqual(odd.map(({ chunks }) => chunks), [1, 2, 3, 4, 8, 16]);
  assert.deepEqual(paces(null).map(({ label }) => label).slice(0, 2), ["1 chunk", "2 chunks"]);
});
