// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { keyFor, KEYS, listed } from "../keys.js";

/** @param {string} key @param {Partial<import("../keys.js").Pressed>} [more] */
const press = (key, more = {}) =>
  keyFor({
    key,
    shiftKey: false,
    ctrlKey: false,
    metaKey: false,
    altKey: false,
    repeat: false,
    isTyping: false,
    isOnControl: false,
    ...more,
  });

test("every key means one thing", () => {
  const all = KEYS.flatMap((row) =>
    "keys" in row ? row.keys.map((key) => `${"hasShift" in row} ${key}`) : [],
  );
  assert.equal(new Set(all).size, all.length);
});

test("keys act, small and capital alike, with Shift only where it is said", () => {
  assert.equal(press(" "), "pause");
  assert.equal(press("b"), "fork");
  assert.equal(press("B"), "fork"); // caps lock
  assert.equal(press("B", { shiftKey: true }), null);
  assert.equal(press("ArrowLeft"), "back");
  assert.equal(press("ArrowLeft", { shiftKey: true }), "farBack");
  assert.equal(press("?", { shiftKey: true }), "list");
  assert.equal(press("?"), "list");
  assert.equal(press("/", { shiftKey: true }), "prompt");
  assert.equal(press("q"), null);
});

test("never while somebody types, holds a key down or means the browser", () => {
  assert.equal(press("b", { isTyping: true }), null);
  assert.equal(press("Escape", { isTyping: true }), null);
  assert.equal(press("n", { repeat: true }), null);
  for (const held of ["ctrlKey", "metaKey", "altKey"]) assert.equal(press("s", { [held]: true }), null);
});

test("Space presses the button that has the focus, and nothing else", () => {
  assert.equal(press(" ", { isOnControl: true }), null);
  assert.equal(press("n", { isOnControl: true }), "seed");
});

test("what is listed is what acts", () => {
  const groups = listed({ pause: () => {}, list: () => {} });
  assert.deepEqual(
    groups.map(([name, rows]) => [name, rows.map(({ shown }) => shown)]),
    [
      ["play", ["Space"]],
      ["the page", ["?"]],
      ["in the prompt box", ["Enter", "Shift Enter", "\u2191 \u2193", "Esc"]],
    ],
  );
});
