/** The absolute URL in a Location header. Envoy: `Http::Utility::Url`. */

export interface Location {
  /** Lower case. */
  readonly scheme: string;
  /** Host and port as written. */
  readonly authority: string;
  /** With query, without fragment. A query alone stays one, as in Envoy: it matches no route. */
  readonly path: string;
}

const ABSOLUTE = /^([a-z][a-z0-9+.-]*):\/\/([^/?#\s]+)([^#\s]*)(?:#\S*)?$/i;
const AUTHORITY = /^(?:\[[0-9a-f:.]+\]|[\w.~%!$&'()*+,;=-]+)(?::(\d{1,5}))?$/i;

/** Null unless it is an absolute URL with an authority. */
export function parseLocation(text: string): Location | null {
  const parts = ABSOLUTE.exec(text);
  if (parts === null) return null;
  const [, scheme = "", authority = "", rest = ""] = parts;
  const port = AUTHORITY.exec(authority);
  if (port === null || Number(port[1] ?? "0") > 65535) return null;
  return { scheme: scheme.toLowerCase(), authority, path: rest === "" ? "/" : rest };
}
