// @ts-check
import assert from "node:assert/strict";
import { mock } from "node:test";

import { WhepPlayer } from "../whep.js";

/** As much of an RTCPeerConnection as the player uses. */
export class FakePeer {
  connectionState = "new";
  iceGatheringState = "complete";
  localDescription = { sdp: "offer" };
  isClosed = false;
  /** Frames that were decoded. @type {object[]} */
  frames = [];
  receiver = {
    track: { kind: "video" },
    jitterBufferTarget: /** @type {number | null} */ (null),
    getSynchronizationSources: () => this.frames,
  };
  /** @type {string | null} */
  answer = null;
  /** @type {(() => void) | null} */
  onconnectionstatechange = null;

  /** @param {string} kind @param {{direction: string}} options */
  addTransceiver(kind, options) {
    assert.deepEqual([kind, options.direction], ["video", "recvonly"]);
    return { receiver: this.receiver };
  }

  async getStats() {
    return new Map([["peer", this]]);
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

/** A MediaStream that knows its tracks. */
export class FakeStream {
  /** @param {object[]} tracks */
  constructor(tracks) {
    this.tracks = tracks;
  }
}

/** @typedef {{method: string, url: string, body: unknown}} Request */

/** Lets the handshake's promises run; the timers are the test's. */
export const settle = () => new Promise((resolve) => setImmediate(resolve));

/** A player, and what it does to a world in which everything succeeds until the test says otherwise. */
export class Stage {
  /** @type {FakePeer[]} */
  peers = [];
  /** @type {Request[]} */
  requests = [];
  /** @type {string[]} */
  asked = [];
  /** @type {string[]} */
  states = [];
  /** @type {FakeStream[]} */
  streams = [];
  /** @type {RTCIceServer[][]} */
  iceServers = [];
  nAnswers = 0;
  /** @type {() => Response} what the server says of ICE servers */
  described = () => new Response(null, { status: 200 });
  /** @type {(request: Request) => Promise<Response>} */
  respond = () => this.created();
  /** @type {(state: string) => void} */
  onState = () => {};
  /** @type {() => void} when a stream is to be shown */
  onStream = () => {};

  /** @param {string} [endpoint] */
  constructor(endpoint = "http://here/whep") {
    mock.timers.reset();
    mock.timers.enable({ apis: ["setTimeout"] });
    Object.assign(globalThis, { MediaStream: FakeStream });
    this.player = new WhepPlayer(
      endpoint,
      {
        onState: (state) => {
          this.states.push(state);
          this.onState(state);
        },
        onStream: (stream) => {
          this.streams.push(/** @type {FakeStream} */ (/** @type {unknown} */ (stream)));
          this.onStream();
        },
        onAnswer: () => (this.nAnswers += 1),
      },
      {
        createPeer: (servers) => {
          this.peers.push(new FakePeer());
          this.iceServers.push(servers);
          return /** @type {RTCPeerConnection} */ (/** @type {unknown} */ (this.newest));
        },
        fetch: async (url, init) => {
          if (init?.method === "OPTIONS") {
            this.asked.push(String(url));
            return this.described();
          }
          const request = { method: init?.method ?? "GET", url: String(url), body: init?.body };
          this.requests.push(request);
          return request.method === "DELETE" ? new Response(null, { status: 200 }) : this.respond(request);
        },
      },
    );
  }

  get newest() {
    return this.peers[this.peers.length - 1];
  }

  async created() {
    return new Response("answer", { status: 201, headers: { Location: `/whep/${this.requests.length}` } });
  }

  /** Begin to play. */
  async play() {
    this.player.start();
    await settle();
    this.newest.become("connected");
  }

  /** @returns {string[]} paths of the sessions that were deleted, in order */
  get deleted() {
    return this.requests.filter(({ method }) => method === "DELETE").map(({ url }) => new URL(url).pathname);
  }

  /** @returns {(FakePeer | undefined)[]} whose tracks were shown, in order */
  get shown() {
    return this.streams.map(({ tracks }) => this.peers.find(({ receiver }) => receiver.track === tracks[0]));
  }
}
