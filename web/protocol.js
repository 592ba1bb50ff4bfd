// @ts-check
/**
 * Control protocol, version 1: server messages parsed into typed unions, control messages built.
 *
 * Unknown types and missing fields throw a ProtocolError; unknown extra fields are ignored, so that a server
 * may say more than this page understands. Knows neither sockets nor the page. Field names are those of the wire.
 */

export const PROTOCOL_VERSION = 1;

/** A message that this page cannot read; `isFatal` when no later message will be readable either. */
export class ProtocolError extends Error {
  /** @param {string} message @param {boolean} [isFatal] */
  constructor(message, isFatal = false) {
    super(message);
    this.name = "ProtocolError";
    this.isFatal = isFatal;
  }
}

/** @typedef {"warming" | "running" | "paused" | "restarting"} Status */
/** Frames of random ones are no pictures. @typedef {"trained" | "random"} Weights */
/** @typedef {{stage: string, fraction: number}} Progress */
/**
 * What the session is doing. Numbers of the video are null until the model is loaded.
 * @typedef {{
 *   type: "state", status: Status, progress: Progress | null, prompt: string, seed: number, n_viewers: number,
 *   fps: number | null, width_px: number | null, height_px: number | null, frames_per_chunk: number | null,
 *   state_bytes: number | null, session: string, transition_chunks: number, weights: Weights | null,
 * }} StateMessage
 */
/** @typedef {{type: "received", id: number}} ReceivedMessage */
/**
 * The first frame made under control `id` plays now; `pts` is in 90 kHz ticks of the session's media time.
 * @typedef {{type: "applied", id: number, chunk_index: number, pts: number}} AppliedMessage
 */
/** @typedef {{scene: readonly string[], heard: readonly string[], similarity: number}} Understanding */
/**
 * A chunk begins to play; `blend` is the weight of `prompt` in it, `total_ms` the time it took to generate, `fps` the
 * new frames a second that the server played lately. `scene` is what all prompts ask for together, `heard` what the last
 * one said of it, `similarity` (0 to 1) how near that comes to its words.
 * @typedef {{
 *   type: "chunk", chunk_index: number, pts: number, prompt: string, blend: number, total_ms: number, fps: number,
 *   understanding: Understanding, weights: Weights,
 * }} ChunkMessage
 */
/** Words for a later chunk. @typedef {{id: number, chunk_index: number, verb: string, prompt: string}} Plan */
/** @typedef {{id: number, name: string, parent_id: number | null, forked_at: number, tip_index: number}} Branch */
/**
 * The past as it may be gone back to, and what is planned: `moments` are [chunk index, moment id] of the branch that plays, and a moment's
 * picture is at thumbnails/(`thumbnails`)-(its id).jpg.
 * @typedef {{
 *   type: "timeline", branch_id: number, chunk_index: number, branches: readonly Branch[], max_branches: number,
 *   moments: readonly (readonly [number, number])[], plan: readonly Plan[], thumbnails: string,
 * }} TimelineMessage
 */
/**
 * There is no room for another session yet: this page is the `place`th of `n_waiting` in line, for about `wait_ms`.
 * @typedef {{type: "line", place: number, n_waiting: number, n_sessions: number, wait_ms: number | null}} LineMessage
 */
/**
 * The video is about to come from another machine, to which `place` leads; if `is_gone`, none comes from the one before.
 * @typedef {{type: "moving", place: string, is_gone: boolean}} MovingMessage
 */
/** @typedef {{type: "error", code: string, message: string, id: number | null}} ErrorMessage */
/**
 * A film that is being made, or was; it is at recordings/(`name`).mp4, and what was said in it at .json.
 * @typedef {{
 *   type: "recording", name: string, status: string, duration_ms: number, n_bytes: number, has_script: boolean,
 *   message: string | null,
 * }} RecordingMessage
 */
/**
 * @typedef {RecordingMessage | StateMessage | ReceivedMessage | AppliedMessage | ChunkMessage | TimelineMessage | LineMessage | MovingMessage
 *   | ErrorMessage
 * } ServerMessage
 */

/** @typedef {{type: "hello", version: number, session?: string}} Hello `session` is the one to join, if it is still there */
/**
 * @typedef {{type: "steer", id: number, prompt: string, chunks?: number} | {type: "cut", id: number, prompt: string}
 *   | {type: "pause", id: number} | {type: "resume", id: number} | {type: "reset", id: number}
 *   | {type: "seed", id: number, seed: number} | {type: "seek", id: number, chunk_index: number}
 *   | {type: "fork", id: number, chunk_index?: number} | {type: "switch", id: number, branch_id: number}
 *   | {type: "blend", id: number, parts: [string, number][], chunks?: number}
 *   | {type: "schedule", id: number, chunk_index: number, verb: "steer" | "cut", chunks?: number} & import("./plans.js").Words
 *   | {type: "reschedule", id: number, plan_id: number, chunk_index: number}
 *   | {type: "unschedule", id: number, plan_id: number}
 *   | {type: "record", id: number, action: "start" | "stop"} | {type: "keep", id: number}
 *   | {type: "delete", id: number, branch_id: number} | {type: "load", id: number, upload: string}
 *   | {type: "scenario", id: number, scenario: object}} Control
 */
