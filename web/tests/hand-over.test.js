// @ts-check
import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { settle, Stage } from "./fake-whep.js";

const ENDPOINT = "http://here/whep?session=a";

/** @type {Stage} */
let stage;

beforeEach(async () => {
  stage = new Stage(ENDPOINT);
  await stage.play();
});

const closed = () => stage.peers.map(({ isClosed }) => isClosed);
const posts = () => stage.requests.filter(({ method }) => method === "POST").map(({ url }) => url);

/** The second connection is asked for, and answered. */
async function begin(place = "there") {
  stage.player.handOver(place);
  await settle();
}

/** A frame of the newest connection, and the next look at it. */
function bringFrame() {
  stage.newest.frames.push({});
  mock.timers.tick(20);
}

test("the first plays on until a frame of the second is there; then it ends, here and there", async () => {
  await begin();
  assert.deepEqual(posts(), [ENDPOINT, `${ENDPOINT}&place=there`]);
  assert.deepEqual(stage.asked, [ENDPOINT, ENDPOINT]);
  stage.newest.become("connected");
  mock.timers.tick(5000);
  assert.deepEqual([stage.shown, stage.deleted], [[stage.peers[0]], []]);
  stage.onStream = () => assert.deepEqual(closed(), [false, false]);
  bringFrame();
  assert.deepEqual(stage.shown, stage.peers);
  assert.deepEqual([closed(), stage.deleted], [[true, false], ["/whep/1"]]);
  assert.deepEqual(stage.states, ["connecting", "playing"]);
  assert.equal(stage.nAnswers, 1, "the second says nothing of whether UDP gets through");
  mock.timers.tick(60_000);
  assert.deepEqual(closed(), [true, false]);
});

test("a token is written as a query is, and none goes to where the session is", async () => {
  await begin("a&b=c");
  await begin("");
  assert.deepEqual(posts().slice(1), [`${ENDPOINT}&place=a%26b%3Dc`, ENDPOINT]);
});

test("what is measured is the connection that plays", async () => {
  const measured = async () => (await stage.player.getStats())?.get("peer");
  await begin();
  stage.newest.become("connected");
  assert.equal(await measured(), stage.peers[0]);
  bringFrame();
  assert.equal(await measured(), stage.peers[1]);
});

test("a refusal, a lost network and a failed peer leave the first alone", async () => {
  for (const status of [404, 410, 503]) {
    stage.respond = async () => new Response("no", { status });
    await begin();
  }
  stage.respond = async () => {
    throw new TypeError("network");
  };
  await begin();
  stage.respond = () => stage.created();
  await begin();
  stage.newest.become("failed");
  assert.deepEqual(closed(), [false, true, true, true, true, true]);
  assert.deepEqual(stage.deleted, ["/whep/6"]);
  mock.timers.tick(60_000);
  await settle();
  assert.deepEqual([stage.peers.length, stage.states], [6, ["connecting", "playing"]]);
});

test("ten seconds without a connection are enough", async () => {
  await begin();
  mock.timers.tick(9999);
  assert.deepEqual(closed(), [false, false]);
  mock.timers.tick(1);
  assert.deepEqual([closed(), stage.deleted, stage.player.state], [[false, true], ["/whep/2"], "playing"]);
});

test("and so are ten seconds without a frame", async () => {
  await begin();
  mock.timers.tick(9000);
  stage.newest.become("connected");
  mock.timers.tick(9999);
  assert.deepEqual(closed(), [false, false]);
  mock.timers.tick(1);
  assert.deepEqual([closed(), stage.deleted], [[false, true], ["/whep/2"]]);
  bringFrame();
  assert.equal(stage.streams.length, 1);
});

test("a newer one takes the place of an older one", async () => {
  await begin("one");
  stage.newest.become("connected");
  await begin("two");
  assert.deepEqual([closed(), stage.deleted], [[false, true, false], ["/whep/2"]]);
  stage.peers[1].frames.push({});
  mock.timers.tick(20);
  assert.equal(stage.streams.length, 1);
  stage.newest.become("connected");
  bringFrame();
  assert.deepEqual(closed(), [true, true, false]);
});

test("restart, stop and another session end it", async () => {
  const ends = [() => stage.player.restart(), () => stage.player.start("http://here/whep?session=b"), () => stage.player.stop()];
  for (const end of ends) {
    await begin();
    const second = stage.newest;
    second.become("connected");
    end();
    assert.equal(second.isClosed, true);
    await settle();
    stage.newest.become("connected");
  }
  assert.equal(stage.shown.includes(stage.peers[1]), false);
});

test("a session that is answered after the end is deleted", async () => {
  /** @type {(response: Response) => void} */
  let answer = () => {};
  stage.respond = () => new Promise((resolve) => (answer = resolve));
  await begin();
  stage.player.stop();
  answer(await stage.created());
  await settle();
  assert.deepEqual(stage.deleted, ["/whep/1", "/whep/3"]);
});

test("afterwards a new connection goes to where the session is: a token is good for one offer", async () => {
  await begin();
  stage.newest.become("connected");
  bringFrame();
  stage.player.restart();
  await settle();
  assert.equal(posts().at(-1), ENDPOINT);
  assert.deepEqual(stage.deleted, ["/whep/1", "/whep/2"]);
});

test("the second, once it plays, is tried anew when it fails", async () => {
  await begin();
  stage.newest.become("connected");
  bringFrame();
  stage.newest.become("failed");
  assert.equal(stage.player.state, "retrying");
  mock.timers.tick(600);
  await settle();
  assert.deepEqual([posts().at(-1), closed()], [ENDPOINT, [true, false, false]]);
});

test("a first connection that fails meanwhile waits for no retry when the second has a frame", async () => {
  await begin();
  stage.newest.become("connected");
  stage.peers[0].become("failed");
  bringFrame();
  assert.deepEqual([stage.player.state, closed()], ["playing", [true, false]]);
  mock.timers.tick(60_000);
  await settle();
  assert.equal(stage.peers.length, 2);
});

test("nobody who does not play hands over", async () => {
  stage.player.stop();
  await begin();
  assert.equal(stage.peers.length, 1);
});

test("a first that ends once the second stands is not missed", async () => {
  await begin();
  stage.newest.become("connected");
  stage.peers[0].become("closed");
  mock.timers.tick(3000);
  await settle();
  assert.deepEqual([stage.peers.length, stage.states, closed()], [2, ["connecting", "playing"], [false, false]]);
  bringFrame();
  assert.deepEqual([stage.shown, stage.states], [stage.peers, ["connecting", "playing"]]);
});

test("without a frame of the second either, the first has failed", async () => {
  await begin();
  stage.newest.become("connected");
  stage.peers[0].become("closed");
  mock.timers.tick(10_000);
  assert.deepEqual(stage.states, ["connecting", "playing", "retrying"]);
});
