// @ts-check
/** Files and links, to and from the server. Knows fetch and downloads; not the page's elements, not the socket. */

import { isScriptName, tooLong, toHash, withoutDigests } from "./past.js";
import { addressOf } from "./session.js";

/** @typedef {{type: "load", upload: string} | {type: "scenario", scenario: object}} Loaded what to ask on the socket */

/**
 * Have the browser save what the server sends.
 * @param {"session.lgs" | "scenario.json"} path
 * @param {string} session whose
 * @throws {Error} with the server's sentence
 */
export async function download(path, session) {
  const response = await ask(path, session);
  const name = /filename\*=UTF-8''([^;]+)/.exec(response.headers.get("content-disposition") ?? "")?.[1] ?? path;
  const url = URL.createObjectURL(await response.blob());
  const anchor = document.createElement("a");
  anchor.href = url;
  anchor.download = decodeURIComponent(name);
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/**
 * A file that a person chose, made ready to be asked for.
 * @param {File} file a session or a scenario
 * @param {number | null} stateBytes of the model, for the limit
 * @param {string} session that will play it
 * @returns {Promise<Loaded>}
 * @throws {Error} with a sentence for people
 */
export async function load(file, stateBytes, session) {
  const complaint = tooLong(file, stateBytes);
  if (complaint !== null) throw new RangeError(complaint);
  if (isScriptName(file.name)) {
    return { type: "scenario", scenario: withoutDigests(parse(await file.text())) };
  }
  const response = await ask("uploads", session, { method: "POST", body: file });
  return { type: "load", upload: (await response.json()).upload };
}

/**
 * A session file that the server keeps, made ready to be asked for.
 * @param {string} path beside this page
 * @param {string} session that will go on with it
 * @returns {Promise<Loaded>}
 * @throws {Error} with a sentence for people
 */
export async function loadKept(path, session) {
  const response = await fetch(new URL(path, document.baseURI)).catch(() => null);
  if (!response?.ok) throw new Error("That variant is not kept any more; compare again.");
  const answer = await ask("uploads", session, { method: "POST", body: await response.blob() });
  return { type: "load", upload: (await answer.json()).upload };
}

/**
 * The address of this page with the stream in it, copied; where copying is forbidden, in the address bar.
 * @param {string} session whose
 * @returns {Promise<boolean>} whether it was copied
 * @throws {Error} with the server's sentence
 */
export async function copyLink(session) {
  const response = await ask("scenario.json?link=true", session);
  return copy(new URL(toHash(await response.text()), document.baseURI).href);
}

/**
 * An address, copied; where copying is forbidden, in the address bar.
 * @param {string} link
 * @returns {Promise<boolean>} whether it was copied
 */
export async function copy(link) {
  try {
    await navigator.clipboard.writeText(link);
    return true;
  } catch {
    history.replaceState(null, "", link);
    return false;
  }
}

/**
 * Tell the server when what was said was on the screen; nobody waits for that, and nothing is lost with it.
 * @param {number} pts of the first frame that showed it
 * @param {number} photonMs since it was sent
 * @param {string} session
 */
export function tellSeen(pts, photonMs, session) {
  ask(`seen?pts=${pts}&ms=${photonMs.toFixed(1)}`, session, { method: "POST" }).catch(() => {});
}

/** @param {string} path @param {string} session @param {RequestInit} [options] @returns {Promise<Response>} */
async function ask(path, session, options) {
  let response;
  try {
    response = await fetch(addressOf(path, session), options);
  } catch {
    throw new Error("The server did not answer; try again when it is back.");
  }
  if (response.ok) return response;
  const answer = await response.json().catch(() => ({}));
  throw new Error(answer.message ?? `The server answered with status ${response.status}.`);
}

/** @param {string} text @returns {unknown} */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new SyntaxError("This file holds no JSON, so no scenario.");
  }
}
