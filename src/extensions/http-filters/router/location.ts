/** The absolute URL in a Location header. Envoy: `Http::Utility::Url`. */

export interface Location {
  readonly https: boolean;
  /** Host and port as written. */
  readonly authority: string;
  /** With query, without fragment. */
  readonly path: string;
}

const ABSOLUTE = /^(https?):\/\/([^/?#\s]+)([^#\s]*)(?:#\S*)?$/i;
const AUTHORITY = /^(?:\[[0-9a-f:.]+\]|[\w.~%!$&'()*+,;=-]+)(?::(\d{1,5}))?$/i;

/** Null unless it is an absolute http or https URL. */
export function parseLocation(text: string): Location | null {
  const parts = ABSOLUTE.exec(text);
  if (parts === null) return null;
  const [, scheme = "", authority = "", rest = ""] = parts;
  const port = AUTHORITY.exec(authority);
  if (port === null || Number(port[1] ?? "0") > 65535) return null;
  const path = rest.startsWith("/") ? rest : `/${rest}`;
  return { https: scheme.toLowerCase() === "https", authority, path };
}
