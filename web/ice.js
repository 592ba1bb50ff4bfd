// @ts-check
/**
 * ICE servers as WHEP names them: `Link: <turn:host>; rel="ice-server"; username="..."; credential="..."`.
 *
 * Knows the header; knows nothing of connections.
 */

const LINK = /<([^<>]*)>((?:\s*;\s*[\w-]+(?:\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s;,"]+))?)*)/g;
const PARAMETER = /;\s*([\w-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;,"]+)/g;

/**
 * @param {string | null} header all `Link` headers of an answer, joined by commas as fetch does
 * @returns {RTCIceServer[]}
 */
export function readIceServers(header) {
  return [...(header ?? "").matchAll(LINK)].flatMap(([, url, rest]) => {
    const parameters = new Map([...rest.matchAll(PARAMETER)].map(([, name, value]) => [name.toLowerCase(), unquote(value)]));
    if (parameters.get("rel") !== "ice-server" || !/^(stun|turns?):/.test(url)) return [];
    const [username, credential] = [parameters.get("username"), parameters.get("credential")];
    return [username === undefined || credential === undefined ? { urls: url } : { urls: url, username, credential }];
  });
}

/** @param {string} value */
function unquote(value) {
  return value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, "$1") : value;
}
