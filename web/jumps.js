// @ts-check
/** Going through the past by keys: which moment is meant. Pure; times are passed in. */

import { chunkSeconds } from "./plans.js";

/** @typedef {"back" | "on" | "farBack" | "farOn" | "first" | "last"} Jump */

const FAR_S = 5;
/** A key that comes sooner goes on from where the last one led, which may not be on the screen yet. */
const IN_A_ROW_MS = 1500;
const NOTHING_BEFORE = "this is the oldest moment that is kept";
const NOTHING_AFTER = "nothing later was made yet";

export class Jumps {
  /** @type {{chunkIndex: number, branchId: number, atMs: number} | null} */
  #last = null;

  /**
   * @param {Pick<import("./state.js").View, "timeline" | "session">} view
   * @param {Jump} how
   * @param {number} nowMs
   * @returns {number | string} the chunk of the moment to go to, or why there is none
   */
  target({ timeline, session }, how, nowMs) {
    if (timeline === null || timeline.moments.length === 0) return "there is no past yet";
    const chunks = timeline.moments.map(([chunkIndex]) => chunkIndex);
    const isInARow = this.#last !== null && this.#last.branchId === timeline.branch_id && nowMs - this.#last.atMs < IN_A_ROW_MS;
    // The chunk that plays began at the moment before it.
    const playing = chunks.findLast((chunkIndex) => chunkIndex < timeline.chunk_index) ?? chunks[0];
    const here = isInARow && this.#last !== null ? this.#last.chunkIndex : playing;
    const farChunks = Math.max(1, Math.round(FAR_S / (chunkSeconds(session) || FAR_S)));
    const found = find(chunks, here, how, farChunks, isInARow ? here : timeline.chunk_index);
    if (typeof found === "number") this.#last = { chunkIndex: found, branchId: timeline.branch_id, atMs: nowMs };
    return found;
  }
}

/**
 * @param {readonly number[]} chunks of all moments, rising
 * @param {number} here
 * @param {Jump} how
 * @param {number} farChunks of 5 s
 * @param {number} end there is nothing later when no moment lies after this one
 * @returns {number | string}
 */
function find(chunks, here, how, farChunks, end) {
  const earlier = chunks.filter((chunkIndex) => chunkIndex < here);
  const later = chunks.filter((chunkIndex) => chunkIndex > here);
  const newest = chunks[chunks.length - 1];
  // At the newest moment, "on" would only begin anew the chunk that begins by itself.
  const isAtEnd = newest <= end;
  switch (how) {
    case "first":
      return earlier[0] ?? NOTHING_BEFORE;
    case "last":
      return isAtEnd ? NOTHING_AFTER : newest;
    case "back":
      return earlier.at(-1) ?? NOTHING_BEFORE;
    case "farBack":
      return earlier.findLast((chunkIndex) => chunkIndex <= here - farChunks) ?? earlier[0] ?? NOTHING_BEFORE;
    case "on":
      return isAtEnd ? NOTHING_AFTER : later[0];
    case "farOn":
      return isAtEnd ? NOTHING_AFTER : (later.find((chunkIndex) => chunkIndex >= here + farChunks) ?? newest);
  }
}
