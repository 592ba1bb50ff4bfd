// @ts-check
/**
 * The past in numbers and words: moments of the filmstrip, rows of the tree of branches, links to scenarios. Pure.
 */

/** @typedef {import("./protocol.js").TimelineMessage} TimelineMessage */
/** @typedef {import("./protocol.js").Branch} Branch */
/** @typedef {import("./protocol.js").StateMessage} StateMessage */

/**
 * `label` is what fits on its picture, `name` what tells it from its neighbours.
 * @typedef {{chunkIndex: number, id: number, label: string, name: string, isPast: boolean, picture: string | null}} Moment
 */
/** @typedef {{branch: Branch, depth: number, isCurrent: boolean, label: string}} TreeRow */

const LINK_PREFIX = "#scenario=";
/** The server's own limits: a script, and what a session holds beside the state. */
const MAX_SCRIPT_BYTES = 2 ** 20;
const SPARE_SESSION_BYTES = 4 * 2 ** 20;

/**
 * What can be gone back to, oldest first.
 * @param {TimelineMessage} timeline
 * @param {StateMessage | null} session
 * @returns {Moment[]} `isPast` for what lies behind the picture that plays, `picture` relative to the page, none of the beginning
 */
export function moments(timeline, session) {
  const chunkS = session?.fps && session.frames_per_chunk ? session.frames_per_chunk / session.fps : 0;
  return timeline.moments.map(([chunkIndex, id]) => ({
    chunkIndex,
    id,
    label: clock(chunkIndex * chunkS),
    name: preciseClock(chunkIndex * chunkS),
    isPast: chunkIndex <= timeline.chunk_index,
    picture: chunkIndex === 0 ? null : `thumbnails/${timeline.thumbnails}-${id}.jpg`,
  }));
}

/**
 * The branches as rows, each below the one that it left.
 * @param {TimelineMessage} timeline
 * @param {StateMessage | null} session
 * @returns {TreeRow[]}
 */
export function treeRows(timeline, session) {
  const chunkS = session?.fps && session.frames_per_chunk ? session.frames_per_chunk / session.fps : 0;
  const known = new Set(timeline.branches.map(({ id }) => id));
  /** @type {TreeRow[]} */
  const rows = [];
  /** @param {Branch} branch @param {number} depth */
  const add = (branch, depth) => {
    const label = `${branch.name}, ${clock(branch.tip_index * chunkS)}`;
    rows.push({ branch, depth, isCurrent: branch.id === timeline.branch_id, label });
    timeline.branches.filter(({ parent_id }) => parent_id === branch.id).forEach((child) => add(child, depth + 1));
  };
  timeline.branches.filter((one) => one.parent_id === null || !known.has(one.parent_id)).forEach((one) => add(one, 0));
  return rows;
}

/** @param {number} seconds @returns {string} e.g. "1:05" */
export function clock(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** @param {number} seconds @returns {string} e.g. "1:05.5", but "1:05" on the full second */
function preciseClock(seconds) {
  const tenths = Math.floor((seconds % 1) * 10);
  return tenths === 0 ? clock(seconds) : `${clock(seconds)}.${tenths}`;
}

/**
 * Whether a file is too long to be what its name says; asked before any of it is read.
 * @param {{name: string, size: number}} file size in bytes
 * @param {number | null} stateBytes of the model's state; null while it is unknown
 * @returns {string | null} a sentence for people, or null
 */
export function tooLong({ name, size }, stateBytes) {
  const isScript = isScriptName(name);
  const limit = isScript ? MAX_SCRIPT_BYTES : stateBytes === null ? Infinity : stateBytes + SPARE_SESSION_BYTES;
  if (size <= limit) return null;
  return `The file has ${size} bytes; a ${isScript ? "script" : "session of this model"} has at most ${limit}.`;
}

/** @param {string} name @returns {boolean} whether a file is a script of what was said, and not a session */
export function isScriptName(name) {
  return name.toLowerCase().endsWith(".json");
}

/**
 * A scenario as the end of an address.
 * @param {string} scenario JSON
 * @returns {string}
 */
export function toHash(scenario) {
  const bytes = new TextEncoder().encode(scenario);
  const text = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  return LINK_PREFIX + text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/**
 * The scenario in the end of an address.
 * @param {string} hash
 * @returns {object | null} null when there is none
 * @throws {SyntaxError} when it is damaged
 */
export function fromHash(hash) {
  if (!hash.startsWith(LINK_PREFIX)) return null;
  try {
    const text = atob(hash.slice(LINK_PREFIX.length).replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    return withoutDigests(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
  } catch {
    throw new SyntaxError("The link is damaged: what it holds is no scenario.");
  }
}

/**
 * A scenario as it is sent to be played: digests are for comparing, and long.
 * @param {unknown} scenario
 * @returns {object}
 * @throws {SyntaxError} when it is no object
 */
export function withoutDigests(scenario) {
  if (typeof scenario !== "object" || scenario === null || Array.isArray(scenario)) {
    throw new SyntaxError("This file holds no scenario.");
  }
  const { digests, paths, ...rest } = /** @type {Record<string, unknown>} */ (scenario);
  return rest;
}
