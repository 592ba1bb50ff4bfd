// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { NUDGES, SCENES } from "../prompts.js";

test("there are a dozen examples or more, all different", () => {
  const all = [...SCENES, ...NUDGES];
  assert.ok(all.length >= 12);
  assert.equal(new Set(all).size, all.length);
});

test("the scenes show every biome and subject of the world", () => {
  const words = SCENES.join(" ");
  for (const word of ["desert", "sea", "city", "meadow", "snowy", "balloon", "sailboat", "saucer", "birds"]) {
    assert.ok(words.includes(word), word);
  }
});
