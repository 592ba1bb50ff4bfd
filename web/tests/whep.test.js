// @ts-check
import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { WhepPlayer } from "../whep.js";

/** As much of an RTCPeerConnection as the player uses. */
class FakePeer {
  connectionState = "new";
  iceGatheringState = "complete";
  localDescription = { sdp: "offer" };
  isClosed = false;
  receiver = { track: { kind: "video" }, jitterBufferTarget: /** @type {number | null} */ (null) };
  /** @type {string | null} */
  answer = null;
  /** @type {(() => void) | null} */
  onconnectionstatechange = null;

  /** @param {string} kind @param {{direction: string}} options */
  addTransceiver(kind, options) {
    assert.deepEqual([kind, options.direction], ["video", "recvonly"]);
    return { receiver: this.receiver };
  }

  getReceivers() {
    return [this.receiver];
  }

  async setLocalDescription() {}

  /** @param {{sdp: string}} description */
  async setRemoteDescription({ sdp }) {
    this.answer = sdp;
  }

  close() {
    this.isClosed = true;
  }

  /** @param {string} state */
  become(state) {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }
}

/** @typedef {{method: string, url: string, body: unknown}} Request */

/** @type {FakePeer[]} */
let peers;
/** @type {Request[]} */
let requests;
/** @type {string[]} */
let states;
/** @type {unknown[]} */
let streams;
/** @type {RTCIceServer[][]} */
let iceServers;
/** @type {() => Response} what the server says of ICE servers */
let described;
/** @type {(request: Request) => Promise<Response>} */
let respond;
/** @type {WhepPlayer} */
let player;

const newest = () => peers[peers.length - 1];
/** Lets the handshake's promises run; the timers are ours. */
const settle = () => new Promise((resolve) => setImmediate(resolve));
const created = async () => new Response("answer", { status: 201, headers: { Location: `/whep/${requests.length}` } });

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
  [peers, requests, states, streams, iceServers] = [[], [], [], [], []];
  described = () => new Response(null, { status: 200 });
  respond = created;
  Object.assign(globalThis, { MediaStream: class {} });
  player = new WhepPlayer(
    "http://here/whep",
    { onState: (state) => states.push(state), onStream: (stream) => streams.push(stream) },
    {
      createPeer: (servers) => {
        peers.push(new FakePeer());
        iceServers.push(servers);
        return /** @type {RTCPeerConnection} */ (/** @type {unknown} */ (newest()));
      },
      fetch: async (url, init) => {
        if (init?.method === "OPTIONS") return described();
        const request = { method: init?.method ?? "GET", url: String(url), body: init?.body };
        requests.push(request);
        return request.method === "DELETE" ? new Response(null, { status: 200 }) : respond(request);
      },
    },
  );
});

test("it posts the offer, takes the answer, and plays once connected", async () => {
  player.start();
  await settle();
  assert.deepEqual(requests, [{ method: "POST", url: "http://here/whep", body: "offer" }]);
  assert.equal(newest().answer, "answer");
  assert.equal(newest().receiver.jitterBufferTarget, 0);
  assert.equal(streams.length, 0);
  newest().become("connected");
  assert.equal(streams.length, 1);
  assert.deepEqual(states, ["connecting", "playing"]);
});

test("the ICE servers that the server names are known to the connection", async () => {
  const link = '<turn:there:3478>; rel="ice-server"; username="1:a"; credential="b"; credential-type="password"';
  described = () => new Response(null, { status: 200, headers: { Link: link } });
  player.start();
  await settle();
  assert.deepEqual(iceServers, [[{ urls: "turn:there:3478", username: "1:a", credential: "b" }]]);
});

test("without any, nobody is asked; a server that refuses to say is tried again", async () => {
  player.start();
  await settle();
  assert.deepEqual(iceServers, [[]]);
  player.stop();
  described = () => new Response(null, { status: 503 });
  player.start();
  await settle();
  assert.equal(player.state, "retrying");
  assert.equal(peers.length, 1);
});

