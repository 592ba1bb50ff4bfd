// @ts-check
/** Films of the stream: a button that records, one that keeps the last 30 s, and where the films are. */

import { button, child } from "./elements.js";

/** @typedef {import("./protocol.js").RecordingMessage} Film */
/** @typedef {{onRecord: (action: "start" | "stop") => void, onKeep: () => void, href: (path: string) => string}} FilmHandlers */

/** Shown of all films; the newest last. */
const MAX_SHOWN = 3;

/** @param {number} ms @returns {string} e.g. "1:07" */
export function clock(ms) {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** @param {Film} film @returns {string} e.g. "0:30, 3.6 MB" */
export function filmText({ duration_ms, n_bytes, status, message }) {
  const size = `${clock(duration_ms)}, ${(n_bytes / 1e6).toFixed(1)} MB`;
  if (status === "failed") return message ?? "failed";
  return message === null ? size : `${size}. ${message}`;
}

/** The films, the newest of each name. @param {readonly Film[]} films @param {Film} film @returns {Film[]} */
export function withFilm(films, film) {
  const isKnown = films.some(({ name }) => name === film.name);
  return isKnown ? films.map((one) => (one.name === film.name ? film : one)) : [...films, film].slice(-8);
}

export class Recorder {
  /** @type {Film[]} */
  #films = [];
  #root;
  #record;
  #handlers;

  /** @param {HTMLElement} root @param {FilmHandlers} handlers */
  constructor(root, handlers) {
    this.#root = root;
    this.#handlers = handlers;
    this.#record = child(root, "#record");
    this.#record.addEventListener("click", () => this.toggle());
    child(root, "#keep").addEventListener("click", handlers.onKeep);
  }

  toggle() {
    this.#handlers.onRecord(this.#isRecording ? "stop" : "start");
  }

  /** @param {Film} film */
  note(film) {
    this.#films = withFilm(this.#films, film);
    this.#render();
  }

  /** Another session, or none: its films are not ours. */
  clear() {
    this.#films = [];
    this.#render();
  }

  get #isRecording() {
    return this.#films.some(({ status }) => status === "recording");
  }

  #render() {
    const running = this.#films.find(({ status }) => status === "recording");
    this.#record.setAttribute("aria-pressed", String(running !== undefined));
    this.#record.textContent = running ? `Stop ${clock(running.duration_ms)}` : "Record";
    const done = this.#films.filter(({ status }) => status !== "recording").slice(-MAX_SHOWN);
    child(this.#root, "#films").replaceChildren(...done.map((film) => this.#item(film)));
  }

  /** @param {Film} film */
  #item(film) {
    const item = document.createElement("li");
    const path = `recordings/${film.name}`;
    item.append(this.#link(`${path}.mp4`, "Film"));
    if (film.has_script) item.append(this.#link(`${path}.json`, "Script"));
    const text = document.createElement("span");
    text.textContent = filmText(film);
    const forget = button("bin", "\u00d7", () => this.#forget(film.name), "take off this list");
    item.append(text, forget);
    return item;
  }

  /** @param {string} name */
  #forget(name) {
    this.#films = this.#films.filter((film) => film.name !== name);
    this.#render();
  }

  /** @param {string} path @param {string} text */
  #link(path, text) {
    const link = document.createElement("a");
    link.href = this.#handlers.href(path);
    link.textContent = text;
    link.download = "";
    return link;
  }
}
