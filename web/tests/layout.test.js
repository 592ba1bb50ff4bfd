// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { fitFrame } from "../layout.js";

const VISTA = { widthPx: 128, heightPx: 128 };

test("the picture takes the largest whole multiple that fits", () => {
  const size = fitFrame({ widthPx: 800, heightPx: 776 }, VISTA, 1, false);
  assert.deepEqual(size, { widthPx: 768, heightPx: 768, scale: 6 });
  assert.equal(fitFrame({ widthPx: 768, heightPx: 767 }, VISTA, 1, false).scale, 5);
});

test("the multiple counts device pixels, so a phone may show a fraction of CSS pixels", () => {
  const size = fitFrame({ widthPx: 358, heightPx: 500 }, VISTA, 3, false);
  assert.equal(size.scale, 8);
  assert.equal(size.widthPx * 3, 8 * 128);
});

test("both sides of a video that is not square keep one scale", () => {
  const size = fitFrame({ widthPx: 1000, heightPx: 300 }, { widthPx: 256, heightPx: 128 }, 1, false);
  assert.deepEqual(size, { widthPx: 512, heightPx: 256, scale: 2 });
});

test("a video larger than the room is shrunk into it", () => {
  const size = fitFrame({ widthPx: 384, heightPx: 700 }, { widthPx: 512, heightPx: 512 }, 1, false);
  assert.deepEqual(size, { widthPx: 384, heightPx: 384, scale: 0.75 });
});

test("smooth fills the room", () => {
  const size = fitFrame({ widthPx: 700, heightPx: 650 }, VISTA, 2, true);
  assert.deepEqual([size.widthPx, size.heightPx], [650, 650]);
});
