// @ts-check
/**
 * The prompt box: what is typed, how long the change takes, what was said before, and ideas to click. Elements only.
 *
 * Knows nothing of sockets; what a person says becomes a call of a handler.
 */

import { button, find } from "./elements.js";
import { paces } from "./pace.js";
import { NUDGES, SCENES } from "./prompts.js";

/** @typedef {import("./history.js").PromptHistory} PromptHistory */
/** @typedef {(verb: "steer" | "cut", prompt: string) => void} OnPrompt */

export class PromptBox {
  #input;
  #pace;
  #spoken;
  #history;
  #onPrompt;
  #shownPaces = "";

  /**
   * @param {HTMLElement} form `#form`
   * @param {HTMLElement} ideas the section of ideas
   * @param {PromptHistory} history
   * @param {OnPrompt} onPrompt
   */
  constructor(form, ideas, history, onPrompt) {
    this.#history = history;
    this.#onPrompt = onPrompt;
    this.#input = find(form, "#prompt", HTMLInputElement);
    this.#pace = find(form, "#pace", HTMLSelectElement);
    this.#spoken = find(form, "#recalled", HTMLElement);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit("steer");
    });
    find(form, "#cut", HTMLButtonElement).addEventListener("click", () => this.#submit("cut"));
    this.#input.addEventListener("keydown", (event) => this.#press(event));
    for (const [selector, prompts] of /** @type {const} */ ([["#scenes", SCENES], ["#nudges", NUDGES]])) {
      find(ideas, selector, HTMLElement).append(...prompts.map((prompt) => this.#idea(prompt)));
    }
  }

  get input() {
    return this.#input;
  }

  /** @returns {{chunks?: number}} over how many chunks; nothing where it is left to the server */
  get pace() {
    const chosen = this.#pace.selectedOptions[0];
    return chosen === undefined || chosen.hasAttribute("data-default") ? {} : { chunks: Number(chosen.value) };
  }

  /** @param {import("./state.js").View} view */
  render({ session }) {
    const offered = paces(session);
    const shown = JSON.stringify(offered);
    // Between two sessions nothing is known; what was chosen stays.
    if (session === null || shown === this.#shownPaces) return;
    this.#shownPaces = shown;
    const { chunks } = this.pace;
    this.#pace.replaceChildren(
      ...offered.map((pace) => {
        const option = new Option(pace.label, String(pace.chunks), false, pace.isDefault);
        option.toggleAttribute("data-default", pace.isDefault);
        return option;
      }),
    );
    if (chunks !== undefined && offered.some((pace) => pace.chunks === chunks)) this.#pace.value = String(chunks);
  }

  /** @param {"steer" | "cut"} verb */
  #submit(verb) {
    this.#history.add(this.#input.value);
    this.#onPrompt(verb, this.#input.value);
    this.#input.select();
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    // While an input method composes, its keys are its own.
    if (event.isComposing) return;
    if (event.key === "Escape") this.#input.blur();
    if (event.key === "Enter" && event.shiftKey) {
      event.preventDefault();
      this.#submit("cut");
    }
    const isPlain = !event.shiftKey && !event.ctrlKey && !event.metaKey && !event.altKey;
    if (isPlain && event.key === "ArrowUp") this.#recall(event, this.#history.older(this.#input.value));
    if (isPlain && event.key === "ArrowDown") this.#recall(event, this.#history.newer(this.#input.value));
  }

  /** @param {KeyboardEvent} event @param {string | null} prompt */
  #recall(event, prompt) {
    if (prompt === null) return;
    event.preventDefault();
    this.#input.value = prompt;
    this.#input.setSelectionRange(prompt.length, prompt.length);
    const { place } = this.#history;
    this.#spoken.textContent = place === "" ? "empty" : `${prompt}, ${place}`;
  }

  /** @param {string} prompt @returns {HTMLLIElement} */
  #idea(prompt) {
    const chip = button("chip", prompt, () => {}, "click to steer, Shift + click to cut");
    chip.addEventListener("click", (event) => {
      this.#history.add(prompt);
      this.#onPrompt(event.shiftKey ? "cut" : "steer", prompt);
      this.#input.value = prompt;
      if (hasTouch()) return;
      this.#input.focus();
      this.#input.select();
    });
    const item = document.createElement("li");
    item.append(chip);
    return item;
  }
}

/** @returns {boolean} whether a finger is the main pointer, so that focus means a keyboard on the screen */
export function hasTouch() {
  return window.matchMedia("(pointer: coarse)").matches;
}
