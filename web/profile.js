// @ts-check
/** The server's profile: what is said of each stage, and the bars of the flame strip. Pure. */

/** Stages in the order in which they are stacked; waiting is listed, but not drawn as work. */
export const STAGES = Object.freeze(
  /** @type {const} */ ([
    { name: "mailbox", kind: "wait", says: "a control waits until the next chunk is begun" },
    { name: "queue", kind: "wait", says: "a chunk was asked for and is not begun yet" },
    { name: "text", kind: "engine", says: "words become numbers" },
    { name: "noise", kind: "engine", says: "the dice of the chunk" },
    { name: "denoise", kind: "engine", says: "the model's steps from noise to video" },
    { name: "commit", kind: "engine", says: "the model remembers the chunk" },
    { name: "decode", kind: "engine", says: "latents become pixels" },
    { name: "snapshot", kind: "engine", says: "the moment is kept, to go back to" },
    { name: "transfer", kind: "server", says: "pixels come out of the engine's process" },
    { name: "colour", kind: "server", says: "RGB becomes what encoders take" },
    { name: "archive", kind: "server", says: "a picture for the filmstrip" },
    { name: "buffer", kind: "wait", says: "finished, and waiting for its time to play" },
    { name: "encode", kind: "encoder", says: "every frame of the chunk, once for all viewers" },
    { name: "hand out", kind: "encoder", says: "coded frames to every viewer's queue" },
  ]),
);

/** @typedef {{name: string, p50: number, p95: number, says: string, kind: string}} StageRow */
/** @typedef {{name: string, kind: string, ms: number}} Bar */
/**
 * `devices` of a cluster that made the chunks, in the order of playing; none on a server of one machine.
 * @typedef {{rows: StageRow[], columns: Bar[][], devices: string[], nLate: number, nDropped: number, nKeyframes: number}} Profile
 */

/**
 * @param {any} json of GET /profile
 * @returns {Profile}
 */
export function readProfile(json) {
  const known = new Map(STAGES.map((stage) => [/** @type {string} */ (stage.name), stage]));
  const order = [...known.keys()];
  const rows = Object.entries(json.stages_ms).map(([name, spread]) => ({
    name,
    p50: spread.p50,
    p95: spread.p95,
    says: known.get(name)?.says ?? "",
    kind: known.get(name)?.kind ?? "engine",
  }));
  rows.sort((a, b) => rank(order, a.name) - rank(order, b.name));
  return {
    rows,
    columns: json.chunks.map((/** @type {any} */ chunk) => bars(chunk.spans, known)),
    devices: inTurn(json.chunks.map((/** @type {any} */ chunk) => chunk.device)),
    nLate: json.n_late_frames,
    nDropped: json.n_dropped_frames,
    nKeyframes: Object.values(json.encoders).reduce((sum, encoder) => sum + encoder.n_keyframes, 0),
  };
}

/**
 * The work on one chunk, stage upon stage; what waits costs nobody anything and is left out.
 * @param {[string, number, number][]} spans
 * @param {Map<string, {kind: string}>} known
 * @returns {Bar[]}
 */
function bars(spans, known) {
  /** @type {Map<string, Bar>} */
  const byName = new Map();
  for (const [name, , ms] of spans) {
    const kind = known.get(name)?.kind ?? "engine";
    if (kind === "wait") continue;
    const bar = byName.get(name) ?? { name, kind, ms: 0 };
    bar.ms += ms;
    byName.set(name, bar);
  }
  const order = [...known.keys()];
  return [...byName.values()].sort((a, b) => rank(order, a.name) - rank(order, b.name));
}

/** @param {readonly (string | undefined)[]} names @returns {string[]} each once for every time that it comes after another */
function inTurn(names) {
  const known = names.filter((name) => name !== undefined);
  return known.filter((name, index) => name !== known[index - 1]);
}

/** @param {readonly string[]} order @param {string} name */
function rank(order, name) {
  const index = order.indexOf(name);
  return index === -1 ? order.length : index;
}
