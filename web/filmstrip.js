// @ts-check
/**
 * The filmstrip, the tree of branches and the buttons beside them: elements only, like ui.js.
 *
 * Knows nothing of sockets or files; what a person does becomes a call of a handler.
 */

import { child, find } from "./elements.js";
import { moments, treeRows } from "./past.js";

/** @typedef {import("./state.js").View} View */
/** @typedef {import("./past.js").Moment} Moment */
/** @typedef {import("./past.js").TreeRow} TreeRow */
/**
 * @typedef {{
 *   onSeek: (chunkIndex: number) => void, onFork: (chunkIndex: number | null) => void,
 *   onSwitch: (branchId: number) => void, onDelete: (branchId: number) => void,
 *   onSave: (kind: "session" | "scenario") => void, onLoad: (file: File) => void, onLink: () => void,
 * }} PastHandlers
 */

export class Filmstrip {
  #handlers;
  #film;
  #tree;
  #isBrowsing = false;
  #shownTree = "";

  /** @param {HTMLElement} section `#past` @param {PastHandlers} handlers */
  constructor(section, handlers) {
    this.#handlers = handlers;
    this.#film = child(section, "#film");
    this.#tree = child(section, "#branches");
    child(section, "#fork").addEventListener("click", () => handlers.onFork(null));
    child(section, "#save").addEventListener("click", () => handlers.onSave("session"));
    child(section, "#save-scenario").addEventListener("click", () => handlers.onSave("scenario"));
    child(section, "#link").addEventListener("click", handlers.onLink);
    const file = find(section, "#file", HTMLInputElement);
    child(section, "#load").addEventListener("click", () => file.click());
    file.addEventListener("change", () => {
      const [chosen] = file.files ?? [];
      file.value = "";
      if (chosen) handlers.onLoad(chosen);
    });
    // Whoever looks around in the past must not have it pulled away.
    this.#film.addEventListener("pointerenter", () => (this.#isBrowsing = true));
    this.#film.addEventListener("pointerleave", () => (this.#isBrowsing = false));
  }

  /** @param {View} view */
  render(view) {
    if (view.timeline === null) return;
    this.#renderFilm(moments(view.timeline, view.session));
    this.#renderTree(treeRows(view.timeline, view.session));
  }

  /** Elements of moments that stay are kept, so that pictures do not flicker. @param {Moment[]} shown */
  #renderFilm(shown) {
    const before = new Map(Array.from(this.#film.children, (item) => [/** @type {HTMLElement} */ (item).dataset.id, item]));
    const here = shown.filter(({ isPast }) => isPast).at(-1);
    const items = shown.map((moment) => {
      const item = /** @type {HTMLElement} */ (before.get(String(moment.id)) ?? this.#frame(moment));
      item.classList.toggle("is-past", moment.isPast);
      item.classList.toggle("is-here", moment === here);
      return item;
    });
    const isSame = items.length === this.#film.children.length && items.every((item, k) => item === this.#film.children[k]);
    if (!isSame) this.#film.replaceChildren(...items);
    const current = here === undefined ? undefined : items[shown.indexOf(here)];
    const isHeld = this.#isBrowsing || this.#film.contains(document.activeElement);
    if (!isSame && !isHeld && current) this.#film.scrollLeft = current.offsetLeft - this.#film.clientWidth + 80;
  }

  /** @param {Moment} moment @returns {HTMLLIElement} */
  #frame({ chunkIndex, id, label, name, picture }) {
    const image = document.createElement("img");
    image.alt = "";
    image.addEventListener("error", () => image.remove());
    if (picture !== null) image.src = picture;
    const time = document.createElement("span");
    time.textContent = label;
    const button = document.createElement("button");
    button.type = "button";
    button.title = `go to ${name}; Shift + click branches from there`;
    button.setAttribute("aria-label", `go to ${name}`);
    button.append(...(picture === null ? [time] : [image, time]));
    button.addEventListener("click", (event) => {
      if (event.shiftKey) this.#handlers.onFork(chunkIndex);
      else this.#handlers.onSeek(chunkIndex);
    });
    const item = document.createElement("li");
    item.dataset.id = String(id);
    item.dataset.chunk = String(chunkIndex);
    item.append(button);
    return item;
  }

  /** @param {TreeRow[]} rows */
  #renderTree(rows) {
    const shown = JSON.stringify(rows.map(({ branch, depth, isCurrent, label }) => [branch.id, depth, isCurrent, label]));
    if (shown === this.#shownTree) return;
    this.#shownTree = shown;
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset.branch;
    this.#tree.replaceChildren(...rows.map((row) => this.#row(row)));
    if (focused) /** @type {HTMLElement | null} */ (this.#tree.querySelector(`[data-branch="${focused}"]`))?.focus();
  }

  /** @param {TreeRow} row @returns {HTMLLIElement} */
  #row({ branch, depth, isCurrent, label }) {
    const item = document.createElement("li");
    item.style.setProperty("--depth", String(depth));
    item.classList.toggle("is-child", depth > 0);
    const name = document.createElement("button");
    name.type = "button";
    name.textContent = label;
    name.title = isCurrent ? "this branch plays" : "go on with this branch";
    name.dataset.branch = String(branch.id);
    name.setAttribute("aria-current", String(isCurrent));
    name.addEventListener("click", () => isCurrent || this.#handlers.onSwitch(branch.id));
    item.append(name);
    if (!isCurrent) item.append(this.#bin(branch.id, branch.name));
    return item;
  }

  /** @param {number} id @param {string} name @returns {HTMLButtonElement} */
  #bin(id, name) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "bin";
    button.textContent = "\u00d7";
    button.title = button.ariaLabel = `delete ${name}`;
    button.addEventListener("click", () => this.#handlers.onDelete(id));
    return button;
  }
}
