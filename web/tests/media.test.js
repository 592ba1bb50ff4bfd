// @ts-check
import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { MediaPlayer, UDP_LIMIT_MS } from "../media.js";

/** A way to play that does what the test says. */
class Way {
  state = "idle";
  nFrames = 7;
  nWakes = 0;
  /** @type {string[]} */
  places = [];
  /** @param {any} handlers */
  constructor(handlers) {
    this.handlers = handlers;
  }
  /** @param {string} state */
  enter(state) {
    this.state = state;
    this.handlers.onState(state);
  }
  start() {
    this.enter("connecting");
  }
  restart() {
    this.enter("connecting");
  }
  stop() {
    this.enter("idle");
  }
  wake() {
    this.nWakes += 1;
  }
  /** @param {string} place */
  handOver(place) {
    this.places.push(place);
  }
  async getStats() {
    return new Map([["v", { type: "inbound-rtp", kind: "video", id: "v", packetsReceived: 12 }]]);
  }
}

/** @param {boolean} [canDecode] */
function stage(canDecode = true) {
  mock.timers.enable({ apis: ["setTimeout"] });
  /** @type {[string, string][]} */ const states = [];
  let nBlocked = 0;
  /** @type {any} */ let whep;
  /** @type {any} */ let socket;
  const player = new MediaPlayer(
    { whepUrl: "", socketUrl: "" },
    {
      onState: (state, way) => states.push([state, way]),
      onStream: () => {},
      onFrame: () => {},
      onBlocked: () => (nBlocked += 1),
    },
    /** @type {any} */ ({
      createWhep: (/** @type {any} */ handlers) => (whep = new Way(handlers)),
      createSocket: (/** @type {any} */ handlers) => (socket = new Way(handlers)),
      canDecode: () => canDecode,
    }),
  );
  return { player, states, whep, socket, nBlocked: () => nBlocked };
}

test("where UDP gets through, nothing else is tried", async () => {
  const { player, states, whep } = stage();
  player.start();
  whep.handlers.onAnswer();
  mock.timers.tick(UDP_LIMIT_MS - 1);
  whep.enter("playing");
  mock.timers.tick(60_000);
  assert.equal(player.way, "WebRTC");
  assert.deepEqual(states.at(-1), ["playing", "WebRTC"]);
  assert.equal((await player.report()).nArrived, 12);
  mock.timers.reset();
});

test("three seconds after the answer it is the WebSocket's turn, and the page is told", async () => {
  const { player, states, whep, socket } = stage();
  player.start();
  mock.timers.tick(30_000); // a slow server is not a network without UDP
  assert.equal(player.way, "WebRTC");
  whep.handlers.onAnswer();
  mock.timers.tick(UDP_LIMIT_MS);
  assert.equal(whep.state, "idle");
  socket.enter("playing");
  assert.deepEqual(states, [["connecting", "WebRTC"], ["connecting", "WebSocket"], ["playing", "WebSocket"]]);
  assert.deepEqual(await player.report(), { nArrived: 7, roundTripMs: null, reception: null });
  player.restart();
  assert.equal(socket.state, "connecting");
  mock.timers.reset();
});

test("a connection that worked once is not given up for a slower way", () => {
  const { player, whep } = stage();
  player.start();
  whep.handlers.onAnswer();
  whep.enter("playing");
  whep.enter("retrying");
  whep.handlers.onAnswer();
  mock.timers.tick(60_000);
  assert.equal(player.way, "WebRTC");
  mock.timers.reset();
});

test("a browser that cannot decode by itself says why there is no picture", () => {
  const { player, whep, nBlocked } = stage(false);
  player.start();
  whep.handlers.onAnswer();
  mock.timers.tick(UDP_LIMIT_MS);
  assert.equal(nBlocked(), 1);
  assert.equal(player.way, "WebRTC");
  mock.timers.reset();
});

test("after a stop WebRTC gets another chance", () => {
  const { player, whep, socket } = stage();
  player.start();
  whep.handlers.onAnswer();
  mock.timers.tick(UDP_LIMIT_MS);
  player.stop();
  assert.deepEqual([whep.state, socket.state], ["idle", "idle"]);
  player.start();
  assert.deepEqual([whep.state, player.way], ["connecting", "WebRTC"]);
  mock.timers.reset();
});

test("a move is followed over WebRTC: by a hand-over, or at once where nothing comes any more", () => {
  const { player, whep } = stage();
  player.start();
  whep.enter("playing");
  player.move("there", false);
  assert.deepEqual([whep.places, whep.state], [["there"], "playing"]);
  player.move("", true);
  assert.deepEqual([whep.places, whep.state], [["there"], "connecting"]);
  player.wake();
  assert.equal(whep.nWakes, 1);
  mock.timers.reset();
});

test("over the WebSocket the video comes by way of the gateway, and a move is nothing", () => {
  const { player, whep, socket } = stage();
  player.start();
  whep.handlers.onAnswer();
  mock.timers.tick(UDP_LIMIT_MS);
  socket.enter("playing");
  player.move("there", false);
  player.move("", true);
  player.wake();
  assert.deepEqual([whep.places, socket.places, whep.nWakes, socket.nWakes], [[], [], 0, 0]);
  assert.deepEqual([whep.state, socket.state], ["idle", "playing"]);
  mock.timers.reset();
});
