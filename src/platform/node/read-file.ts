/**
 * Reads whole files, and nothing else of `Files`: the configuration child loads no more than it
 * needs.
 */
import { readFile } from "node:fs/promises";

export function readWholeFile(path: string): Promise<Uint8Array> {
  // The standard input has no path to open a second time.
  return readFile(path === "-" ? "/dev/stdin" : path);
}
