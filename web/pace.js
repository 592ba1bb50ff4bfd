// @ts-check
/** How long a change takes: chunks that it blends over, told in seconds. Pure. */

import { chunkSeconds } from "./plans.js";

/** Chunks to choose from; the server takes at most 16. */
const CHUNKS = [1, 2, 4, 8, 16];

/**
 * @param {import("./protocol.js").StateMessage | null} session
 * @returns {{chunks: number, label: string, isDefault: boolean}[]} rising; the server's own default is always among them
 */
export function paces(session) {
  const usual = session?.transition_chunks ?? null;
  const chunkS = chunkSeconds(session);
  const offered = usual === null || CHUNKS.includes(usual) ? CHUNKS : [...CHUNKS, usual].sort((a, b) => a - b);
  return offered.map((chunks) => ({ chunks, label: paceLabel(chunks, chunkS), isDefault: chunks === usual }));
}

/** @param {number} chunks @param {number} chunkS 0 until it is known @returns {string} e.g. "0.5 s" */
function paceLabel(chunks, chunkS) {
  if (chunkS === 0) return chunks === 1 ? "1 chunk" : `${chunks} chunks`;
  return `${Number((chunks * chunkS).toFixed(1))} s`;
}
