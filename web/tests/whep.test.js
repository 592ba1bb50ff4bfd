// @ts-check
import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { settle, Stage } from "./fake-whep.js";

/** @type {Stage} */
let stage;

beforeEach(() => {
  stage = new Stage();
});

test("it posts the offer, takes the answer, and plays once connected", async () => {
  stage.player.start();
  await settle();
  assert.deepEqual(stage.requests, [{ method: "POST", url: "http://here/whep", body: "offer" }]);
  assert.equal(stage.newest.answer, "answer");
  assert.equal(stage.newest.receiver.jitterBufferTarget, 0);
  assert.equal(stage.streams.length, 0);
  stage.newest.become("connected");
  assert.equal(stage.streams.length, 1);
  assert.deepEqual(stage.states, ["connecting", "playing"]);
});

test("the ICE servers that the server names are known to the connection", async () => {
  const link = '<turn:there:3478>; rel="ice-server"; username="1:a"; credential="b"; credential-type="password"';
  stage.described = () => new Response(null, { status: 200, headers: { Link: link } });
  stage.player.start();
  await settle();
  assert.deepEqual(stage.iceServers, [[{ urls: "turn:there:3478", username: "1:a", credential: "b" }]]);
});

test("without any, nobody is asked; a server that refuses to say is tried again", async () => {
  stage.player.start();
  await settle();
  assert.deepEqual(stage.iceServers, [[]]);
  stage.player.stop();
  stage.described = () => new Response(null, { status: 503 });
  stage.player.start();
  await settle();
  assert.equal(stage.player.state, "retrying");
  assert.equal(stage.peers.length, 1);
});

test("who stops before the servers are known makes no connection", async () => {
  stage.player.start();
  stage.player.stop();
  await settle();
  assert.equal(stage.peers.length, 0);
  assert.deepEqual(stage.requests, []);
});

test("stop closes here and deletes there, once", async () => {
  stage.player.start();
  await settle();
  stage.newest.become("connected");
  stage.player.stop();
  stage.player.stop();
  assert.equal(stage.newest.isClosed, true);
  assert.deepEqual(stage.requests.slice(1).map(({ method, url }) => [method, url]), [["DELETE", "http://here/whep/1"]]);
  assert.equal(stage.player.state, "idle");
});

test("a connection that does not come about in 8 s is tried anew", async () => {
  stage.player.start();
  await settle();
  mock.timers.tick(7999);
  assert.equal(stage.peers.length, 1);
  mock.timers.tick(1);
  assert.equal(stage.player.state, "retrying");
  assert.equal(stage.peers[0].isClosed, true);
  mock.timers.tick(600);
  await settle();
  assert.equal(stage.peers.length, 2);
  assert.equal(stage.newest.answer, "answer");
});

test("a refusal, a network error and a failed peer lead to another try", async () => {
  const failures = [
    async () => new Response("busy", { status: 503 }),
    async () => {
      throw new TypeError("network");
    },
  ];
  for (const failure of failures) {
    stage.respond = failure;
    stage.player.start();
    await settle();
    assert.equal(stage.player.state, "retrying");
    stage.player.stop();
  }
  stage.respond = () => stage.created();
  stage.player.start();
  await settle();
  stage.newest.become("connected");
  stage.newest.become("failed");
  assert.equal(stage.player.state, "retrying");
  assert.equal(stage.requests.at(-1)?.method, "DELETE");
});

test("a short disconnection is waited out, a long one is not", async () => {
  stage.player.start();
  await settle();
  stage.newest.become("connected");
  stage.newest.become("disconnected");
  mock.timers.tick(2000);
  stage.newest.become("connected");
  mock.timers.tick(5000);
  assert.equal(stage.player.state, "playing");
  stage.newest.become("disconnected");
  mock.timers.tick(3000);
  assert.equal(stage.player.state, "retrying");
});

test("an answer that comes after stop is not used, and its session is deleted", async () => {
  /** @type {(response: Response) => void} */
  let answer = () => {};
  stage.respond = () => new Promise((resolve) => (answer = resolve));
  stage.player.start();
  await settle();
  stage.player.stop();
  answer(await stage.created());
  await settle();
  assert.equal(stage.newest.answer, null);
  assert.equal(stage.requests.at(-1)?.method, "DELETE");
  assert.equal(stage.player.state, "idle");
});

test("the owner may stop the player from within the report of its failure", async () => {
  stage.onState = (state) => state === "retrying" && stage.player.stop();
  stage.respond = async () => new Response("busy", { status: 503 });
  stage.player.start();
  await settle();
  mock.timers.tick(60000);
  assert.equal(stage.player.state, "idle");
  assert.equal(stage.peers.length, 1);
});

test("restart replaces a connection that plays, and does nothing when stopped", async () => {
  stage.player.restart();
  assert.equal(stage.peers.length, 0);
  await stage.play();
  stage.player.restart();
  await settle();
  assert.equal(stage.peers.length, 2);
  assert.deepEqual(stage.deleted, ["/whep/1"]);
  stage.newest.become("connected");
  assert.equal(stage.peers[0].isClosed, true);
  assert.deepEqual(stage.states, ["connecting", "playing", "connecting", "playing"]);
});

test("the last picture stays until another connection stands: its track must not end before", async () => {
  await stage.play();
  stage.newest.become("failed");
  assert.equal(stage.player.state, "retrying");
  assert.deepEqual(stage.deleted, ["/whep/1"]);
  for (const delayMs of [600, 1200]) {
    mock.timers.tick(delayMs);
    await settle();
    stage.newest.become("failed");
  }
  assert.deepEqual(stage.peers.map(({ isClosed }) => isClosed), [false, true, true]);
  mock.timers.tick(2400);
  await settle();
  stage.onStream = () => assert.equal(stage.peers[0].isClosed, false);
  stage.newest.become("connected");
  assert.deepEqual(stage.peers.map(({ isClosed }) => isClosed), [true, true, true, false]);
  assert.deepEqual(stage.deleted, ["/whep/1", "/whep/3", "/whep/5"]);
});

test("a last picture ends with the player", async () => {
  await stage.play();
  stage.newest.become("failed");
  stage.player.stop();
  assert.equal(stage.peers[0].isClosed, true);
  mock.timers.tick(60_000);
  assert.equal(stage.peers.length, 1);
});

test("a short disconnection shows nothing anew", async () => {
  await stage.play();
  stage.newest.become("disconnected");
  stage.newest.become("connected");
  assert.equal(stage.streams.length, 1);
});

test("wake tries at once what would be tried later, and disturbs nothing else", async () => {
  stage.player.wake();
  stage.respond = async () => new Response("gone", { status: 503 });
  stage.player.start();
  stage.player.wake();
  await settle();
  assert.equal(stage.peers.length, 1);
  stage.respond = () => stage.created();
  stage.player.wake();
  await settle();
  assert.equal(stage.peers.length, 2);
  stage.newest.become("connected");
  stage.player.wake();
  mock.timers.tick(60_000);
  await settle();
  assert.equal(stage.peers.length, 2);
});

test("another session is another connection, the same one is not", async () => {
  stage.player.start("http://here/whep?session=a");
  await settle();
  stage.player.start("http://here/whep?session=a");
  await settle();
  assert.equal(stage.peers.length, 1);
  stage.player.start("http://here/whep?session=b");
  await settle();
  assert.equal(stage.peers.length, 2);
  assert.equal(stage.peers[0].isClosed, true);
});
