// @ts-check
/**
 * Which session of the server this page is in: kept for the tab, so that a reload finds it again, and named in a link,
 * so that friends join it. Knows the address and the tab's storage; nothing of sockets or media.
 */

const KEY = "lingen-live.session";
const PARAMETER = "watch";
const FILE_PARAMETER = "play";
/** Session files that this server keeps beside its films; no other address is ever fetched for a link. */
const KEPT_FILE = /^studio\/films\/[\w-]+\.[A-D]\.lgs$/;

/** @returns {string | null} the session to ask for: that of a link, or the one that this tab had */
export function wantedSession() {
  return invitedTo() ?? read();
}

/**
 * Keep the session that the server gave.
 * @param {string} id
 * @returns {boolean} whether it is the one that a link invited to, or there was no such link
 */
export function keepSession(id) {
  write(id);
  const invited = invitedTo();
  if (invited === null) return true;
  const url = new URL(window.location.href);
  url.searchParams.delete(PARAMETER);
  history.replaceState(null, "", url);
  return invited === id;
}

/** @param {string} path @param {string | null} id @returns {URL} beside this page, for that session */
export function addressOf(path, id) {
  const url = new URL(path, document.baseURI);
  if (id !== null) url.searchParams.set("session", id);
  return url;
}

/** @param {string} id @returns {string} the address of this page, with an invitation to a session */
export function invitation(id) {
  const url = new URL(window.location.pathname, document.baseURI);
  url.searchParams.set(PARAMETER, id);
  return url.href;
}

/**
 * The session file of this server that a link asks to go on with; asked once, for then it is out of the address.
 * @returns {string | null} its address beside this page
 */
export function takeLinkedFile() {
  const url = new URL(window.location.href);
  const path = url.searchParams.get(FILE_PARAMETER);
  if (path === null) return null;
  url.searchParams.delete(FILE_PARAMETER);
  history.replaceState(null, "", url);
  return KEPT_FILE.test(path) ? path : null;
}

/** @returns {string | null} */
function invitedTo() {
  return new URL(window.location.href).searchParams.get(PARAMETER);
}

/** @returns {string | null} null also where storage is forbidden */
function read() {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}

/** @param {string} id */
function write(id) {
  try {
    sessionStorage.setItem(KEY, id);
  } catch {
    // Storage is forbidden: a reload begins anew.
  }
}
