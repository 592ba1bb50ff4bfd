// @ts-check
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { addressOf, invitation, keepSession, takeLinkedFile, wantedSession } from "../session.js";

/** @param {string} href */
const visit = (href) => {
  const stored = new Map();
  Object.assign(globalThis, {
    window: { location: new URL(href) },
    document: { baseURI: href },
    history: {
      replaceState: (/** @type {unknown} */ _, /** @type {string} */ __, /** @type {URL} */ url) => {
        Object.assign(globalThis, { window: { location: url }, document: { baseURI: url.href } });
      },
    },
    sessionStorage: {
      getItem: (/** @type {string} */ key) => stored.get(key) ?? null,
      setItem: (/** @type {string} */ key, /** @type {string} */ value) => stored.set(key, value),
    },
  });
};

beforeEach(() => visit("http://here/live/"));

test("a reload asks for the session that the tab had", () => {
  assert.equal(wantedSession(), null);
  assert.equal(keepSession("abc"), true);
  assert.equal(wantedSession(), "abc");
});

test("an invitation is asked for first, and taken out of the address once it was answered", () => {
  keepSession("mine");
  const link = invitation("theirs");
  assert.equal(link, "http://here/live/?watch=theirs");
  visit(link);
  assert.equal(wantedSession(), "theirs");
  assert.equal(keepSession("theirs"), true);
  assert.equal(window.location.href, "http://here/live/");
  assert.equal(wantedSession(), "theirs");
});

test("an invitation to a session that is gone is noticed", () => {
  visit("http://here/live/?watch=gone");
  assert.equal(keepSession("other"), false);
  assert.equal(keepSession("other"), true);
});

test("a file of this server is asked for once, and no other address ever", () => {
  visit("http://here/live/?play=studio/films/a_-1.B.lgs&watch=theirs");
  assert.equal(takeLinkedFile(), "studio/films/a_-1.B.lgs");
  assert.equal(window.location.href, "http://here/live/?watch=theirs");
  assert.equal(takeLinkedFile(), null);
  for (const path of ["//evil.example/a.lgs", "https://evil.example/studio/films/a.A.lgs", "studio/films/../../ws", "studio/films/a.mp4"]) {
    visit(`http://here/live/?play=${encodeURIComponent(path)}`);
    assert.equal(takeLinkedFile(), null);
    assert.equal(window.location.href, "http://here/live/");
  }
});

test("where storage is forbidden, every load begins anew", () => {
  Object.assign(globalThis, {
    sessionStorage: {
      getItem() {
        throw new Error("forbidden");
      },
      setItem() {
        throw new Error("forbidden");
      },
    },
  });
  assert.equal(keepSession("abc"), true);
  assert.equal(wantedSession(), null);
});

test("addresses name the session beside what they ask for", () => {
  assert.equal(addressOf("scenario.json?link=true", "a b").href, "http://here/live/scenario.json?link=true&session=a+b");
  assert.equal(addressOf("whep", null).href, "http://here/live/whep");
});
