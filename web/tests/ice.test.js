// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { readIceServers } from "../ice.js";

test("without a header there are none", () => {
  assert.deepEqual(readIceServers(null), []);
  assert.deepEqual(readIceServers(""), []);
});

test("several links in one header, with and without credentials", () => {
  const header =
    '<stun:a.example:3478>; rel="ice-server", ' +
    '<turn:b.example?transport=udp>; rel="ice-server"; username="17:x"; credential="a/b+c=="; credential-type="password"';
  assert.deepEqual(readIceServers(header), [
    { urls: "stun:a.example:3478" },
    { urls: "turn:b.example?transport=udp", username: "17:x", credential: "a/b+c==" },
  ]);
});

test("values may be bare or hold what separates", () => {
  assert.deepEqual(readIceServers('<turn:a>; rel=ice-server; username="x, <y>; \\"z\\""; credential=c'), [
    { urls: "turn:a", username: 'x, <y>; "z"', credential: "c" },
  ]);
});

test("links to anything else are left out", () => {
  const header = '</events>; rel="urn:ietf:params:whep:ext:events", <http://a>; rel="ice-server", <stun:a>; rel="next"';
  assert.deepEqual(readIceServers(header), []);
});
