/**
 * Regular expressions that field rules use, by their text in the protos, as literals: each is one
 * loop over a class of characters, so matching is linear. A test checks that no rule of the
 * descriptor has a pattern that is missing here.
 */

/** `what` completes the sentence "Must be …". */
interface RulePattern {
  readonly expression: RegExp;
  readonly what: string;
}

export const RULE_PATTERNS: Readonly<Record<string, RulePattern>> = {
  "^[^?#]+[^?#/]$": {
    expression: /^[^?#]+[^?#/]$/,
    what: "a path without ?, # and a slash at its end",
  },
  '^$|^/[^\\x00-\\x1f\\x7f ",;<>\\\\]*$': {
    expression: /^$|^\/[^\x00-\x1f\x7f ",;<>\\]*$/,
    what: "empty, or a path that begins with / and has no blank, quote, comma or any of ;<>\\",
  },
  '^$|^[^\\x00-\\x1f\\x7f ",;<>\\\\]+$': {
    expression: /^$|^[^\x00-\x1f\x7f ",;<>\\]+$/,
    what: "text without blanks, quotes, commas and any of ;<>\\",
  },
  "^$|^.*\\.mmdb$": { expression: /^$|^.*\.mmdb$/, what: "a file that ends in .mmdb" },
  "^[0-9a-zA-Z_\\-\\.~:]+$": {
    expression: /^[0-9a-zA-Z_\-.~:]+$/,
    what: "letters, digits and any of _-.~:",
  },
  "^[0-9a-zA-Z_\\-\\./~:]+$": {
    expression: /^[0-9a-zA-Z_\-./~:]+$/,
    what: "letters, digits and any of _-./~:",
  },
};

/**
 * RFC 9110 token, with a colon in front for pseudo headers. `+-.` is a range in the original: a
 * comma passes.
 */
const HEADER_NAME: RulePattern = {
  expression: /^:?[0-9a-zA-Z!#$%&'*+-.^_|~`]+$/,
  what: "an HTTP header name: letters, digits and any of !#$%&'*+-.^_|~`",
};
const HEADER_VALUE: RulePattern = {
  expression: /^[^\x00-\x08\x0a-\x1f\x7f]*$/,
  what: "an HTTP header value: no control characters",
};
const HEADER_TEXT: RulePattern = {
  expression: /^[^\x00\x0a\x0d]*$/,
  what: "text without NUL, CR and LF",
};

/** `well_known_regex` of string rules; not strict means only NUL, CR and LF are refused. */
export function wellKnownPattern(name: unknown, strict: boolean): RulePattern | null {
  if (name !== "HTTP_HEADER_NAME" && name !== "HTTP_HEADER_VALUE") return null;
  if (!strict) return HEADER_TEXT;
  return name === "HTTP_HEADER_NAME" ? HEADER_NAME : HEADER_VALUE;
}
