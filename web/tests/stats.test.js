// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { FrameMeter, readReport, ReceptionMeter, StallDetector } from "../stats.js";

/** @param {FrameMeter} meter @param {number} n @param {{stepMs: number, startMs?: number, nPerStep?: number}} pace */
function show(meter, n, { stepMs, startMs = 0, nPerStep = 1 }) {
  for (let index = 0; index < n; index += 1) {
    const receivedMs = startMs + index * stepMs;
    meter.add(receivedMs + 30, (index + 1) * nPerStep, receivedMs);
  }
}

test("fps counts the frames presented, also those without a callback", () => {
  const meter = new FrameMeter();
  show(meter, 17, { stepMs: 62.5 });
  assert.equal(meter.fps(1030), 16);
  const sparse = new FrameMeter();
  show(sparse, 9, { stepMs: 125, nPerStep: 2 });
  assert.equal(sparse.fps(1030), 16);
});

test("fps looks at the last three seconds only", () => {
  const meter = new FrameMeter();
  for (let index = 0; index < 100; index += 1) meter.add(index * 100, index, null);
  for (let index = 0; index < 80; index += 1) meter.add(10000 + index * 50, 100 + index, null);
  assert.equal(Math.round(meter.fps(14000) ?? 0), 20);
});

test("fps is unknown for the first second, after a silence, and restarts with a new stream", () => {
  const meter = new FrameMeter();
  assert.equal(meter.fps(0), null);
  show(meter, 10, { stepMs: 100 });
  assert.equal(meter.fps(930), null);
  meter.add(1030, 11, 1000);
  assert.equal(meter.fps(1030), 10);
  assert.equal(meter.fps(2600), null);
  meter.add(2700, 1, null);
  assert.equal(meter.fps(2710), null);
});

test("the age of a frame is measured from its arrival, and smoothed", () => {
  const meter = new FrameMeter();
  assert.equal(meter.ageMs, null);
  show(meter, 3, { stepMs: 60 });
  assert.equal(meter.ageMs, 30);
  meter.add(500, 4, 400);
  assert.ok(meter.ageMs !== null && meter.ageMs > 30 && meter.ageMs < 50);
  meter.reset();
  assert.equal(meter.ageMs, null);
});

test("media stalls when no packet comes for longer than the limit", () => {
  const stall = new StallDetector(3000);
  assert.equal(stall.isStalled(10, 0), false);
  assert.equal(stall.isStalled(10, 3000), false);
  assert.equal(stall.isStalled(10, 3001), true);
  assert.equal(stall.isStalled(11, 3002), false);
  stall.reset();
  assert.equal(stall.isStalled(11, 9000), false);
});

test("a stats report gives packets of the video and the round trip of the pair in use", () => {
  const entries = [
    { type: "inbound-rtp", kind: "audio", packetsReceived: 5 },
    { type: "inbound-rtp", kind: "video", packetsReceived: 70 },
    { type: "candidate-pair", nominated: false, currentRoundTripTime: 9 },
    { type: "candidate-pair", nominated: true, currentRoundTripTime: 0.012 },
  ];
  assert.deepEqual(readReport(entries), { nPackets: 70, roundTripMs: 12 });
  assert.deepEqual(readReport([]), { nPackets: 0, roundTripMs: null });
});

/** @param {object} changes */
function reportWith(changes) {
  const video = {
    type: "inbound-rtp", kind: "video", id: "v", codecId: "c", timestamp: 1000, bytesReceived: 0, framesDecoded: 0,
    jitterBufferDelay: 0, jitterBufferEmittedCount: 0, totalDecodeTime: 0, framesDropped: 1, freezeCount: 2, packetsLost: 3,
  };
  const pair = { type: "candidate-pair", nominated: true, currentRoundTripTime: 0.004 };
  return [{ ...video, ...changes }, { type: "codec", id: "c", mimeType: "video/VP8" }, pair];
}

test("reception is measured between reports", () => {
  const meter = new ReceptionMeter();
  assert.equal(meter.read(reportWith({}))?.bitrateBps, null);
  const later = { timestamp: 3000, bytesReceived: 250_000, framesDecoded: 32, totalDecodeTime: 0.016,
    jitterBufferDelay: 0.32, jitterBufferEmittedCount: 32 };
  assert.deepEqual(meter.read(reportWith(later)), {
    codec: "VP8", bitrateBps: 1_000_000, jitterBufferMs: 10, decodeMs: 0.5,
    nDropped: 1, nFreezes: 2, nLost: 3, roundTripMs: 4,
  });
  assert.equal(meter.read(reportWith({ framesDecoded: 3, timestamp: 4000 }))?.bitrateBps, null, "a new connection");
  assert.equal(meter.read([]), null);
});

test("after a hand-over nothing is counted from the connection before, whatever it had counted", () => {
  const meter = new ReceptionMeter();
  meter.read(reportWith({ bytesReceived: 900_000, framesDecoded: 900, jitterBufferDelay: 9, jitterBufferEmittedCount: 900 }));
  const other = { id: "w", timestamp: 2000, framesDecoded: 2, totalDecodeTime: 0.002, jitterBufferDelay: 0.02, jitterBufferEmittedCount: 2 };
  const reception = meter.read(reportWith({ ...other, bytesReceived: 5000 }));
  assert.deepEqual([reception?.bitrateBps, reception?.jitterBufferMs, reception?.decodeMs], [null, 10, 1]);
  assert.equal(meter.read(reportWith({ ...other, timestamp: 3000, bytesReceived: 130_000 }))?.bitrateBps, 1_000_000);
  const more = new ReceptionMeter();
  more.read(reportWith({ framesDecoded: 5 }));
  assert.equal(more.read(reportWith({ ...other, framesDecoded: 50, bytesReceived: 5000 }))?.bitrateBps, null);
  const stall = new StallDetector(3000);
  assert.equal(stall.isStalled(5000, 0), false);
  assert.equal(stall.isStalled(5000, 2900), false);
  assert.equal(stall.isStalled(12, 3900), false);
  assert.equal(stall.isStalled(12, 6900), false);
  assert.equal(stall.isStalled(12, 6901), true);
});
