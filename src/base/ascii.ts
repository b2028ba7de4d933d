// hot: per request
/**
 * Case folding of byte strings (one character per byte): only A–Z change, as absl's ASCII functions
 * do.
 */

const NON_ASCII = /[\x80-\uffff]/;
const UPPER_RUN = /[A-Z]+/g;

/** Lower case of A–Z; every other character, bytes above 127 included, stays. */
export function lowerAscii(text: string): string {
  const lower = text.toLowerCase();
  // The same object when nothing changes: large indexes then share their strings.
  if (lower === text) return text;
  if (!NON_ASCII.test(text)) return lower;
  return text.replace(UPPER_RUN, lowerRun);
}

function lowerRun(run: string): string {
  return run.toLowerCase();
}

/** True when every character is below 128. */
export function isAscii(text: string): boolean {
  return !NON_ASCII.test(text);
}
