/**
 * Loads re2js, the port of RE2, at the first pattern that needs it: the package costs 24 ms and 5
 * MB, its first compilation 13 MB more, and most configurations need none of it (see regex.ts).
 */
import { createRequire } from "node:module";
import type { RE2JS } from "re2js";

let loaded: typeof import("re2js") | null = null;

/** Compiles with RE2 syntax and default flags, or returns RE2's error text. */
export function compileRe2(pattern: string): RE2JS | string {
  // Synchronous, since compile functions are; an import statement would load it in every process.
  loaded ??= createRequire(import.meta.url)("re2js") as typeof import("re2js");
  try {
    return loaded.RE2JS.compile(pattern);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Input of bytes, so that `.` and classes see UTF-8 characters. */
export function utf8Input(bytes: Uint8Array): ReturnType<typeof import("re2js").MatcherInput.utf8> {
  loaded ??= createRequire(import.meta.url)("re2js") as typeof import("re2js");
  return loaded.MatcherInput.utf8(bytes);
}
