// hot: per request
/** Query parameters of a path. Envoy: `Utility::QueryParamsMulti`. */

/** The first value of a parameter, as sent; "" for `?name`, null when absent. */
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

/** As `queryParameter`, with names and values decoded: `%41` is `A`. */
export function decodedQueryParameter(path: string, name: string): string | null {
  const start = path.indexOf("?") + 1;
  if (start === 0) return null;
  for (const pair of path.slice(start).split("&")) {
    const equals = pair.indexOf("=");
    const key = equals < 0 ? pair : pair.slice(0, equals);
    if (percentDecode(key) === name) return equals < 0 ? "" : percentDecode(pair.slice(equals + 1));
  }
  return null;
}

/** Bytes as latin1 text; what is no escape stays. */
function percentDecode(text: string): string {
  if (!text.includes("%")) return text;
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
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
