// @ts-check
import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { MediaSocketPlayer } from "../media-socket.js";

const HELLO = JSON.stringify({ type: "media", version: 1, codec: "vp8", width_px: 64, height_px: 48, fps: 16 });

/** @param {number} pts @param {boolean} [isKey] @returns {ArrayBuffer} */
function frame(pts, isKey = false) {
  const data = new ArrayBuffer(12);
  const view = new DataView(data);
  view.setUint8(0, Number(isKey));
  view.setBigUint64(1, BigInt(pts));
  return data;
}

/** A player among fakes that remember; decoding is done when the test says so. */
function stage() {
  /** @type {any[]} */ const sockets = [];
  /** @type {any[]} */ const decoders = [];
  /** @type {string[]} */ const states = [];
  /** @type {any[]} */ const shown = [];
  /** @type {any[]} */ const streams = [];
  let nowMs = 1000;
  const platform = {
    createSocket: (/** @type {string} */ url) => {
      const socket = { url, sent: /** @type {string[]} */ ([]), isClosed: false, send: (/** @type {string} */ text) => socket.sent.push(text), close: () => (socket.isClosed = true) };
      sockets.push(socket);
      return socket;
    },
    createDecoder: (/** @type {any} */ init) => {
      const decoder = { ...init, decodeQueueSize: 0, state: "configured", chunks: /** @type {any[]} */ ([]), configure: (/** @type {any} */ config) => (decoder.config = config), decode: (/** @type {any} */ chunk) => decoder.chunks.push(chunk), close: () => (decoder.state = "closed"), config: null };
      decoders.push(decoder);
      return decoder;
    },
    createChunk: (/** @type {any} */ init) => init,
    createScreen: (/** @type {number} */ widthPx, /** @type {number} */ heightPx) => ({
      stream: { widthPx, heightPx },
      draw: (/** @type {any} */ _, /** @type {(ms: number) => void} */ onShown) => onShown((nowMs += 16)),
    }),
    nowMs: () => nowMs,
  };
  const player = new MediaSocketPlayer(
    "ws://host/media",
    { onState: (state) => states.push(state), onStream: (stream) => streams.push(stream), onFrame: (drawn) => shown.push(drawn) },
    /** @type {any} */ (platform),
  );
  return { player, sockets, decoders, states, shown, streams };
}

test("frames are decoded and told with their media time", () => {
  const { player, sockets, decoders, states, shown, streams } = stage();
  player.start();
  sockets[0].onmessage({ data: HELLO });
  sockets[0].onmessage({ data: frame(90_000, true) });
  sockets[0].onmessage({ data: frame(95_625) });
  const [decoder] = decoders;
  assert.deepEqual(decoder.config, { codec: "vp8", codedWidth: 64, codedHeight: 48, optimizeForLatency: true });
  assert.deepEqual(decoder.chunks.map((/** @type {any} */ chunk) => [chunk.type, chunk.timestamp, chunk.data.length]), [
    ["key", 1_000_000, 3],
    ["delta", 1_062_500, 3],
  ]);
  let isClosed = false;
  decoder.output({ timestamp: 1_062_500, close: () => (isClosed = true) });
  assert.deepEqual(shown, [{ pts: 95_625, receivedMs: 1000, shownMs: 1016 }]);
  assert.ok(isClosed);
  assert.deepEqual(states, ["connecting", "playing"]);
  assert.deepEqual(streams, [{ widthPx: 64, heightPx: 48 }]);
  player.stop();
  assert.equal(player.state, "idle");
  assert.ok(sockets[0].isClosed);
  assert.equal(decoder.state, "closed");
});

test("without a keyframe nothing is decoded, and one is asked for", () => {
  const { player, sockets, decoders } = stage();
  player.start();
  sockets[0].onmessage({ data: HELLO });
  sockets[0].onmessage({ data: frame(1) });
  assert.deepEqual(sockets[0].sent, ['{"type":"keyframe"}']);
  assert.equal(decoders[0].chunks.length, 0);
  player.stop();
});

test("a decoder that falls behind waits for a keyframe", () => {
  const { player, sockets, decoders } = stage();
  player.start();
  sockets[0].onmessage({ data: HELLO });
  sockets[0].onmessage({ data: frame(1, true) });
  decoders[0].decodeQueueSize = 8;
  sockets[0].onmessage({ data: frame(2) });
  decoders[0].decodeQueueSize = 0;
  sockets[0].onmessage({ data: frame(3) });
  sockets[0].onmessage({ data: frame(4, true) });
  assert.deepEqual(decoders[0].chunks.map((/** @type {any} */ { type }) => type), ["key", "key"]);
  assert.equal(player.nDropped, 2);
  player.stop();
});

test("a loss, a decoder's error and silence are survived; an old socket is not heard", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { player, sockets, decoders, states } = stage();
  player.start();
  sockets[0].onmessage({ data: HELLO });
  const late = sockets[0].onclose;
  sockets[0].onclose();
  assert.equal(player.state, "retrying");
  late();
  mock.timers.tick(20_000);
  sockets.at(-1).onmessage({ data: HELLO });
  decoders.at(-1).error(new Error("broken"));
  assert.equal(player.state, "retrying");
  mock.timers.tick(20_000);
  sockets.at(-1).onmessage({ data: HELLO });
  mock.timers.tick(4999);
  assert.equal(player.state, "playing");
  mock.timers.tick(1);
  assert.equal(player.state, "retrying");
  player.stop();
  const n = sockets.length;
  mock.timers.tick(60_000);
  assert.equal(sockets.length, n);
  assert.equal(states.at(-1), "idle");
  mock.timers.reset();
});