/** @typedef {Control["type"]} Verb */

/** @type {readonly Status[]} */
const STATUSES = ["warming", "running", "paused", "restarting"];

/** @type {Readonly<Record<string, (fields: Fields) => ServerMessage>>} */
const PARSERS = {
  state: parseState,
  received: (fields) => ({ type: "received", id: fields.number("id") }),
  applied: parseApplied,
  chunk: parseChunk,
  timeline: parseTimeline,
  line: (fields) => ({
    type: "line",
    place: fields.number("place"),
    n_waiting: fields.number("n_waiting"),
    n_sessions: fields.number("n_sessions"),
    wait_ms: fields.optionalNumber("wait_ms"),
  }),
  moving: (fields) => ({ type: "moving", place: fields.string("place"), is_gone: fields.boolean("is_gone") }),
  recording: (fields) => ({
    type: "recording",
    name: fields.string("name"),
    status: fields.string("status"),
    duration_ms: fields.number("duration_ms"),
    n_bytes: fields.number("n_bytes"),
    has_script: fields.boolean("has_script"),
    message: fields.optionalString("message"),
  }),
  error: (fields) => ({
    type: "error",
    code: fields.string("code"),
    message: fields.string("message"),
    id: fields.optionalNumber("id"),
  }),
};

/**
 * Read one text message of the server.
 * @param {string} text
 * @returns {ServerMessage}
 * @throws {ProtocolError} when it is not JSON, of an unknown type, or lacks a field
 */
export function parseServerMessage(text) {
  const fields = new Fields(parseJson(text), "the message");
  const type = fields.string("type");
  const parse = Object.hasOwn(PARSERS, type) ? PARSERS[type] : undefined;
  if (parse === undefined) {
    throw new ProtocolError(`The server sent a message of type "${type}", which this page does not know.`);
  }
  return parse(fields);
}

/** @param {string | null} session to join, or null for one of our own @returns {Hello} */
export function hello(session) {
  return { type: "hello", version: PROTOCOL_VERSION, ...(session === null ? {} : { session }) };
}

/** @param {string} text @returns {unknown} */
function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new ProtocolError(`The server sent ${text.length} characters that are not JSON.`);
  }
}

/** @param {Fields<import("./protocol-types.js").StateEvent>} fields @returns {StateMessage} */
function parseState(fields) {
  const version = fields.number("version");
  if (version !== PROTOCOL_VERSION) {
    throw new ProtocolError(
      `The server speaks protocol version ${version}, this page version ${PROTOCOL_VERSION}; reload the page.`,
      true,
    );
  }
  const status = STATUSES.find((name) => name === fields.string("status"));
  if (status === undefined) {
    throw new ProtocolError(`The server is "${fields.string("status")}"; this page knows ${STATUSES.join(", ")}.`);
  }
  const progress = fields.optionalObject("progress");
  return {
    type: "state",
    status,
    progress: progress && { stage: progress.string("stage"), fraction: progress.number("fraction") },
    prompt: fields.string("prompt"),
    seed: fields.number("seed"),
    n_viewers: fields.number("n_viewers"),
    fps: fields.optionalNumber("fps"),
    width_px: fields.optionalNumber("width_px"),
    height_px: fields.optionalNumber("height_px"),
    frames_per_chunk: fields.optionalNumber("frames_per_chunk"),
    state_bytes: fields.optionalObject("model")?.optionalNumber("state_bytes") ?? null,
    session: fields.string("session"),
    transition_chunks: fields.number("transition_chunks"),
    weights: fields.has("weights") ? readWeights(fields) : null,
  };
}

/** @param {Fields<import("./protocol-types.js").AppliedEvent>} fields @returns {AppliedMessage} */
function parseApplied(fields) {
  return {
    type: "applied",
    id: fields.number("id"),
    chunk_index: fields.number("chunk_index"),
    pts: fields.number("pts"),
  };
}

/** @param {Fields<import("./protocol-types.js").ChunkEvent>} fields @returns {ChunkMessage} */
function parseChunk(fields) {
  return {
    type: "chunk",
    chunk_index: fields.number("chunk_index"),
    pts: fields.number("pts"),
    prompt: fields.string("prompt"),
    blend: fields.number("blend"),
    total_ms: fields.object("profile").number("total_ms"),
    fps: fields.number("fps"),
    understanding: parseUnderstanding(fields.object("understanding")),
    weights: readWeights(fields),
  };
}

