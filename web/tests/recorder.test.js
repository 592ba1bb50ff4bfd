// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { parseServerMessage } from "../protocol.js";
import { clock, filmText, withFilm } from "../recorder.js";

/** @type {import("../protocol.js").RecordingMessage} */
const FILM = {
  type: "recording", name: "a", status: "done", duration_ms: 67_400, n_bytes: 3_640_000, has_script: true, message: null,
};

test("a film's length and size, and why it ended", () => {
  assert.equal(clock(67_400), "1:07");
  assert.equal(filmText(FILM), "1:07, 3.6 MB");
  assert.equal(filmText({ ...FILM, message: "It is long." }), "1:07, 3.6 MB. It is long.");
  assert.equal(filmText({ ...FILM, status: "failed", message: "The disk is full." }), "The disk is full.");
});

test("news of a film replaces what was known of it", () => {
  const later = { ...FILM, n_bytes: 5 };
  assert.deepEqual(withFilm([FILM, { ...FILM, name: "b" }], later), [later, { ...FILM, name: "b" }]);
  assert.deepEqual(withFilm([FILM], { ...FILM, name: "b" }).map(({ name }) => name), ["a", "b"]);
});

test("what the server says of a film is read", () => {
  const { message, ...told } = FILM;
  assert.deepEqual(parseServerMessage(JSON.stringify(told)), FILM);
  assert.throws(() => parseServerMessage(JSON.stringify({ ...told, has_script: 1 })), /true or false/);
});
