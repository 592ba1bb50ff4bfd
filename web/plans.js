// @ts-check
/**
 * Plans in numbers and words: when each comes, the axis that it lies on, and what a draft asks the server for. Pure.
 */

import { clock } from "./past.js";

/** @typedef {import("./protocol.js").TimelineMessage} TimelineMessage */
/** @typedef {import("./protocol.js").StateMessage} StateMessage */
/** @typedef {import("./state.js").View} View */

/** One of several prompts; weights count only beside each other. @typedef {{prompt: string, weight: number}} Part */
/** @typedef {{prompt: string} | {parts: [string, number][]}} Words as the server takes them */
/**
 * A plan as it is shown: `inS` from now, `at` on the clock of the stream, `share` along the axis, 0 to 1.
 * @typedef {{
 *   id: number, chunkIndex: number, verb: string, words: string, inS: number, at: string, share: number,
 * }} PlanRow
 */
/** @typedef {{lengthS: number, ticks: {share: number, label: string}[]}} Axis */

export const MAX_PARTS = 4;
/** Chunks that may be there already, or on their way, when a plan for the next ones arrives. */
const LEAD_CHUNKS = 2;
const LEAST_AXIS_S = 20;
/** The latest plan lies here. */
const AXIS_FILL = 0.9;
const MAX_TICKS = 6;
const TICK_STEPS_S = [5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600];

/** @param {StateMessage | null} session @returns {number} media time of a chunk; 0 until it is known */
export function chunkSeconds(session) {
  return session?.fps && session.frames_per_chunk ? session.frames_per_chunk / session.fps : 0;
}

/**
 * What is planned, in order.
 * @param {TimelineMessage} timeline
 * @param {StateMessage | null} session
 * @param {ReadonlyMap<number, number>} [wanted] chunk by plan id, of moves that the server has not answered yet
 * @returns {PlanRow[]}
 */
export function planRows(timeline, session, wanted = new Map()) {
  const chunkS = chunkSeconds(session);
  const rows = timeline.plan.map((plan) => {
    const chunkIndex = wanted.get(plan.id) ?? plan.chunk_index;
    return {
      id: plan.id,
      chunkIndex,
      verb: plan.verb,
      words: plan.prompt,
      inS: Math.max(0, (chunkIndex - playing(timeline)) * chunkS),
      at: clock(chunkIndex * chunkS),
      share: 0,
    };
  });
  const { lengthS } = axisOf(rows);
  return rows
    .map((row) => ({ ...row, share: row.inS / lengthS }))
    .sort((a, b) => a.chunkIndex - b.chunkIndex || a.id - b.id);
}

/**
 * The axis from now to a little after the last plan.
 * @param {readonly {inS: number}[]} rows
 * @returns {Axis}
 */
export function axisOf(rows) {
  const lengthS = Math.max(LEAST_AXIS_S, ...rows.map(({ inS }) => inS / AXIS_FILL));
  const stepS = TICK_STEPS_S.find((step) => lengthS / step < MAX_TICKS) ?? Math.ceil(lengthS / MAX_TICKS / 3600) * 3600;
  const ticks = [];
  for (let atS = stepS; atS <= lengthS; atS += stepS) ticks.push({ share: atS / lengthS, label: span(atS) });
  return { lengthS, ticks };
}

/**
 * The chunk that begins to play so many seconds from now, or the first that can still be planned for.
 * @param {number} inS
 * @param {TimelineMessage} timeline
 * @param {StateMessage | null} session
 * @returns {number}
 */
export function chunkIn(inS, timeline, session) {
  const chunkS = chunkSeconds(session);
  const wanted = chunkS === 0 ? 0 : playing(timeline) + Math.round(inS / chunkS);
  return Math.max(wanted, timeline.chunk_index + LEAD_CHUNKS);
}

/**
 * What a draft says.
 * @param {readonly Part[]} parts rows without words do not count
 * @returns {Words}
 * @throws {RangeError} nothing is said
 */
export function wordsOf(parts) {
  const said = parts.map(({ prompt, weight }) => ({ prompt: prompt.trim(), weight })).filter(({ prompt }) => prompt !== "");
  if (said.length === 0) throw new RangeError("The plan is empty; say what you would like to see.");
  if (said.length === 1) return { prompt: said[0].prompt };
  return { parts: said.map(({ prompt, weight }) => [prompt, weight]) };
}

/** @param {readonly number[]} weights @returns {number[]} in percent of all, whole numbers */
export function percents(weights) {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => Math.round((100 * weight) / total));
}

/**
 * What comes next, in a line: words that were sent and are not seen yet, else the first plan.
 * @param {Pick<View, "timeline" | "session" | "receipts">} view
 * @returns {string | null} e.g. "coming: night over the city", "in 12 s: night over the city"
 */
export function nextLine({ timeline, session, receipts }) {
  const coming = receipts.findLast(({ words, step }) => words !== null && (step === "sent" || step === "received"));
  if (coming) return `coming: ${coming.words}`;
  const next = timeline && planRows(timeline, session)[0];
  return next ? `in ${span(next.inS)}: ${next.words}` : null;
}

/** @param {number} seconds @returns {string} e.g. "12 s", "1:05 min" */
export function span(seconds) {
  return seconds < 60 ? `${Math.round(seconds)} s` : `${clock(Math.round(seconds))} min`;
}

/** @param {TimelineMessage} timeline @returns {number} the chunk that plays */
function playing(timeline) {
  return timeline.chunk_index - 1;
}
