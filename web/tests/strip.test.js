// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { cell, progress } from "../strip.js";

test("every picture has its part of the whole", () => {
  assert.deepEqual([0, 1, 2].map((k) => cell(768, 3, k)), [
    { left: 0, width: 256 },
    { left: 256, width: 256 },
    { left: 512, width: 256 },
  ]);
});

test("how far it is, is said as soon as the length is known", () => {
  assert.equal(progress(1.53, 4), "1.5 of 4.0 s");
  assert.equal(progress(0, NaN), "");
});
