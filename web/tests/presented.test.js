// @ts-check
import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { Presented } from "../presented.js";

/** A page whose video presents nothing by itself. @param {{id: number, pts: number | null}[]} awaited */
function setUp(awaited) {
  /** @type {[number, number][]} */
  const shown = [];
  /** @type {[number, number][]} */
  const photons = [];
  const video = /** @type {HTMLVideoElement} */ (/** @type {unknown} */ ({ srcObject: null }));
  const presented = new Presented(video, () => awaited, (id, shownMs) => {
    shown.push([id, shownMs]);
    awaited.splice(awaited.findIndex((one) => one.id === id), 1);
  }, (pts, photonMs) => photons.push([pts, photonMs]));
  return { presented, shown, photons };
}

test("a frame that was drawn settles every change that it shows, and counts", () => {
  const awaited = [{ id: 1, pts: 9000 }, { id: 2, pts: 90_000 }, { id: 3, pts: null }];
  const { presented, shown, photons } = setUp(awaited);
  presented.latency.sent(1, 100);
  presented.latency.received(1, 110);
  presented.latency.applied(1, 400);
  presented.noteDrawn({ pts: 45_000, receivedMs: 420, shownMs: 430 });
  assert.deepEqual(shown, [[1, 430]]);
  assert.deepEqual(photons, [[9000, 330]]);
  assert.equal(presented.latency.summary()?.total.p50, 330);
  assert.equal(presented.meter.ageMs, 10);
});

test("what no frame is seen of counts from the server's word, but in no statistics", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    const { presented, shown } = setUp([{ id: 7, pts: 9000 }]);
    presented.latency.sent(7, 0);
    presented.latency.received(7, 5);
    presented.expect(7, 300);
    mock.timers.tick(1499);
    assert.deepEqual(shown, []);
    mock.timers.tick(1);
    assert.deepEqual(shown, [[7, 300]]);
    assert.equal(presented.latency.summary(), null);
  } finally {
    mock.timers.reset();
  }
});
