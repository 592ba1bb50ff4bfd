// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { glowStrength } from "../ambience.js";

const BLACK = [0, 0, 0, 255];
const DUSK = [220, 120, 70, 255];
const WHITE = [255, 255, 255, 255];

test("dark pictures shine as they may, bright ones are held back", () => {
  assert.equal(glowStrength(BLACK), 0.8);
  assert.ok(glowStrength(DUSK) > 0.6);
  assert.ok(Math.abs(glowStrength(WHITE) - 0.38) < 1e-9);
});

test("the brightest spot decides", () => {
  assert.equal(glowStrength([...BLACK, ...WHITE, ...BLACK]), glowStrength(WHITE));
});

test("on a light page it is the night that may only shine a little", () => {
  const night = [10, 10, 30, 255];
  const snow = [240, 240, 245, 255];
  assert.ok(glowStrength(night, true) < 0.2);
  assert.ok(glowStrength(snow, true) > glowStrength(night, true));
  assert.ok(glowStrength(night) > glowStrength(snow));
});
