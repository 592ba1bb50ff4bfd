// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { PhotonClock } from "../photon.js";

const FRAME_TICKS = 90000 / 16;
const FRAME_MS = 1000 / 16;
const SHOW_MS = 20; // from arrival to the screen

/**
 * Play frames `first` to `last`; chunks of 8 announce themselves with their first frame, `skewMs` apart from it.
 * @param {PhotonClock} clock
 * @param {{first: number, last: number, origin: number, skewMs?: number}} play
 */
function play(clock, { first, last, origin, skewMs = 0 }) {
  for (let index = first; index <= last; index += 1) {
    const receivedMs = index * FRAME_MS;
    if (index % 8 === 0) clock.noteChunk(index * FRAME_TICKS, receivedMs + skewMs);
    clock.noteFrame({ rtp: (origin + index * FRAME_TICKS) % 2 ** 32, receivedMs, shownMs: receivedMs + SHOW_MS });
  }
}

test("media time is found on the screen whatever number RTP starts at", () => {
  for (const origin of [0, 123456789, 2 ** 32 - 30 * FRAME_TICKS]) {
    const clock = new PhotonClock();
    play(clock, { first: 0, last: 40, origin });
    assert.equal(clock.shownMs(32 * FRAME_TICKS), 32 * FRAME_MS + SHOW_MS, `origin ${origin}`);
  }
});

test("a message that comes a little before or after its frame changes nothing", () => {
  for (const skewMs of [-25, 25]) {
    const clock = new PhotonClock();
    play(clock, { first: 0, last: 40, origin: 5000, skewMs });
    assert.equal(clock.shownMs(32 * FRAME_TICKS), 32 * FRAME_MS + SHOW_MS, `skew ${skewMs}`);
  }
});

test("one late message is outvoted", () => {
  const clock = new PhotonClock();
  play(clock, { first: 0, last: 31, origin: 5000 });
  play(clock, { first: 32, last: 40, origin: 5000, skewMs: 3 * FRAME_MS });
  assert.equal(clock.shownMs(40 * FRAME_TICKS), 40 * FRAME_MS + SHOW_MS);
});

test("a frame that was skipped is seen with the next one", () => {
  const clock = new PhotonClock();
  play(clock, { first: 0, last: 31, origin: 0 });
  play(clock, { first: 33, last: 36, origin: 0 });
  assert.equal(clock.shownMs(32 * FRAME_TICKS), 33 * FRAME_MS + SHOW_MS);
});

test("what was not shown yet, or cannot be known, is null", () => {
  const clock = new PhotonClock();
  assert.equal(clock.shownMs(0), null);
  play(clock, { first: 0, last: 40, origin: 77 });
  assert.equal(clock.shownMs(41 * FRAME_TICKS), null);
  clock.reset();
  assert.equal(clock.shownMs(32 * FRAME_TICKS), null);
});
