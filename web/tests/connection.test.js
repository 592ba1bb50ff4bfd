// @ts-check
import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { Connection } from "../connection.js";

/** As much of a WebSocket as the connection uses. */
class FakeSocket {
  /** @type {string[]} */
  sent = [];
  isClosed = false;
  /** @type {(() => void) | null} */
  onopen = null;
  /** @type {((event: {data: string}) => void) | null} */
  onmessage = null;
  /** @type {((event: {code: number}) => void) | null} */
  onclose = null;

  /** @param {string} text */
  send(text) {
    this.sent.push(text);
  }

  close() {
    this.isClosed = true;
  }
}

const STATE = { type: "state", version: 1, status: "running", prompt: "dunes", seed: 1, n_viewers: 1, session: "abc", transition_chunks: 2 };

/** @type {string | null} */
let wanted = null;
/** @type {FakeSocket[]} */
let sockets;
/** @type {string[]} */
let states;
/** @type {import("../protocol.js").ServerMessage[]} */
let messages;
/** @type {string[]} */
let problems;
/** @type {Connection} */
let connection;

const newest = () => sockets[sockets.length - 1];

/** @param {object} message */
const hear = (message) => newest().onmessage?.({ data: JSON.stringify(message) });

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
  [sockets, states, messages, problems] = [[], [], [], []];
  connection = new Connection(
    "ws://here/ws",
    {
      onState: (state) => states.push(state),
      onMessage: (message) => messages.push(message),
      onProblem: (sentence) => problems.push(sentence),
      wantedSession: () => wanted,
    },
    () => {
      const socket = new FakeSocket();
      sockets.push(socket);
      return /** @type {WebSocket} */ (/** @type {unknown} */ (socket));
    },
  );
});

test("it says hello first, and hands on what it hears", () => {
  connection.start();
  newest().onopen?.();
  assert.deepEqual(newest().sent, ['{"type":"hello","version":1}']);
  hear(STATE);
  assert.deepEqual(states, ["connecting", "open"]);
  assert.equal(messages[0].type, "state");
});

test("controls are sent only on an open connection", () => {
  connection.start();
  assert.equal(connection.send({ type: "pause", id: 1 }), false);
  newest().onopen?.();
  assert.equal(connection.send({ type: "steer", id: 2, prompt: "fog" }), true);
  assert.deepEqual(JSON.parse(newest().sent[1]), { type: "steer", id: 2, prompt: "fog" });
});

test("after a loss it comes back by itself, and later the more often it fails", () => {
  connection.start();
  newest().onopen?.();
  newest().onclose?.({ code: 1006 });
  assert.equal(states.at(-1), "waiting");
  mock.timers.tick(600);
  assert.equal(sockets.length, 2);
  for (let index = 0; index < 6; index += 1) {
    newest().onclose?.({ code: 1006 });
    for (let second = 0; second < 6; second += 1) mock.timers.tick(1000);
  }
  const nBefore = sockets.length;
  newest().onclose?.({ code: 1006 });
  mock.timers.tick(1000);
  mock.timers.tick(1000);
  assert.equal(sockets.length, nBefore, "two seconds are too early after many failures");
  connection.wake();
  assert.equal(sockets.length, nBefore + 1, "unless somebody wakes it");
});

test("a server that turns us away with an error is not hammered", () => {
  connection.start();
  for (let index = 0; index < 5; index += 1) {
    newest().onopen?.();
    hear({ type: "error", code: "full", message: "64 sockets are open." });
    newest().onclose?.({ code: 4503 });
    mock.timers.tick(600);
  }
  assert.ok(sockets.length <= 3, `${sockets.length} sockets in three seconds`);
  assert.equal(messages[0].type, "error");
});

test("a state resets the patience", () => {
  connection.start();
  for (let index = 0; index < 5; index += 1) {
    newest().onopen?.();
    hear(STATE);
    newest().onclose?.({ code: 1006 });
    mock.timers.tick(600);
  }
  assert.equal(sockets.length, 6);
});

test("a handshake that hangs, and a running session that falls silent, are given up", () => {
  connection.start();
  mock.timers.tick(5000);
  assert.equal(newest().isClosed, true);
  mock.timers.tick(600);
  newest().onopen?.();
  hear(STATE);
  mock.timers.tick(9999);
  assert.equal(states.at(-1), "open");
  mock.timers.tick(1);
  assert.equal(states.at(-1), "waiting");
});

test("a paused session may be silent", () => {
  connection.start();
  newest().onopen?.();
  hear({ ...STATE, status: "paused" });
  mock.timers.tick(60000);
  assert.equal(states.at(-1), "open");
});

test("a message that cannot be read is reported, and the next one is heard", () => {
  connection.start();
  newest().onopen?.();
  hear({ type: "toast" });
  hear({ type: "received", id: 3 });
  assert.match(problems[0], /toast/);
  assert.deepEqual(messages, [{ type: "received", id: 3 }]);
});

test("a server of another version is left alone", () => {
  for (const refuse of [() => hear({ ...STATE, version: 2 }), () => newest().onclose?.({ code: 4400 })]) {
    connection.start();
    newest().onopen?.();
    refuse();
    assert.equal(states.at(-1), "refused");
    const nBefore = sockets.length;
    mock.timers.tick(60000);
    assert.equal(sockets.length, nBefore);
    connection.close();
  }
});

test("close is for good, and an old socket is not heard any more", () => {
  connection.start();
  newest().onopen?.();
  connection.close();
  assert.equal(newest().isClosed, true);
  assert.equal(newest().onmessage, null);
  mock.timers.tick(60000);
  assert.equal(sockets.length, 1);
  assert.equal(states.at(-1), "closed");
});

test("every hello names the session that the page was in last", () => {
  wanted = null;
  connection.start();
  newest().onopen?.();
  assert.deepEqual(JSON.parse(newest().sent[0]), { type: "hello", version: 1 });
  wanted = "abc";
  connection.close();
  connection.start();
  newest().onopen?.();
  assert.deepEqual(JSON.parse(newest().sent[0]), { type: "hello", version: 1, session: "abc" });
  wanted = null;
});
