// hot: per request
/**
 * Path normalisation before routing: fragments, escaped slashes, dot segments and needless escapes,
 * repeated slashes; only the part before "?" changes. Pure. Envoy:
 * source/common/http/path_utility.cc over Chromium's URL canonicalisation (url_canon_path.cc); RFC
 * 3986 §5.2.4, §6.2.2.
 */
import type { PathSettings } from "./connection-manager-config.ts";

/** Envoy: `PathWithEscapedSlashesAction`. */
export type EscapedSlashesAction =
  | "KEEP_UNCHANGED"
  | "REJECT_REQUEST"
  | "UNESCAPE_AND_REDIRECT"
  | "UNESCAPE_AND_FORWARD";

/** `path` is the path to go on with (ok), to redirect to, or as far as it came when refused. */
export interface PathNormalization {
  readonly kind: "ok" | "reject" | "redirect";
  readonly path: string;
}

/** Reused: a request reads it at once. */
const result: { kind: PathNormalization["kind"]; path: string } = { kind: "ok", path: "" };

function finish(kind: PathNormalization["kind"], path: string): PathNormalization {
  result.kind = kind;
  result.path = path;
  return result;
}

/** The answer is valid until the next call. */
export function normalizePath(path: string, settings: PathSettings): PathNormalization {
  if (path.includes("#")) return finish("reject", path);
  const query = path.indexOf("?");
  const original = query < 0 ? path : path.slice(0, query);
  let alone = original;
  let kind: PathNormalization["kind"] = "ok";
  if (settings.escapedSlashes !== "KEEP_UNCHANGED") {
    const unescaped = unescapeSlashes(alone);
    if (unescaped !== alone) {
      if (settings.escapedSlashes === "REJECT_REQUEST")
        return finish("reject", withQuery(unescaped, path, query));
      if (settings.escapedSlashes === "UNESCAPE_AND_REDIRECT") kind = "redirect";
      alone = unescaped;
    }
  }
  if (settings.normalizePath) {
    const canonical = canonicalizePath(alone);
    if (canonical === null) return finish("reject", path);
    alone = canonical;
  }
  if (settings.mergeSlashes) alone = mergeSlashes(alone);
  if (alone === original) return finish(kind, path);
  return finish(kind, withQuery(alone, path, query));
}

function withQuery(alone: string, path: string, query: number): string {
  return query < 0 ? alone : alone + path.slice(query);
}

/** `%2F` becomes "/", `%5C` becomes "\". */
export function unescapeSlashes(path: string): string {
  if (!path.includes("%")) return path;
  return path.replace(/%2f/gi, "/").replace(/%5c/gi, "\\");
}

/** Collapses runs of slashes. Envoy leaves a path of slashes only at two. */
export function mergeSlashes(path: string): string {
  if (!path.includes("//")) return path;
  const merged = path.replace(/\/+/g, "/");
  return merged === "/" ? "//" : merged;
}

// What becomes of a byte of a path.
const PASS = 0;
/** Never needs escaping: its escape is undone. */
const UNESCAPE = 1;
const ESCAPE = 2;
/** Makes the path invalid, even escaped. */
const INVALID = 3;
const SPECIAL = 4;

const DOT = 46;
const SLASH = 47;
const BACKSLASH = 92;
const PERCENT = 37;

const ACTIONS: Uint8Array = Uint8Array.from({ length: 256 }, (_, code) => {
  if (code === 0) return INVALID;
  const char = String.fromCharCode(code);
  if (char === "." || char === "%" || char === "\\") return SPECIAL;
  if (/[0-9A-Za-z\-_~]/.test(char)) return UNESCAPE;
  if (code <= 0x20 || code >= 0x7f || '"#<>?^`{|}'.includes(char)) return ESCAPE;
  return PASS;
});

/**
 * Resolves dot segments, turns "\" into "/", undoes needless escapes; null when the path is
 * invalid.
 */
export function canonicalizePath(path: string): string | null {
  if (path === "") return "/";
  if (isCanonical(path)) return path;
  return new PathCanonicalizer(path).run();
}

