// @ts-check
/**
 * The panel that says where the time goes: click-to-photon, the last 60 chunks by stage, and what the browser adds.
 *
 * Asks the server only while it is open. Touches only its own elements; knows nothing of sockets or media.
 */

import { readProfile } from "./profile.js";

/** @typedef {import("./profile.js").Profile} Profile */
/** @typedef {import("./latency.js").LatencySummary} LatencySummary */
/** @typedef {import("./stats.js").Reception} Reception */
/** @typedef {{latency: LatencySummary | null, reception: Reception | null, chunkMs: number | null, way: string}} Facts */

const PERIOD_MS = 1000;
const N_COLUMNS = 60;
const WAYS = [
  ["toServer", "to the server", "your words reach the server, and it answers"],
  ["making", "in the making", "until the first frame made under them plays: waiting, generating, queueing"],
  ["toScreen", "to the screen", "that frame is encoded, sent, decoded and presented"],
];

export class Hud {
  #panel;
  #button;
  #addressOf;
  #facts;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;

  /**
   * @param {HTMLElement} panel
   * @param {HTMLElement} button opens and closes it
   * @param {(path: string) => string} addressOf what the server tells of this page's session
   * @param {() => Facts} facts what this page measured
   */
  constructor(panel, button, addressOf, facts) {
    this.#panel = panel;
    this.#button = button;
    this.#addressOf = addressOf;
    this.#facts = facts;
    button.addEventListener("click", () => this.toggle());
    part(panel, "close").addEventListener("click", () => this.toggle());
  }

  get isOpen() {
    return !this.#panel.hidden;
  }

