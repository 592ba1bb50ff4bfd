// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { MAX_PROMPTS, PromptHistory } from "../history.js";

/** @param {string | null} [text] that is kept already */
function kept(text = null) {
  const store = {
    text,
    read: () => store.text,
    /** @param {string | null} written */
    write: (written) => {
      store.text = written;
    },
  };
  return { store, history: new PromptHistory(store) };
}

test("up and down go through what was said, and back to an empty box", () => {
  const { history } = kept();
  for (const prompt of ["dunes", "sea", "city"]) history.add(prompt);
  assert.equal(history.older(""), "city");
  assert.equal(history.place, "1 of 3");
  assert.equal(history.older("city"), "sea");
  assert.equal(history.older("sea"), "dunes");
  assert.equal(history.place, "3 of 3");
  assert.equal(history.older("dunes"), null);
  assert.equal(history.newer("dunes"), "sea");
  assert.equal(history.newer("sea"), "city");
  assert.equal(history.newer("city"), "");
  assert.equal(history.newer(""), null);
});

test("what was just said and still stands there is not recalled once more", () => {
  const { history } = kept();
  for (const prompt of ["dunes", "sea"]) history.add(prompt);
  assert.equal(history.older("sea"), "dunes");
});

test("what somebody typed is never taken away", () => {
  const { history } = kept();
  for (const prompt of ["dunes", "sea"]) history.add(prompt);
  assert.equal(history.older("a half"), null);
  assert.equal(history.older(""), "sea");
  assert.equal(history.older("sea at night"), null);
  assert.equal(history.newer("sea at night"), null);
});

test("each prompt is kept once, the newest last, and no more than fit", () => {
  const { history } = kept();
  for (let k = 0; k < MAX_PROMPTS + 5; k += 1) history.add(`prompt ${k}`);
  history.add(" prompt 50 ");
  history.add("   ");
  assert.equal(history.prompts.length, MAX_PROMPTS);
  assert.equal(history.prompts.at(-1), "prompt 50");
  assert.equal(history.prompts.filter((prompt) => prompt === "prompt 50").length, 1);
  assert.equal(history.prompts[0], "prompt 5");
});

test("it outlives the page, other pages add to it, and it can be forgotten", () => {
  const { store, history } = kept();
  history.add("dunes");
  const other = new PromptHistory(store);
  other.add("sea");
  assert.equal(history.older(""), "sea");
  history.forget();
  assert.equal(store.text, null);
  assert.equal(other.older(""), null);
});

test("what somebody else wrote there is no history", () => {
  for (const text of ["{", "3", '[1, "a"]', "null"]) assert.deepEqual(kept(text).history.prompts, []);
});
