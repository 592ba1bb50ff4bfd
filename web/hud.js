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
    document.addEventListener("keydown", (event) => this.#hear(event));
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

  /** @param {KeyboardEvent} event */
  #hear(event) {
    const isTyping = event.target instanceof Element && event.target.closest("input, textarea") !== null;
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (event.key === "Escape" && !this.#panel.hidden) this.toggle();
    else if (event.key === "i" && !isTyping) this.toggle();
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
      part(this.#panel, "photon").replaceChildren("steer once, and it is measured");
      return;
    }
    dataset.p50 = String(latency.total.p50);
    dataset.p95 = String(latency.total.p95);
    dataset.toScreen = String(latency.toScreen.p50);
    const n = latency.n === 1 ? "one change" : `the last ${latency.n} changes`;
    part(this.#panel, "photon").replaceChildren(
      figure(inSeconds(latency.total.p50), "half are faster"),
      figure(inSeconds(latency.total.p95), "19 of 20 are faster"),
      figure(n, "first frame really presented"),
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
    const late = profile.nLate === 1 ? "1 frame came late" : `${profile.nLate} frames came late`;
    part(this.#panel, "strip-says").textContent =
      `each column is a chunk, up to ${Math.round(tallestMs)} ms of work` +
      `${chunkMs === null ? "" : `; the line is what it may take, ${Math.round(chunkMs)} ms`}. ` +
      `${late}, slow viewers lost ${profile.nDropped}, ${profile.nKeyframes} keyframes so far.`;
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
  const style = getComputedStyle(canvas);
  columns.forEach((bars, index) => {
    // The newest chunk stands at the right edge.
    const left = canvas.width - (columns.length - index) * step;
    let bottom = canvas.height;
    for (const { name, kind, ms } of bars) {
      const height = (ms / fullMs) * canvas.height;
      context.fillStyle = style.getPropertyValue(`--stage-${name.replace(" ", "-")}`) || style.getPropertyValue(`--${kind}`);
      context.fillRect(left, bottom - height, Math.max(1, step - scale), height);
      bottom -= height;
    }
  });
  if (chunkMs !== null) {
    context.fillStyle = style.getPropertyValue("--paper");
    context.fillRect(0, canvas.height - (chunkMs / fullMs) * canvas.height, canvas.width, scale);
  }
  return tallestMs;
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