/** @param {Fields<import("./protocol-types.js").StateEvent | import("./protocol-types.js").ChunkEvent>} fields @returns {Weights} */
function readWeights(fields) {
  const weights = fields.string("weights");
  if (weights === "trained" || weights === "random") return weights;
  throw new ProtocolError(`The weights are "${weights}"; this page knows trained and random.`);
}

/** @param {Fields<import("./protocol-types.js").ChunkEvent["understanding"]>} fields @returns {Understanding} */
function parseUnderstanding(fields) {
  return { scene: fields.texts("scene"), heard: fields.texts("heard"), similarity: fields.number("similarity") };
}

/** @param {Fields<import("./protocol-types.js").TimelineEvent>} fields @returns {TimelineMessage} */
function parseTimeline(fields) {
  return {
    type: "timeline",
    branch_id: fields.number("branch_id"),
    chunk_index: fields.number("chunk_index"),
    branches: fields.objects("branches").map((branch) => ({
      id: branch.number("id"),
      name: branch.string("name"),
      parent_id: branch.optionalNumber("parent_id"),
      forked_at: branch.number("forked_at"),
      tip_index: branch.number("tip_index"),
    })),
    max_branches: fields.number("max_branches"),
    moments: fields.pairs("moments"),
    plan: fields.objects("plan").map((plan) => ({
      id: plan.number("id"),
      chunk_index: plan.number("chunk_index"),
      verb: plan.string("verb"),
      prompt: plan.string("prompt"),
    })),
    thumbnails: fields.string("thumbnails"),
  };
}

/**
 * Typed access to the fields of a JSON object; a field of another type is a ProtocolError naming it. `Wire` is the
 * generated type of the object, so that a name that the server does not use is an error of the type check.
 * @template [Wire=any]
 */
class Fields {
  /** @type {Record<string, unknown>} */
  #values;
  #name;

  /** @param {unknown} value @param {string} name */
  constructor(value, name) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new ProtocolError(`The server sent ${JSON.stringify(value)} where ${name} should be an object.`);
    }
    this.#values = /** @type {Record<string, unknown>} */ (value);
    this.#name = name;
  }

  /** @param {keyof Wire & string} key @returns {string} */
  string(key) {
    const value = this.#values[key];
    return typeof value === "string" ? value : this.#refuse(key, "a text");
  }

  /** @param {keyof Wire & string} key @returns {readonly string[]} */
  texts(key) {
    const value = this.#values[key];
    const isTexts = Array.isArray(value) && value.every((item) => typeof item === "string");
    return isTexts ? value : this.#refuse(key, "a list of texts");
  }

  /** @param {keyof Wire & string} key @returns {readonly Fields[]} */
  objects(key) {
    const value = this.#values[key];
    return Array.isArray(value) ? value.map((item) => new Fields(item, `"${key}"`)) : this.#refuse(key, "a list");
  }

  /** @param {keyof Wire & string} key @returns {readonly (readonly [number, number])[]} */
  pairs(key) {
    const value = this.#values[key];
    const isPair = (/** @type {unknown} */ item) =>
      Array.isArray(item) && item.length === 2 && item.every((number) => typeof number === "number");
    return Array.isArray(value) && value.every(isPair) ? value : this.#refuse(key, "a list of pairs of numbers");
  }

  /** @param {keyof Wire & string} key @returns {number} */
  number(key) {
    const value = this.#values[key];
    return typeof value === "number" ? value : this.#refuse(key, "a number");
  }

  /** @param {keyof Wire & string} key @returns {boolean} */
  boolean(key) {
    const value = this.#values[key];
    return typeof value === "boolean" ? value : this.#refuse(key, "true or false");
  }

  /** @param {keyof Wire & string} key @returns {string | null} */
  optionalString(key) {
    const value = this.#values[key];
    return value === undefined || value === null ? null : this.string(key);
  }

  /** @param {keyof Wire & string} key @returns {Fields} */
  object(key) {
    return new Fields(this.#values[key], `"${key}"`);
  }

  /** @param {keyof Wire & string} key @returns {number | null} */
  optionalNumber(key) {
    return this.has(key) ? this.number(key) : null;
  }

  /** @param {keyof Wire & string} key @returns {Fields | null} */
  optionalObject(key) {
    return this.has(key) ? this.object(key) : null;
  }

  /** @param {keyof Wire & string} key @returns {boolean} */
  has(key) {
    return this.#values[key] !== undefined && this.#values[key] !== null;
  }

  /** @param {keyof Wire & string} key @param {string} expected @returns {never} */
  #refuse(key, expected) {
    const got = JSON.stringify(this.#values[key]) ?? "nothing";
    throw new ProtocolError(`"${key}" of ${this.#name} is ${got}; it should be ${expected}.`);
  }
}
