// @ts-check
/** The form of one more plan: up to four prompts with weights, when, and how. Elements only. */

import { button, find } from "./elements.js";
import { MAX_PARTS, percents, wordsOf } from "./plans.js";

/** @typedef {import("./plans.js").Words} Words */
/**
 * `onPlan` says whether it could be asked for.
 * @typedef {{
 *   onPlan: (words: Words, verb: "steer" | "cut", inS: number) => boolean,
 *   onBlend: (parts: [string, number][]) => void, onProblem: (sentence: string) => void,
 * }} DraftHandlers
 */

const START_WEIGHT = 50;
const MAX_PROMPT_CHARS = 500;

export class Draft {
  #handlers;
  #parts;
  #more;
  #now;
  #inS;
  #verb;

  /** @param {HTMLElement} form `#plan-form` @param {DraftHandlers} handlers */
  constructor(form, handlers) {
    this.#handlers = handlers;
    this.#parts = find(form, "#parts", HTMLElement);
    this.#more = find(form, "#part-more", HTMLButtonElement);
    this.#now = find(form, "#blend-now", HTMLButtonElement);
    this.#inS = find(form, "#plan-in", HTMLInputElement);
    this.#verb = find(form, "#plan-verb", HTMLSelectElement);
    this.#add();
    this.#more.addEventListener("click", () => this.#add().focus());
    this.#now.addEventListener("click", () => this.#say((words) => this.#blend(words)));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#say((words) => this.#plan(words));
    });
  }

  /** Where a person begins. */
  focus() {
    this.#parts.querySelector("input")?.focus();
  }

  /** @param {(words: Words) => boolean} how says whether it was asked for */
  #say(how) {
    try {
      if (how(wordsOf(this.#rows().map(({ prompt, weight }) => ({ prompt: prompt.value, weight: weight.valueAsNumber })))))
        this.#clear();
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#handlers.onProblem(error.message);
    }
  }

  /** @param {Words} words */
  #plan(words) {
    const inS = this.#inS.valueAsNumber;
    if (!(inS > 0)) throw new RangeError("Say in how many seconds; 1 is the least.");
    return this.#handlers.onPlan(words, this.#verb.value === "cut" ? "cut" : "steer", inS);
  }

  /** @param {Words} words */
  #blend(words) {
    this.#handlers.onBlend("parts" in words ? words.parts : [[words.prompt, 1]]);
    return true;
  }

  #clear() {
    this.#parts.replaceChildren();
    this.#add().focus();
  }

  #rows() {
    return Array.from(this.#parts.children, (item) => ({
      prompt: find(item, "input[type=text]", HTMLInputElement),
      weight: find(item, "input[type=range]", HTMLInputElement),
      share: find(item, "output", HTMLOutputElement),
    }));
  }

  /** @returns {HTMLInputElement} the box of the new row */
  #add() {
    const item = document.createElement("li");
    const prompt = document.createElement("input");
    prompt.type = "text";
    prompt.maxLength = MAX_PROMPT_CHARS;
    prompt.autocapitalize = "off";
    prompt.spellcheck = false;
    const weight = document.createElement("input");
    weight.type = "range";
    weight.min = "1";
    weight.max = "100";
    weight.value = String(START_WEIGHT);
    weight.addEventListener("input", () => this.#settle());
    const remove = button("bin", "\u00d7", () => {
      item.remove();
      this.#settle();
      this.focus();
    });
    item.append(prompt, weight, document.createElement("output"), remove);
    this.#parts.append(item);
    this.#settle();
    return prompt;
  }

  /** Names, shares, and what makes sense with so many rows. */
  #settle() {
    const rows = this.#rows();
    const shares = percents(rows.map(({ weight }) => weight.valueAsNumber));
    rows.forEach(({ prompt, weight, share }, k) => {
      prompt.placeholder = k === 0 ? "What to say later" : "and beside it";
      prompt.setAttribute("aria-label", `prompt ${k + 1}`);
      weight.setAttribute("aria-label", `weight of prompt ${k + 1}`);
      weight.setAttribute("aria-valuetext", `${shares[k]} %`);
      share.value = `${shares[k]} %`;
      const remove = find(/** @type {Element} */ (prompt.parentElement), ".bin", HTMLButtonElement);
      remove.title = remove.ariaLabel = `leave out prompt ${k + 1}`;
    });
    this.#parts.classList.toggle("is-single", rows.length === 1);
    this.#more.hidden = rows.length >= MAX_PARTS;
    this.#now.hidden = rows.length === 1;
  }
}