test("who stops before the servers are known makes no connection", async () => {
  player.start();
  player.stop();
  await settle();
  assert.equal(peers.length, 0);
  assert.deepEqual(requests, []);
});

test("stop closes here and deletes there, once", async () => {
  player.start();
  await settle();
  newest().become("connected");
  player.stop();
  player.stop();
  assert.equal(newest().isClosed, true);
  assert.deepEqual(requests.slice(1).map(({ method, url }) => [method, url]), [["DELETE", "http://here/whep/1"]]);
  assert.equal(player.state, "idle");
});

test("a connection that does not come about in 8 s is tried anew", async () => {
  player.start();
  await settle();
  mock.timers.tick(7999);
  assert.equal(peers.length, 1);
  mock.timers.tick(1);
  assert.equal(player.state, "retrying");
  assert.equal(peers[0].isClosed, true);
  mock.timers.tick(600);
  await settle();
  assert.equal(peers.length, 2);
  assert.equal(newest().answer, "answer");
});

test("a refusal, a network error and a failed peer lead to another try", async () => {
  const failures = [
    async () => new Response("busy", { status: 503 }),
    async () => {
      throw new TypeError("network");
    },
  ];
  for (const failure of failures) {
    respond = failure;
    player.start();
    await settle();
    assert.equal(player.state, "retrying");
    player.stop();
  }
  respond = created;
  player.start();
  await settle();
  newest().become("connected");
  newest().become("failed");
  assert.equal(player.state, "retrying");
  assert.equal(requests.at(-1)?.method, "DELETE");
});

test("a short disconnection is waited out, a long one is not", async () => {
  player.start();
  await settle();
  newest().become("connected");
  newest().become("disconnected");
  mock.timers.tick(2000);
  newest().become("connected");
  mock.timers.tick(5000);
  assert.equal(player.state, "playing");
  newest().become("disconnected");
  mock.timers.tick(3000);
  assert.equal(player.state, "retrying");
});

test("an answer that comes after stop is not used, and its session is deleted", async () => {
  /** @type {(response: Response) => void} */
  let answer = () => {};
  respond = () => new Promise((resolve) => (answer = resolve));
  player.start();
  await settle();
  player.stop();
  answer(await created());
  await settle();
  assert.equal(newest().answer, null);
  assert.equal(requests.at(-1)?.method, "DELETE");
  assert.equal(player.state, "idle");
});

test("the owner may stop the player from within the report of its failure", async () => {
  const stopping = new WhepPlayer(
    "http://here/whep",
    { onState: (state) => state === "retrying" && stopping.stop(), onStream: () => {} },
    {
      createPeer: () => {
        peers.push(new FakePeer());
        return /** @type {RTCPeerConnection} */ (/** @type {unknown} */ (newest()));
      },
      fetch: async (_, init) => (init?.method === "OPTIONS" ? described() : new Response("busy", { status: 503 })),
    },
  );
  stopping.start();
  await settle();
  mock.timers.tick(60000);
  assert.equal(stopping.state, "idle");
  assert.equal(peers.length, 1);
});

test("restart replaces a connection that plays, and does nothing when stopped", async () => {
  player.restart();
  assert.equal(peers.length, 0);
  player.start();
  await settle();
  newest().become("connected");
  player.restart();
  await settle();
  assert.equal(peers.length, 2);
  assert.equal(peers[0].isClosed, true);
  assert.deepEqual(states, ["connecting", "playing", "connecting"]);
});

test("another session is another connection, the same one is not", async () => {
  player.start("http://here/whep?session=a");
  await settle();
  player.start("http://here/whep?session=a");
  await settle();
  assert.equal(peers.length, 1);
  player.start("http://here/whep?session=b");
  await settle();
  assert.equal(peers.length, 2);
  assert.equal(peers[0].isClosed, true);
});
