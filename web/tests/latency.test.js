// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { LatencyLog, percentile } from "../latency.js";

/** @param {LatencyLog} log @param {number} id @param {number} startMs @param {[number, number, number]} steps */
function follow(log, id, startMs, [toServer, making, toScreen]) {
  log.sent(id, startMs);
  log.received(id, startMs + toServer);
  log.applied(id, startMs + toServer + making);
  log.shown(id, startMs + toServer + making + toScreen);
}

test("before anything was seen there are no numbers", () => {
  const log = new LatencyLog();
  log.sent(1, 0);
  log.received(1, 2);
  log.applied(1, 300);
  assert.equal(log.summary(), null);
});

test("the way from the words to the picture is measured in parts", () => {
  const log = new LatencyLog();
  for (let id = 1; id <= 20; id += 1) follow(log, id, 1000 * id, [2, 300 + id, 40]);
  const summary = log.summary();
  assert.deepEqual(summary?.total, { p50: 352, p95: 361 });
  assert.deepEqual(summary?.toServer, { p50: 2, p95: 2 });
  assert.deepEqual(summary?.making, { p50: 310, p95: 319 });
  assert.deepEqual(summary?.toScreen, { p50: 40, p95: 40 });
  assert.equal(summary?.n, 20);
});

test("what nobody saw, or nobody answered, does not count", () => {
  const log = new LatencyLog();
  log.sent(1, 0);
  log.forget(1);
  log.shown(1, 500);
  log.sent(2, 0);
  log.shown(2, 500);
  log.shown(3, 500);
  assert.equal(log.summary(), null);
});

test("only the last ones are kept", () => {
  const log = new LatencyLog();
  for (let id = 1; id <= 200; id += 1) follow(log, id, id, [1, 100, 1]);
  for (let id = 1000; id < 1200; id += 1) log.sent(id, 0);
  assert.equal(log.summary()?.n, 128);
});

test("percentiles are values that occurred", () => {
  const values = Array.from({ length: 100 }, (_, index) => 100 - index);
  assert.deepEqual([0, 0.5, 0.95, 1].map((share) => percentile(values, share)), [1, 50, 95, 100]);
  assert.equal(percentile([7], 0.95), 7);
});

test("a frame that overtakes the message about it is no frame from the future", () => {
  const log = new LatencyLog();
  log.sent(1, 0);
  log.received(1, 2);
  log.applied(1, 310);
  log.shown(1, 300);
  assert.deepEqual(log.summary()?.toScreen, { p50: 0, p95: 0 });
  assert.equal(log.summary()?.making.p50, 298);
});
