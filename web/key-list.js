// @ts-check
/** The list of keys, in a dialog, and the prompts that this browser keeps. Elements only; knows no key by itself. */

import { button, child, find } from "./elements.js";

/** @typedef {import("./keys.js").Group} Group */

export class KeyList {
  #dialog;

  /**
   * @param {HTMLDialogElement} dialog
   * @param {readonly [Group, readonly {shown: string, says: string}[]][]} groups
   * @param {() => void} onForget the prompts that were kept
   */
  constructor(dialog, groups, onForget) {
    this.#dialog = dialog;
    child(dialog, ".groups").replaceChildren(...groups.map(([name, rows]) => group(name, rows)));
    find(dialog, ".close", HTMLButtonElement).addEventListener("click", () => dialog.close());
    const kept = child(dialog, ".kept");
    kept.append(
      button("forget", "Forget them", () => {
        onForget();
        kept.textContent = "Forgotten: no prompt is kept.";
      }),
    );
    // A click beside it, on the backdrop, is a click on the dialog itself.
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    dialog.addEventListener("keydown", (event) => event.key === "?" && dialog.close());
  }

  open() {
    this.#dialog.showModal();
  }
}

/** @param {Group} name @param {readonly {shown: string, says: string}[]} rows @returns {HTMLElement} */
function group(name, rows) {
  const section = document.createElement("section");
  const heading = document.createElement("h3");
  heading.textContent = name;
  const list = document.createElement("dl");
  for (const { shown, says } of rows) {
    const row = document.createElement("div");
    const term = document.createElement("dt");
    for (const key of shown.split(" ")) {
      const cap = document.createElement("kbd");
      cap.textContent = key;
      term.append(cap, " ");
    }
    const meaning = document.createElement("dd");
    meaning.textContent = says;
    row.append(term, meaning);
    list.append(row);
  }
  section.append(heading, list);
  return section;
}