  toggle() {
    const isOpen = this.#panel.hidden;
    this.#panel.hidden = !isOpen;
    this.#button.setAttribute("aria-expanded", String(isOpen));
    clearInterval(this.#timer);
    if (!isOpen) return this.#button.focus();
    this.#timer = setInterval(() => this.#refresh(), PERIOD_MS);
    for (const link of this.#panel.querySelectorAll("a")) link.href = this.#addressOf(link.dataset.path ?? "");
    part(this.#panel, "close").focus();
    this.#refresh();
  }

  /** Ask nothing more; the page is going. */
  stop() {
    clearInterval(this.#timer);
  }

  async #refresh() {
    const facts = this.#facts();
    this.#renderPhoton(facts.latency);
    this.#renderReception(facts);
    try {
      const response = await fetch(withLast(this.#addressOf("profile")));
      if (!response.ok) throw new Error(`the server answered ${response.status}`);
      this.#renderProfile(readProfile(await response.json()), facts.chunkMs);
    } catch (error) {
      // The page itself says when there is no connection; here, old numbers only must not pass for new ones.
      part(this.#panel, "strip-says").textContent = `no profile: ${error instanceof Error ? error.message : error}`;
    }
  }

  /** @param {LatencySummary | null} latency */
  #renderPhoton(latency) {
    const { dataset } = this.#panel;
    dataset.n = String(latency?.n ?? 0);
    if (latency === null) {
      part(this.#panel, "photon").replaceChildren("Say something, and it is measured how long it takes until you see it.");
      return;
    }
    dataset.p50 = String(latency.total.p50);
    dataset.p95 = String(latency.total.p95);
    dataset.toScreen = String(latency.toScreen.p50);
    const n = latency.n === 1 ? "one change" : `the last ${latency.n} changes`;
    part(this.#panel, "photon").replaceChildren(
      figure(inSeconds(latency.total.p50), "typical: half are faster"),
      figure(inSeconds(latency.total.p95), "1 in 20 is slower"),
      figure(n, "from the key to the first frame on this screen"),
    );
    const total = latency.toServer.p50 + latency.making.p50 + latency.toScreen.p50;
    part(this.#panel, "ways").replaceChildren(
      ...WAYS.map(([key, name, says]) => {
        const { p50 } = /** @type {any} */ (latency)[key];
        const item = row(name, says, `${Math.round(p50)} ms`, "");
        item.style.setProperty("--share", String(p50 / total));
        return item;
      }),
    );
  }

  /** @param {Profile} profile @param {number | null} chunkMs media time of a chunk */
  #renderProfile(profile, chunkMs) {
    const tallestMs = draw(canvasOf(this.#panel), profile.columns, chunkMs);
    part(this.#panel, "chunk").textContent = chunkMs === null ? "" : ` of ${Number((chunkMs / 1000).toFixed(2))} s`;
    part(this.#panel, "strip-says").textContent =
      `Each column is one chunk, the newest on the right; the highest is ${Math.round(tallestMs)} ms of work. ` +
      `${chunkMs === null ? "" : `Above the line, ${Math.round(chunkMs)} ms, it would come too late. `}` +
      `So far ${count(profile.nLate, "frame")} came late, slow viewers lost ${profile.nDropped}, ` +
      `and ${count(profile.nKeyframes, "keyframe")} went out.` +
      `${profile.devices.length === 0 ? "" : ` Made by ${profile.devices.join(", then ")}.`}`;
    part(this.#panel, "stages").replaceChildren(
      ...profile.rows.map(({ name, says, p50, p95, kind }) => {
        const item = row(name, says, `${shown(p50)} ms`, `${shown(p95)} ms`);
        item.dataset.kind = kind;
        return item;
      }),
    );
  }

  /** @param {Facts} facts */
  #renderReception({ reception, way }) {
    const parts = [way];
    if (reception !== null) {
      const { codec, bitrateBps, jitterBufferMs, decodeMs, nDropped, nFreezes, nLost, roundTripMs } = reception;
      if (codec !== null) parts.push(codec);
      if (bitrateBps !== null) parts.push(`${Math.round(bitrateBps / 1000)} kbit/s`);
      if (roundTripMs !== null) parts.push(`round trip ${shown(roundTripMs)} ms`);
      if (jitterBufferMs !== null) parts.push(`jitter buffer ${shown(jitterBufferMs)} ms`);
      if (decodeMs !== null) parts.push(`decode ${shown(decodeMs)} ms`);
      parts.push(`${nLost} packets lost`, `${nDropped} frames dropped`, `${nFreezes} freezes`);
    }
    part(this.#panel, "browser").textContent = parts.join(", ");
  }
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {readonly import("./profile.js").Bar[][]} columns
 * @param {number | null} chunkMs
 * @returns {number} of the tallest column, milliseconds
 */
function draw(canvas, columns, chunkMs) {
  const scale = window.devicePixelRatio;
  canvas.width = Math.round(canvas.clientWidth * scale);
  canvas.height = Math.round(canvas.clientHeight * scale);
  const context = canvas.getContext("2d");
  const sums = columns.map((bars) => bars.reduce((sum, { ms }) => sum + ms, 0));
  const tallestMs = Math.max(0, ...sums);
  if (context === null || tallestMs === 0) return tallestMs;
  const fullMs = 1.08 * Math.max(tallestMs, chunkMs ?? 0);
  const step = canvas.width / N_COLUMNS;
  const colour = colours(canvas);
  columns.forEach((bars, index) => {
    // The newest chunk stands at the right edge.
    const left = canvas.width - (columns.length - index) * step;
    let bottom = canvas.height;
    for (const { name, kind, ms } of bars) {
      const height = (ms / fullMs) * canvas.height;
      context.fillStyle = colour(`var(--stage-${name.replace(" ", "-")}, var(--${kind}))`);
      context.fillRect(left, bottom - height, Math.max(1, step - scale), height);
      bottom -= height;
    }
  });
  if (chunkMs !== null) {
    context.fillStyle = colour("var(--paper)");
    context.fillRect(0, canvas.height - (chunkMs / fullMs) * canvas.height, canvas.width, scale);
  }
  return tallestMs;
}

/**
 * Colours of the style sheet as a canvas takes them: variables that depend on the theme are resolved for elements only.
 * @param {HTMLCanvasElement} canvas
 * @returns {(value: string) => string}
 */
function colours(canvas) {
  /** @type {Map<string, string>} */
  const known = new Map();
  return (value) => {
    if (!known.has(value)) {
      canvas.style.color = value;
      known.set(value, getComputedStyle(canvas).color);
    }
    return known.get(value) ?? value;
  };
}

/** @param {string} name @param {string} says @param {string} first @param {string} second */
function row(name, says, first, second) {
  const item = document.createElement("li");
  item.append(cell("name", name), cell("number", first), cell("number", second), cell("says", says));
  return item;
}

/** @param {string} value @param {string} label */
function figure(value, label) {
  const item = document.createElement("span");
  item.append(cell("value", value), cell("label", label));
  return item;
}

/** @param {string} className @param {string} text */
function cell(className, text) {
  const node = document.createElement("span");
  node.className = className;
  node.textContent = text;
  return node;
}

/** @param {string} address */
function withLast(address) {
  const url = new URL(address);
  url.searchParams.set("last", String(N_COLUMNS));
  return url;
}

/** @param {number} n @param {string} what @returns {string} e.g. "1 frame", "2 frames" */
function count(n, what) {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}

/** @param {number} ms */
function inSeconds(ms) {
  return `${(ms / 1000).toFixed(2)} s`;
}

/** @param {number} ms @returns {string} with as many digits as mean something */
function shown(ms) {
  return ms >= 10 ? String(Math.round(ms)) : ms.toFixed(1);
}

/** @param {HTMLElement} panel @param {string} name @returns {HTMLElement} */
function part(panel, name) {
  const node = panel.querySelector(`[data-part="${name}"]`);
  if (!(node instanceof HTMLElement)) throw new Error(`the panel has no part "${name}"`);
  return node;
}

/** @param {HTMLElement} panel @returns {HTMLCanvasElement} */
function canvasOf(panel) {
  const node = part(panel, "strip");
  if (!(node instanceof HTMLCanvasElement)) throw new Error("the strip is no canvas");
  return node;
}
