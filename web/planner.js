// @ts-check
/**
 * The panel of plans: an axis with a mark for each, the same as a list, and the draft of another. Elements only.
 *
 * Knows nothing of sockets; what a person does becomes a call of a handler. Marks are moved with a pointer or with the
 * arrow keys, cancelled with Delete.
 */

import { Draft } from "./draft.js";
import { button, child } from "./elements.js";
import { axisOf, chunkIn, chunkSeconds, planRows, span } from "./plans.js";

/** @typedef {import("./state.js").View} View */
/** @typedef {import("./plans.js").PlanRow} PlanRow */
/** @typedef {import("./plans.js").Words} Words */
/**
 * @typedef {{
 *   onSchedule: (words: Words, verb: "steer" | "cut", chunkIndex: number) => void,
 *   onReschedule: (planId: number, chunkIndex: number) => void, onUnschedule: (planId: number) => void,
 *   onBlend: (parts: [string, number][]) => void, onProblem: (sentence: string) => void,
 * }} PlanHandlers
 */

const STEP_S = 1;
const LEAP_S = 5;

export class Planner {
  #handlers;
  #section;
  #toggle;
  #axis;
  #list;
  #none;
  #draft;
  /** @type {View | null} */
  #view = null;
  /** Moves that the timeline does not tell yet. @type {Map<number, number>} */
  #wanted = new Map();
  /** @type {{id: number, share: number} | null} */
  #drag = null;

