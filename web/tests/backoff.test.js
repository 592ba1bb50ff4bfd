// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { retryDelayS } from "../backoff.js";

test("the delay doubles from half a second and stops at four", () => {
  const middle = () => 0.5; // no jitter
  const delays = [1, 2, 3, 4, 5, 5000].map((nFailures) => retryDelayS(nFailures, middle));
  assert.deepEqual(delays, [0.5, 1, 2, 4, 4, 4]);
});

test("jitter stays within a fifth", () => {
  assert.equal(retryDelayS(2, () => 0), 0.8);
  assert.ok(retryDelayS(2, () => 0.999) < 1.2);
  assert.notEqual(retryDelayS(2, () => 0.1), retryDelayS(2, () => 0.9));
});
