// @ts-check
/**
 * The page's elements: what a person does becomes a call of a handler, a view becomes what the page shows.
 *
 * Its parts have modules of their own (prompt-box.js, filmstrip.js, planner.js, ...). Knows nothing of sockets or media.
 */

import { Filmstrip } from "./filmstrip.js";
import { fitFrame } from "./layout.js";
import { Planner } from "./planner.js";
import { nextLine } from "./plans.js";
import { hasTouch, PromptBox } from "./prompt-box.js";
import { farLine, receiptLine, spokenStatus, statsLine, statusLine, weightsLine } from "./text.js";

/** @typedef {import("./state.js").View} View */
/**
 * @typedef {{
 *   onPrompt: import("./prompt-box.js").OnPrompt,
 *   onPause: () => void, onSeed: () => void, onReset: () => void, onSmooth: () => void,
 *   onInvite: () => void, onTheme: () => void, onKeys: () => void,
 * } & import("./filmstrip.js").PastHandlers & import("./planner.js").PlanHandlers} Handlers
 */

/** Below this share of the window a phone's keyboard must be up. */
const KEYBOARD_SHARE = 0.75;

export class Page {
  #root = document.documentElement;
  #video = element("video", HTMLVideoElement);
  #glow = element("glow", HTMLCanvasElement);
  #still = element("still", HTMLCanvasElement);
  #room = element("room", HTMLElement);
  #frame = element("frame", HTMLElement);
  #prompts;
  #filmstrip;
  #planner;
  /** @type {View | null} */
  #view = null;
  #observer = new ResizeObserver(() => this.#place());

  get video() {
    return this.#video;
  }

  get hud() {
    return element("hud", HTMLElement);
  }

  get recorder() {
    return element("recorder", HTMLElement);
  }

  get stats() {
    return element("stats", HTMLElement);
  }

  get still() {
    return this.#still;
  }

  get glow() {
    return this.#glow;
  }

  get planner() {
    return this.#planner;
  }

  get keyList() {
    return element("keys-list", HTMLDialogElement);
  }

  /** @returns {{chunks?: number}} how long a change takes, where a person chose */
  get pace() {
    return this.#prompts.pace;
  }

  /** @param {import("./history.js").PromptHistory} said @param {Handlers} handlers */
  constructor(said, handlers) {
    this.#prompts = new PromptBox(element("form", HTMLElement), element("ideas", HTMLElement), said, handlers.onPrompt);
    this.#filmstrip = new Filmstrip(element("past", HTMLElement), handlers);
    this.#planner = new Planner(element("plans", HTMLElement), element("plan", HTMLElement), handlers);
    this.#listenToTools(handlers);
    this.#prompts.input.addEventListener("blur", () => this.#fitKeyboard());
    this.#observer.observe(this.#room);
    this.#observer.observe(document.body);
    window.visualViewport?.addEventListener("resize", () => this.#fitKeyboard());
    // A programmatic focus would raise the keyboard of some phones over the picture.
    if (!hasTouch()) this.focusPrompt();
  }

  focusPrompt() {
    this.#prompts.input.focus();
  }

  /** @param {View} view */
  render(view) {
    const previous = this.#view;
    this.#view = view;
    this.#renderStatus(view);
    this.#renderAnswers(view);
    this.#renderNow(view);
    if (view.session !== previous?.session) this.#prompts.render(view);
    if (view.timeline !== previous?.timeline) this.#filmstrip.render(view);
    if (view.timeline !== previous?.timeline || view.session !== previous?.session) this.#planner.render(view);
    this.#root.classList.toggle("is-smooth", view.isSmooth);
    element("smooth", HTMLElement).setAttribute("aria-pressed", String(view.isSmooth));
    if (previous?.isSmooth !== view.isSmooth || previous?.session?.width_px !== view.session?.width_px) this.#place();
  }

  /** @param {View} view */
  #renderStatus(view) {
    const { tone, text, fraction } = statusLine(view);
    const isPaused = view.session?.status === "paused";
    const veil = element("veil", HTMLElement);
    setText("status", text);
    setText("status-spoken", spokenStatus(view));
    for (const node of [veil, element("status", HTMLElement).parentElement]) node?.setAttribute("data-tone", tone);
    // While the veil fades out it keeps its last words.
    if (tone === "busy" || tone === "lost") setText("veil-text", text);
    element("veil-bar", HTMLElement).style.setProperty("--share", String(fraction ?? 0));
    element("veil-bar", HTMLElement).parentElement?.toggleAttribute("hidden", fraction === null);
    this.#root.classList.toggle("is-paused", isPaused);
    setText("pause-label", isPaused ? "Resume" : "Pause");
    const weights = weightsLine(view);
    element("weights", HTMLElement).hidden = weights === null;
    setText("weights", weights ?? "");
    const seed = view.session ? ` (now ${view.session.seed})` : "";
    element("seed", HTMLElement).title = `the same words with other dice${seed} (N)`;
  }

