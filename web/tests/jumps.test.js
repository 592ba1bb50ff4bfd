// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { Jumps } from "../jumps.js";

/** Half a second a chunk. @param {number[]} chunks of moments @param {number} next chunk to be made @returns {any} */
const view = (chunks, next, branch = 0) => ({
  session: { fps: 16, frames_per_chunk: 8 },
  timeline: { branch_id: branch, chunk_index: next, moments: chunks.map((chunk, k) => [chunk, k]) },
});
const LIVE = view([0, 8, 16, 18, 20, 21, 22, 23, 24], 24);

test("back leads before the moment that plays, and on in a row", () => {
  const jumps = new Jumps();
  assert.equal(jumps.target(LIVE, "back", 0), 22);
  assert.equal(jumps.target(LIVE, "back", 300), 21);
  assert.equal(jumps.target(LIVE, "on", 600), 22);
  assert.equal(jumps.target(LIVE, "back", 9000), 22);
});

test("5 seconds are 10 chunks, or as far as there is", () => {
  const jumps = new Jumps();
  assert.equal(jumps.target(LIVE, "farBack", 0), 8);
  assert.equal(jumps.target(LIVE, "farBack", 100), 0);
  assert.equal(jumps.target(LIVE, "farOn", 200), 16);
  assert.equal(jumps.target(LIVE, "farOn", 300), 24);
});

test("at either end it says so", () => {
  const jumps = new Jumps();
  assert.match(String(jumps.target(LIVE, "on", 0)), /nothing later/);
  assert.match(String(jumps.target(LIVE, "last", 0)), /nothing later/);
  assert.equal(jumps.target(LIVE, "first", 0), 0);
  assert.match(String(jumps.target(LIVE, "back", 100)), /oldest/);
  assert.equal(jumps.target(LIVE, "last", 200), 24);
  assert.match(String(jumps.target(view([], 0), "back", 0)), /no past/);
});

test("on another branch nothing is in a row", () => {
  const jumps = new Jumps();
  assert.equal(jumps.target(LIVE, "first", 0), 0);
  assert.equal(jumps.target(view([4, 5, 6], 6, 1), "back", 100), 4);
});
