// @ts-check
/** What this browser remembers for this page, where it may. Knows names and texts; not what they mean. */

/** @typedef {"smooth" | "theme" | "prompts"} Preference */

/** @param {Preference} name @returns {string | null} null also where storage is forbidden */
export function readPreference(name) {
  try {
    return localStorage.getItem(`lingen-live.${name}`);
  } catch {
    return null;
  }
}

/** @param {Preference} name @param {string | null} value null forgets it */
export function writePreference(name, value) {
  try {
    if (value === null) localStorage.removeItem(`lingen-live.${name}`);
    else localStorage.setItem(`lingen-live.${name}`, value);
  } catch {
    // Storage is forbidden or full: the choice lasts as long as the page.
  }
}
