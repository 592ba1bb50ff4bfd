// @ts-check
/** Light or dark: as the system says, until a person says otherwise; saying what the system says ends that. */

import { readPreference, writePreference } from "./preferences.js";

/** @typedef {"light" | "dark"} Theme */

const SYSTEM_IS_LIGHT = "(prefers-color-scheme: light)";

/** @param {Theme} shown @param {Theme} system @returns {{shown: Theme, kept: Theme | null}} after the switch was pressed */
export function switched(shown, system) {
  const next = shown === "light" ? "dark" : "light";
  return { shown: next, kept: next === system ? null : next };
}

/** @returns {Theme} that the page has now */
export function theme() {
  const { theme: chosen } = document.documentElement.dataset;
  return chosen === "light" || chosen === "dark" ? chosen : systemTheme();
}

/** Take up what was chosen here before. */
export function applyTheme() {
  const kept = readPreference("theme");
  if (kept === "light" || kept === "dark") show(kept);
}

/** The other one, remembered. */
export function switchTheme() {
  const { shown, kept } = switched(theme(), systemTheme());
  writePreference("theme", kept);
  show(kept === null ? null : shown);
}

/** @param {() => void} onChange the system's theme changed */
export function watchTheme(onChange) {
  window.matchMedia(SYSTEM_IS_LIGHT).addEventListener("change", onChange);
}

/** @param {Theme | null} chosen null for what the system says */
function show(chosen) {
  const { dataset } = document.documentElement;
  if (chosen === null) delete dataset.theme;
  else dataset.theme = chosen;
}

/** @returns {Theme} */
function systemTheme() {
  return window.matchMedia(SYSTEM_IS_LIGHT).matches ? "light" : "dark";
}