/** True when a path begins with a slash and has nothing that canonicalisation looks at. */
function isCanonical(path: string): boolean {
  if (path.charCodeAt(0) !== SLASH) return false;
  for (let at = 1; at < path.length; at++) {
    if (ACTIONS[path.charCodeAt(at) & 255]! > UNESCAPE) return false;
  }
  return true;
}

class PathCanonicalizer {
  private readonly path: string;
  private at = 0;
  private output = "";
  private valid = true;

  constructor(path: string) {
    this.path = path;
  }

  run(): string | null {
    const { path } = this;
    if (!isSlash(path.charCodeAt(0))) this.output = "/";
    while (this.at < path.length) {
      const code = path.charCodeAt(this.at);
      const dot = dotLength(path, this.at);
      if (dot > 0) this.takeDot(dot);
      else if (code === PERCENT) this.takeEscape();
      else this.takeCharacter(code);
    }
    return this.valid ? this.output : null;
  }

  private takeCharacter(code: number): void {
    if (code >= 0x80) {
      this.takeNonAscii();
      return;
    }
    this.at++;
    if (code === BACKSLASH) this.output += "/";
    else if (ACTIONS[code] === ESCAPE) this.output += percent(code);
    else if (ACTIONS[code] === INVALID) this.valid = false;
    else this.output += String.fromCharCode(code);
  }

  /** A dot or an escaped one: after a slash it may be a segment of its own. */
  private takeDot(length: number): void {
    const after = this.at + length;
    if (!this.output.endsWith("/")) {
      this.keepDot(after);
      return;
    }
    if (endsSegment(this.path, after)) {
      this.at = after + 1;
      return;
    }
    const second = dotLength(this.path, after);
    if (second === 0 || !endsSegment(this.path, after + second)) {
      this.keepDot(after);
      return;
    }
    const previous = this.output.lastIndexOf("/", this.output.length - 2);
    if (previous >= 0) this.output = this.output.slice(0, previous + 1);
    this.at = after + second + 1;
  }

  private keepDot(after: number): void {
    this.output += ".";
    this.at = after;
  }

  private takeEscape(): void {
    const value = escapedByte(this.path, this.at);
    if (value < 0) {
      // As browsers do: an incomplete escape stays.
      this.output += "%";
      this.at++;
      return;
    }
    const action = ACTIONS[value];
    if (action === UNESCAPE) this.output += String.fromCharCode(value);
    else this.output += this.path.slice(this.at, this.at + 3);
    if (action === INVALID) this.valid = false;
    this.at += 3;
  }

  /** A run of bytes above 127: escaped when it is UTF-8. */
  private takeNonAscii(): void {
    const start = this.at;
    while (this.at < this.path.length && this.path.charCodeAt(this.at) >= 0x80) this.at++;
    const bytes = Buffer.from(this.path.slice(start, this.at), "latin1");
    if (!bytes.equals(Buffer.from(bytes.toString("utf8"), "utf8"))) this.valid = false;
    for (const byte of bytes) this.output += percent(byte);
  }
}

function isSlash(code: number): boolean {
  return code === SLASH || code === BACKSLASH;
}

function endsSegment(path: string, at: number): boolean {
  return at >= path.length || isSlash(path.charCodeAt(at));
}

/** 1 for ".", 3 for "%2e", 0 for anything else. */
function dotLength(path: string, at: number): number {
  const code = path.charCodeAt(at);
  if (code === DOT) return 1;
  return code === PERCENT && escapedByte(path, at) === DOT ? 3 : 0;
}

/** The byte that `%xx` stands for, or −1. */
function escapedByte(path: string, at: number): number {
  const high = hexDigit(path.charCodeAt(at + 1));
  const low = hexDigit(path.charCodeAt(at + 2));
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/** −1 for no digit, NaN (beyond the end) included. */
function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

function percent(byte: number): string {
  return `%${byte < 16 ? "0" : ""}${byte.toString(16).toUpperCase()}`;
}