  /** @param {HTMLElement} section `#plans` @param {HTMLElement} toggle opens and closes it @param {PlanHandlers} handlers */
  constructor(section, toggle, handlers) {
    this.#handlers = handlers;
    this.#section = section;
    this.#toggle = toggle;
    this.#axis = child(section, "#axis");
    this.#list = child(section, "#plan-list");
    this.#none = child(section, "#plan-none");
    this.#draft = new Draft(child(section, "#plan-form"), {
      onPlan: (words, verb, inS) => this.#ask(words, verb, inS),
      onBlend: handlers.onBlend,
      onProblem: handlers.onProblem,
    });
    toggle.addEventListener("click", () => this.toggle());
    child(section, "#plans-close").addEventListener("click", () => this.close());
    section.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      this.close();
    });
  }

  toggle() {
    this.#show(Boolean(this.#section.hidden));
  }

  close() {
    if (!this.#section.hidden) this.#show(false);
  }

  /** @param {View} view */
  render(view) {
    this.#view = view;
    const { timeline, session } = view;
    if (timeline === null) return;
    for (const [id, chunkIndex] of this.#wanted) {
      const plan = timeline.plan.find((one) => one.id === id);
      if (plan === undefined || plan.chunk_index === chunkIndex || view.problem !== null) this.#wanted.delete(id);
    }
    const rows = planRows(timeline, session, this.#wanted);
    this.#toggle.textContent = rows.length === 0 ? "Plan" : `Plan (${rows.length})`;
    if (this.#section.hidden) return;
    this.#none.hidden = rows.length > 0;
    this.#renderAxis(rows);
    keep(this.#list, rows, (row) => this.#item(row.id), fillItem);
  }

  /** @param {boolean} isOpen */
  #show(isOpen) {
    this.#section.hidden = !isOpen;
    this.#toggle.setAttribute("aria-expanded", String(isOpen));
    document.documentElement.classList.toggle("is-planning", isOpen);
    if (this.#view) this.render(this.#view);
    if (isOpen) this.#draft.focus();
    else this.#toggle.focus();
  }

  /** @param {Words} words @param {"steer" | "cut"} verb @param {number} inS @returns {boolean} whether it could be asked */
  #ask(words, verb, inS) {
    const { timeline = null, session = null } = this.#view ?? {};
    if (timeline === null || chunkSeconds(session) === 0) {
      this.#handlers.onProblem("Nothing plays yet, so there is no later to plan for.");
      return false;
    }
    this.#handlers.onSchedule(words, verb, chunkIn(inS, timeline, session));
    return true;
  }

  /** @param {PlanRow[]} rows */
  #renderAxis(rows) {
    const { ticks } = axisOf(rows);
    const shown = JSON.stringify(ticks);
    const scale = child(this.#axis, ".scale");
    if (scale.dataset.shown !== shown) {
      scale.dataset.shown = shown;
      scale.replaceChildren(...[{ share: 0, label: "now" }, ...ticks].map(tick));
    }
    const held = this.#drag;
    keep(child(this.#axis, ".marks"), rows, (row) => this.#mark(row.id), (mark, row) => {
      mark.classList.toggle("is-cut", row.verb === "cut");
      mark.style.setProperty("--at", String(held?.id === row.id ? held.share : row.share));
      mark.title = `in ${span(row.inS)}: ${row.words}`;
      mark.setAttribute("aria-label", `${row.verb}, ${mark.title}; arrow keys move it, Delete cancels it`);
    });
  }

  /** @param {number} id @returns {HTMLElement} */
  #mark(id) {
    const mark = button("mark", "", () => {});
    mark.addEventListener("keydown", (event) => this.#keyOnMark(event, id));
    mark.addEventListener("pointerdown", (event) => {
      mark.setPointerCapture(event.pointerId);
      this.#drag = { id, share: Number(mark.style.getPropertyValue("--at")) };
    });
    mark.addEventListener("pointermove", (event) => this.#dragTo(mark, event.clientX));
    mark.addEventListener("pointerup", () => this.#drop());
    mark.addEventListener("pointercancel", () => (this.#drag = null));
    return mark;
  }

  /** @param {KeyboardEvent} event @param {number} id */
  #keyOnMark(event, id) {
    const direction = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (direction !== undefined) this.#moveBy(id, direction * (event.shiftKey ? LEAP_S : STEP_S));
    else if (event.key === "Delete" || event.key === "Backspace") this.#handlers.onUnschedule(id);
    else return;
    event.preventDefault();
  }

  /** @param {HTMLElement} mark @param {number} clientX */
  #dragTo(mark, clientX) {
    if (this.#drag === null) return;
    const { left, width } = this.#axis.getBoundingClientRect();
    this.#drag.share = Math.min(1, Math.max(0, (clientX - left) / width));
    mark.style.setProperty("--at", String(this.#drag.share));
  }

  #drop() {
    const drag = this.#drag;
    this.#drag = null;
    const { timeline = null, session = null } = this.#view ?? {};
    if (drag === null || timeline === null) return;
    const rows = planRows(timeline, session, this.#wanted);
    const before = rows.find(({ id }) => id === drag.id);
    const chunkIndex = chunkIn(drag.share * axisOf(rows).lengthS, timeline, session);
    if (before !== undefined && before.share !== drag.share) this.#moveTo(drag.id, chunkIndex);
  }

  /** @param {number} id @param {number} byS */
  #moveBy(id, byS) {
    const { timeline = null, session = null } = this.#view ?? {};
    const row = timeline && planRows(timeline, session, this.#wanted).find((one) => one.id === id);
    if (row) this.#moveTo(id, chunkIn(row.inS + byS, timeline, session));
  }

  /** @param {number} id @param {number} chunkIndex */
  #moveTo(id, chunkIndex) {
    this.#wanted.set(id, chunkIndex);
    this.#handlers.onReschedule(id, chunkIndex);
    if (this.#view) this.render({ ...this.#view, problem: null });
  }

  /** @param {number} id @returns {HTMLElement} */
  #item(id) {
    const item = document.createElement("li");
    const [when, verb, words] = ["when", "verb", "words"].map((name) => {
      const node = document.createElement("span");
      node.className = name;
      return node;
    });
    item.append(
      when,
      verb,
      words,
      button("step", "\u2212", () => this.#moveBy(id, -STEP_S), "a second earlier"),
      button("step", "+", () => this.#moveBy(id, STEP_S), "a second later"),
      button("bin", "\u00d7", () => this.#handlers.onUnschedule(id), "cancel"),
    );
    return item;
  }
}

/** @param {HTMLElement} item @param {PlanRow} row */
function fillItem(item, row) {
  const texts = { ".when": `in ${span(row.inS)}`, ".verb": row.verb, ".words": row.words };
  for (const [selector, text] of Object.entries(texts)) child(item, selector).textContent = text;
  child(item, ".words").title = row.words;
  child(item, ".when").title = `at ${row.at} of the stream`;
  for (const node of item.querySelectorAll("button")) node.setAttribute("aria-label", `${node.title}: ${row.words}`);
}

/**
 * One element for each row, in order; those that stay are kept, and with them the focus.
 * @param {HTMLElement} parent @param {PlanRow[]} rows
 * @param {(row: PlanRow) => HTMLElement} make @param {(node: HTMLElement, row: PlanRow) => void} fill
 */
function keep(parent, rows, make, fill) {
  const before = new Map(Array.from(parent.children, (node) => [/** @type {HTMLElement} */ (node).dataset.plan, node]));
  const nodes = rows.map((row) => {
    const node = /** @type {HTMLElement} */ (before.get(String(row.id)) ?? make(row));
    node.dataset.plan = String(row.id);
    fill(node, row);
    return node;
  });
  const isSame = nodes.length === parent.children.length && nodes.every((node, k) => node === parent.children[k]);
  if (isSame) return;
  const focused = document.activeElement;
  parent.replaceChildren(...nodes);
  if (focused instanceof HTMLElement && parent.contains(focused)) focused.focus();
}

/** @param {{share: number, label: string}} of @returns {HTMLElement} */
function tick({ share, label }) {
  const node = document.createElement("span");
  node.textContent = label;
  node.style.setProperty("--at", String(share));
  return node;
}