  /** @param {View} view */
  #renderAnswers(view) {
    const receipt = receiptLine(view);
    const node = element("receipt", HTMLElement);
    node.hidden = receipt === null || view.problem !== null;
    if (receipt) {
      node.dataset.step = receipt.step;
      setText("receipt-text", receipt.text);
      // Heard once, when it is done; every step on the way would be noise.
      if (receipt.text !== receipt.step) setText("done-spoken", receipt.text);
    }
    element("problem", HTMLElement).hidden = view.problem === null;
    setText("problem", view.problem ?? "");
  }

  /** @param {View} view */
  #renderNow(view) {
    element("now", HTMLElement).classList.toggle("is-empty", view.caption === "");
    setText("caption", view.caption);
    this.#renderUnderstanding(view);
    const next = nextLine(view);
    element("next", HTMLElement).hidden = next === null;
    setText("next", next ?? "");
    const blend = element("blend", HTMLElement);
    blend.classList.toggle("is-done", view.blend >= 1);
    blend.style.setProperty("--share", String(view.blend));
    const stats = element("stats", HTMLElement);
    const known = statsLine(view);
    const parts = known.length > 0 ? known : ["no numbers yet"];
    if (stats.textContent !== parts.join("")) stats.replaceChildren(...parts.map(span));
  }

  /** @param {View} view */
  #renderUnderstanding(view) {
    const scene = view.understanding?.scene ?? [];
    const heard = view.understanding?.heard ?? [];
    const list = element("scene", HTMLElement);
    const shown = JSON.stringify([scene, heard]);
    if (list.dataset.shown !== shown) {
      list.dataset.shown = shown;
      list.replaceChildren(
        ...scene.map((phrase) => {
          const item = document.createElement("li");
          item.textContent = phrase;
          item.classList.toggle("is-new", heard.includes(phrase));
          return item;
        }),
      );
    }
    const far = farLine(view);
    element("far", HTMLElement).hidden = far === null;
    setText("far", far ?? "");
  }

  /** Give the picture its size, and the glow its place behind it. */
  #place() {
    const { session, isSmooth } = this.#view ?? { session: null, isSmooth: false };
    const room = { widthPx: this.#room.clientWidth, heightPx: this.#room.clientHeight };
    const video = { widthPx: session?.width_px ?? 128, heightPx: session?.height_px ?? 128 };
    if (room.widthPx === 0) return;
    const size = fitFrame(room, video, window.devicePixelRatio, isSmooth);
    this.#root.style.setProperty("--frame-width", `${size.widthPx}px`);
    this.#root.style.setProperty("--frame-height", `${size.heightPx}px`);
    const box = this.#frame.getBoundingClientRect();
    this.#glow.style.setProperty("--glow-left", `${box.left + window.scrollX + box.width / 2}px`);
    this.#glow.style.setProperty("--glow-top", `${box.top + window.scrollY + box.height / 2}px`);
  }

  /** Phones draw the keyboard over the page or shrink the window; either way the picture must stay in sight. */
  #fitKeyboard() {
    const viewport = window.visualViewport;
    if (!viewport) return;
    const heightPx = viewport.height * viewport.scale;
    const isTyping = hasTouch() && heightPx < screen.height * KEYBOARD_SHARE && document.activeElement === this.#prompts.input;
    this.#root.classList.toggle("is-typing", isTyping);
    if (isTyping) this.#root.style.setProperty("--page-height", `${heightPx}px`);
    else this.#root.style.removeProperty("--page-height");
    if (isTyping) window.scrollTo(0, 0);
  }

  /** @param {Handlers} handlers */
  #listenToTools(handlers) {
    element("pause", HTMLElement).addEventListener("click", handlers.onPause);
    element("seed", HTMLElement).addEventListener("click", handlers.onSeed);
    element("reset", HTMLElement).addEventListener("click", handlers.onReset);
    element("smooth", HTMLElement).addEventListener("click", handlers.onSmooth);
    element("invite", HTMLElement).addEventListener("click", handlers.onInvite);
    element("theme", HTMLElement).addEventListener("click", handlers.onTheme);
    element("keys", HTMLElement).addEventListener("click", handlers.onKeys);
    const full = element("full", HTMLElement);
    full.hidden = !document.fullscreenEnabled;
    full.addEventListener("click", toggleFullScreen);
  }
}

/** The picture as large as it fits, with the words over it; or the page again. */
export function toggleFullScreen() {
  // Refused where nobody pressed anything, or where the frame around this page forbids it.
  if (document.fullscreenElement === null) document.documentElement.requestFullscreen().catch(() => {});
  else document.exitFullscreen();
}

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @param {{new (): T, prototype: T}} kind
 * @returns {T}
 */
function element(id, kind) {
  const node = document.getElementById(id);
  if (!(node instanceof kind)) throw new Error(`the page has no ${kind.name} with id "${id}"`);
  return node;
}

/**
 * Only a changed text is written, so that screen readers do not hear it again.
 * @param {string} id
 * @param {string} text
 */
function setText(id, text) {
  const node = element(id, HTMLElement);
  if (node.textContent !== text) node.textContent = text;
}

/** @param {string} text */
function span(text) {
  const node = document.createElement("span");
  node.textContent = text;
  return node;
}
