/**
 * Old spellings of commands that header values may still use:
 * `%DYNAMIC_METADATA(["ns", "key"])%`, `%UPSTREAM_METADATA([…])%`, `%PER_REQUEST_STATE(key)%`.
 * Envoy: `translateMetadataFormat`, `translatePerRequestState` (router/header_parser.cc).
 */

const METADATA = /%(DYNAMIC|UPSTREAM)_METADATA\(\s*(\[.*?\])\s*\)%/g;
const PER_REQUEST_STATE = /%PER_REQUEST_STATE\((.*?)\)%/g;

/** The format with today's commands. */
export function modernHeaderFormat(text: string): string {
  return text
    .replace(PER_REQUEST_STATE, (_whole, key: string) => `%FILTER_STATE(${key}:PLAIN)%`)
    .replace(METADATA, (whole, kind: string, list: string) => {
      const path = parseList(list);
      return path === null ? whole : `%${kind}_METADATA(${path.join(":")})%`;
    });
}

function parseList(text: string): string[] | null {
  try {
    const list: unknown = JSON.parse(text);
    const valid = Array.isArray(list) && list.every((item) => typeof item === "string");
    return valid ? list : null;
  } catch {
    return null;
  }
}
