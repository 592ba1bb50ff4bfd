// @ts-check
/** Elements that must be there, and small ones that are made. */

/** @param {Element} parent @param {string} selector @returns {HTMLElement} */
export function child(parent, selector) {
  return find(parent, selector, HTMLElement);
}

/**
 * @template {HTMLElement} T
 * @param {Element} parent
 * @param {string} selector
 * @param {{new (): T, prototype: T}} kind
 * @returns {T}
 */
export function find(parent, selector, kind) {
  const node = parent.querySelector(selector);
  if (!(node instanceof kind)) throw new Error(`the page has no ${kind.name} ${selector}`);
  return node;
}

/** @param {string} className @param {string} text @param {() => void} onClick @param {string} [title] */
export function button(className, text, onClick, title = "") {
  const node = document.createElement("button");
  node.type = "button";
  node.className = className;
  node.textContent = text;
  node.title = title;
  node.addEventListener("click", onClick);
  return node;
}
