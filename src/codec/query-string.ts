// hot: per request
/** Query parameters of a path, as sent (not decoded). Envoy: `Utility::QueryParamsMulti`. */

/** The first value of a parameter; "" for `?name`, null when absent. */
export function queryParameter(path: string, name: string): string | null {
  let at = path.indexOf("?") + 1;
  if (at === 0) return null;
  while (at < path.length) {
    let end = path.indexOf("&", at);
    if (end < 0) end = path.length;
    if (path.startsWith(name, at)) {
      const after = at + name.length;
      if (after === end) return "";
      if (after < end && path.charCodeAt(after) === EQUALS) return path.slice(after + 1, end);
    }
    at = end + 1;
  }
  return null;
}

const EQUALS = 61;
const QUESTION = 63;
const HASH = 35;

/** Where the query or fragment begins: the length of the path alone. */
export function pathLength(path: string): number {
  for (let at = 0; at < path.length; at++) {
    const code = path.charCodeAt(at);
    if (code === QUESTION || code === HASH) return at;
  }
  return path.length;
}
