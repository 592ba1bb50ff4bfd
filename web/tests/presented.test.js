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

/** A page whose video presents the frames that the test brings, `shown` on its element. */
function playing() {
  mock.timers.enable({ apis: ["setTimeout"] });
  /** @type {((nowMs: number, frame: object) => void) | null} */
  let callback = null;
  const video = {
    srcObject: /** @type {FakeStream | null} */ (null),
    play: async () => {},
    requestVideoFrameCallback: (/** @type {typeof callback} */ next) => (callback = next),
  };
  Object.assign(globalThis, { MediaStream: FakeStream });
  /** @type {{id: number, pts: number | null}[]} */
  const awaited = [];
  /** @type {number[]} */
  const shown = [];
  const presented = new Presented(/** @type {any} */ (video), () => awaited, (id) => {
    shown.push(id);
    awaited.splice(awaited.findIndex((one) => one.id === id), 1);
  }, () => {});
  let nPresented = 0;
  /** @param {number} [rtpTimestamp] @param {number} [receivedMs] */
  const bring = (rtpTimestamp = 0, receivedMs = performance.now()) => {
    nPresented += 1;
    const present = callback;
    callback = null;
    present?.(0, { presentedFrames: nPresented, receiveTime: receivedMs, rtpTimestamp });
  };
  const play = (/** @type {string} */ track) => presented.play(/** @type {any} */ (new FakeStream([track])));
  return { presented, video, awaited, shown, bring, play };
}

/** A MediaStream that says in `changes` what was done to it. */
class FakeStream {
  /** @type {string[]} */
  changes = [];
  /** @param {string[]} tracks */
  constructor(tracks) {
    this.tracks = tracks;
  }
  getTracks() {
    return [...this.tracks];
  }
  /** @param {string} track */
  addTrack(track) {
    this.changes.push(`+${track}`);
    this.tracks.push(track);
  }
  /** @param {string} track */
  removeTrack(track) {
    this.changes.push(`-${track}`);
    this.tracks = this.tracks.filter((one) => one !== track);
  }
}

test("another track takes its place in the stream that plays, and the element keeps its picture", () => {
  const { video, bring, play, presented } = playing();
  try {
    play("a");
    const stream = video.srcObject;
    bring();
    const { meter } = presented;
    play("b");
    assert.equal(video.srcObject, stream);
    assert.deepEqual(stream?.changes, ["+b", "-a"]);
    for (let k = 0; k < 3; k += 1) bring();
    mock.timers.tick(60_000);
    assert.equal(video.srcObject, stream);
    assert.notEqual(meter.ageMs, null);
  } finally {
    mock.timers.reset();
  }
});

test("an element that does not follow the exchange begins anew, but not when something else plays by then", () => {
  const { video, bring, play, presented } = playing();
  try {
    play("a");
    const stream = video.srcObject;
    bring();
    play("b");
    bring(); // the last one of a
    mock.timers.tick(4999);
    assert.equal(video.srcObject, stream);
    play("c");
    mock.timers.tick(1);
    assert.equal(video.srcObject, stream);
    mock.timers.tick(4999);
    assert.notEqual(video.srcObject, stream);
    assert.deepEqual(video.srcObject?.tracks, ["c"]);
    bring();
    play("d");
    presented.leave();
    mock.timers.tick(5000);
    assert.equal(video.srcObject, null);
  } finally {
    mock.timers.reset();
  }
});

test("the media time of another connection is learnt anew, whatever number it starts at", () => {
  const { presented, awaited, shown, bring, play } = playing();
  try {
    play("a");
    const startMs = performance.now();
    presented.noteChunk(0, startMs + 1);
    bring(1_000_000, startMs + 1);
    bring(1_000_000 + 11_250, startMs + 126);
    awaited.push({ id: 1, pts: 11_250 });
    bring(1_000_000 + 16_875, startMs + 188);
    assert.deepEqual(shown, [1]);
    play("b");
    const laterMs = performance.now() + 1;
    awaited.push({ id: 2, pts: 90_000 });
    bring(1_000_000 + 200_000, startMs - 1); // of the connection before, presented late
    bring(7_000, laterMs);
    assert.deepEqual(shown, [1]);
    presented.noteChunk(90_000, laterMs + 62);
    bring(7_000 + 5625, laterMs + 62);
    assert.deepEqual(shown, [1]);
    bring(7_000 + 5625 + 11_250, laterMs + 187);
    assert.deepEqual(shown, [1, 2]);
  } finally {
    mock.timers.reset();
  }
});
