// @ts-check
/**
 * What was said in this browser, to be said again: the newest last, each once, bounded. Pure; a store keeps it.
 *
 * Recalling begins only from an empty or unchanged box, so that nothing that a person typed is lost.
 */

export const MAX_PROMPTS = 100;

/** @typedef {{read: () => string | null, write: (text: string | null) => void}} Store */

export class PromptHistory {
  #store;
  /** @type {number | null} where recalling is, counted from the oldest; null when nothing is recalled */
  #at = null;
  /** What this put into the box, or what was said last. */
  #shown = "";

  /** @param {Store} store */
  constructor(store) {
    this.#store = store;
  }

  /** @returns {string[]} oldest first; other pages of this browser may add to it */
  get prompts() {
    try {
      const kept = JSON.parse(this.#store.read() ?? "[]");
      const isList = Array.isArray(kept) && kept.every((prompt) => typeof prompt === "string");
      return isList ? kept.slice(-MAX_PROMPTS) : [];
    } catch {
      return [];
    }
  }

  /** @returns {string} where recalling is, for those who do not see it, e.g. "2 of 7" counted from the newest */
  get place() {
    const { length } = this.prompts;
    return this.#at === null ? "" : `${length - this.#at} of ${length}`;
  }

  /** @param {string} prompt that was said */
  add(prompt) {
    this.#at = null;
    this.#shown = prompt;
    const said = prompt.trim();
    if (said === "") return;
    const others = this.prompts.filter((one) => one !== said);
    this.#store.write(JSON.stringify([...others, said].slice(-MAX_PROMPTS)));
  }

  /** Keep nothing. */
  forget() {
    this.#at = null;
    this.#store.write(null);
  }

  /** @param {string} current text of the box @returns {string | null} what to put there; null to leave it alone */
  older(current) {
    if (!this.#mayRecall(current)) return null;
    const { prompts } = this;
    const from = this.#at ?? prompts.length;
    // What stands in the box already is not recalled once more.
    const isSame = this.#at === null && prompts.at(-1) === current.trim();
    return this.#show(from - (isSame ? 2 : 1), prompts);
  }

  /** @param {string} current text of the box @returns {string | null} what to put there; null to leave it alone */
  newer(current) {
    if (!this.#mayRecall(current) || this.#at === null) return null;
    const { prompts } = this;
    if (this.#at < prompts.length - 1) return this.#show(this.#at + 1, prompts);
    this.#at = null;
    this.#shown = "";
    return "";
  }

  /** @param {number} at @param {string[]} prompts @returns {string | null} */
  #show(at, prompts) {
    if (at < 0 || at >= prompts.length) return null;
    this.#at = at;
    this.#shown = prompts[at];
    return this.#shown;
  }

  /** @param {string} current */
  #mayRecall(current) {
    if (current !== this.#shown) this.#at = null;
    return current === "" || current === this.#shown;
  }
}
