// @ts-check
/**
 * Every key of the page, once: what is listed under "?" is what acts. Pure, but for `pressed`, which reads an event.
 *
 * Knows keys and their names; what a name does is said by whoever calls.
 */

/** @typedef {"play" | "the past" | "the page" | "in the prompt box"} Group */
/**
 * One row: `keys` as `KeyboardEvent.key` has them (letters small), `shown` to people. Rows without a name are done by the prompt
 * box itself, and are only listed.
 * @typedef {{group: Group, name?: string, keys?: readonly string[], hasShift?: boolean, shown: string, says: string}} Key
 */

export const KEYS = Object.freeze(
  /** @type {const} @satisfies {readonly Key[]} */ ([
    { group: "play", name: "pause", keys: [" "], shown: "Space", says: "pause, and go on" },
    { group: "play", name: "seed", keys: ["n"], shown: "N", says: "new seed: the same words with other dice" },
    { group: "play", name: "plan", keys: ["p"], shown: "P", says: "plan what comes later" },
    { group: "play", name: "record", keys: ["r"], shown: "R", says: "record" },
    { group: "the past", name: "back", keys: ["ArrowLeft"], shown: "\u2190", says: "one moment back" },
    { group: "the past", name: "on", keys: ["ArrowRight"], shown: "\u2192", says: "one moment on" },
    { group: "the past", name: "farBack", keys: ["ArrowLeft"], hasShift: true, shown: "Shift \u2190", says: "5 seconds back" },
    { group: "the past", name: "farOn", keys: ["ArrowRight"], hasShift: true, shown: "Shift \u2192", says: "5 seconds on" },
    { group: "the past", name: "first", keys: ["Home"], shown: "Home", says: "the oldest moment" },
    { group: "the past", name: "last", keys: ["End"], shown: "End", says: "the newest moment" },
    { group: "the past", name: "fork", keys: ["b"], shown: "B", says: "branch: go on from here, and keep what was" },
    { group: "the past", name: "save", keys: ["s"], shown: "S", says: "save the stream" },
    { group: "the past", name: "link", keys: ["l"], shown: "L", says: "copy a link to this story" },
    { group: "the page", name: "prompt", keys: ["/"], shown: "/", says: "go to the prompt box" },
    { group: "the page", name: "full", keys: ["f"], shown: "F", says: "full screen" },
    { group: "the page", name: "smooth", keys: ["m"], shown: "M", says: "smooth pixels" },
    { group: "the page", name: "theme", keys: ["t"], shown: "T", says: "light or dark" },
    { group: "the page", name: "profile", keys: ["i"], shown: "I", says: "where the time goes" },
    { group: "the page", name: "list", keys: ["?"], shown: "?", says: "this list" },
    { group: "the page", name: "close", keys: ["Escape"], shown: "Esc", says: "close what is open" },
    { group: "in the prompt box", shown: "Enter", says: "steer: bend the scene to the words" },
    { group: "in the prompt box", shown: "Shift Enter", says: "cut: a new scene" },
    { group: "in the prompt box", shown: "\u2191 \u2193", says: "what you said before" },
    { group: "in the prompt box", shown: "Esc", says: "leave the box, so that keys act" },
  ]),
);

/** @typedef {Extract<(typeof KEYS)[number], {name: string}>["name"]} KeyName */
/** What keys do; a key without an action is neither listed nor taken. @typedef {Partial<Record<KeyName, () => void>>} Actions */
/**
 * A key as it was pressed: `isTyping` where it writes or chooses, `isOnControl` where Space and Enter press something.
 * @typedef {{
 *   key: string, shiftKey: boolean, ctrlKey: boolean, metaKey: boolean, altKey: boolean, repeat: boolean,
 *   isTyping: boolean, isOnControl: boolean,
 * }} Pressed
 */

/** @param {Pressed} press @returns {KeyName | null} what it is for; null when it is somebody else's */
export function keyFor(press) {
  if (press.ctrlKey || press.metaKey || press.altKey || press.repeat || press.isTyping) return null;
  if (press.key === " " && press.isOnControl) return null;
  const key = press.key.length === 1 ? press.key.toLowerCase() : press.key;
  // On some keyboards "?" and "/" need Shift: there it means nothing more.
  const isSign = key === "?" || key === "/";
  for (const row of /** @type {readonly Key[]} */ (KEYS)) {
    const isRight = row.keys?.includes(key) && (isSign || press.shiftKey === (row.hasShift ?? false));
    if (isRight && row.name !== undefined) return /** @type {KeyName} */ (row.name);
  }
  return null;
}

/**
 * The rows to list, by group.
 * @param {Actions} actions
 * @returns {[Group, {shown: string, says: string}[]][]}
 */
export function listed(actions) {
  /** @type {Map<Group, {shown: string, says: string}[]>} */
  const groups = new Map();
  for (const { group, name, shown, says } of /** @type {readonly Key[]} */ (KEYS)) {
    if (name !== undefined && actions[/** @type {KeyName} */ (name)] === undefined) continue;
    groups.set(group, [...(groups.get(group) ?? []), { shown, says }]);
  }
  return [...groups];
}

/** @param {KeyboardEvent} event @returns {Pressed} */
export function pressed(event) {
  const target = event.target instanceof Element ? event.target : document.body;
  return {
    key: event.key,
    shiftKey: event.shiftKey,
    ctrlKey: event.ctrlKey,
    metaKey: event.metaKey,
    altKey: event.altKey,
    repeat: event.repeat,
    isTyping: event.isComposing || target.closest("input, textarea, select, [contenteditable]") !== null,
    isOnControl: target.closest("button, a, summary") !== null,
  };
}

/** Have keys act, but while a dialog is open or something nearer took the key. @param {Actions} actions */
export function listenToKeys(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || document.querySelector("dialog[open]") !== null) return;
    const name = keyFor(pressed(event));
    const act = name === null ? undefined : actions[name];
    if (act === undefined) return;
    event.preventDefault();
    act();
  });
}
