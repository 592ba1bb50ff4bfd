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
