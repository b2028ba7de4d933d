/**
 * Parses the common subset of RE2 syntax into a tree that regex-automaton.ts runs: literals,
 * classes, ".", groups, alternation, repetition, anchors at the two ends, and the flags i and s at
 * the start. Says null to everything else, errors included: re2js then decides. Characters above
 * 127 never match here.
 */

/** A set of ASCII characters: one byte each. */
export type CharacterSet = Uint8Array;

export type SyntaxNode =
  | { readonly kind: "set"; readonly set: CharacterSet }
  | { readonly kind: "sequence"; readonly items: readonly SyntaxNode[] }
  | { readonly kind: "choice"; readonly items: readonly SyntaxNode[] }
  | {
      readonly kind: "repeat";
      readonly item: SyntaxNode;
      readonly min: number;
      /** −1: no limit. */
      readonly max: number;
    };

/** RE2's limit. */
const REPEAT_MAX = 1000;
const DEPTH_MAX = 50;
const EMPTY: SyntaxNode = { kind: "sequence", items: [] };

/** The tree of a pattern, or null when it is outside the subset. */
export function parseRegexSyntax(pattern: string): SyntaxNode | null {
  return new Parser(pattern).parse();
}

class Parser {
  private readonly pattern: string;
  private at = 0;
  private depth = 0;
  /** Set once something is outside the subset; everything after is ignored. */
  private refused = false;
  private ignoreCase = false;
  private dotAll = false;

  constructor(pattern: string) {
    this.pattern = pattern;
  }

  parse(): SyntaxNode | null {
    this.leadingFlags();
    const node = this.choice();
    return this.refused || this.at < this.pattern.length ? null : node;
  }

  private leadingFlags(): void {
    const flags = /^\(\?([is]+)\)/.exec(this.pattern);
    if (flags === null) return;
    this.ignoreCase = flags[1]!.includes("i");
    this.dotAll = flags[1]!.includes("s");
    this.at = flags[0].length;
  }

  private choice(): SyntaxNode {
    const items = [this.sequence()];
    while (!this.refused && this.pattern[this.at] === "|") {
      this.at++;
      items.push(this.sequence());
    }
    return items.length === 1 ? items[0]! : { kind: "choice", items };
  }

  private sequence(): SyntaxNode {
    const items: SyntaxNode[] = [];
    // For a match of the whole text an anchor at its end says nothing; elsewhere it is re2js's.
    if (this.depth === 0 && this.pattern[this.at] === "^") {
      this.at++;
      if (isQuantifier(this.pattern[this.at])) this.refused = true;
    }
    while (!this.refused && this.at < this.pattern.length) {
      const char = this.pattern[this.at]!;
      if (char === "|" || char === ")") break;
      if (char === "$") {
        this.endAnchor();
        break;
      }
      items.push(this.repetition(this.atom()));
    }
    return items.length === 1 ? items[0]! : { kind: "sequence", items };
  }

  private endAnchor(): void {
    this.at++;
    const next = this.pattern[this.at];
    if (this.depth > 0 || (next !== undefined && next !== "|")) this.refused = true;
  }

  private atom(): SyntaxNode {
    const char = this.pattern[this.at++]!;
    switch (char) {
      case "(":
        return this.group();
      case "[":
        return this.characterClass();
      case ".":
        return { kind: "set", set: this.dotAll ? allCharacters() : allBut("\n") };
      case "\\":
        return this.escape();
      case "^":
      case "*":
      case "+":
      case "?":
      case "{":
        return this.refuse();
      default:
        return { kind: "set", set: this.fold(setOf(char)) };
    }
  }

  private refuse(): SyntaxNode {
    this.refused = true;
    return EMPTY;
  }

  private group(): SyntaxNode {
    const opening = /^\?(?::|P?<[A-Za-z_]\w*>)/.exec(this.pattern.slice(this.at));
    if (opening !== null) this.at += opening[0].length;
    else if (this.pattern[this.at] === "?") return this.refuse();
    if (++this.depth > DEPTH_MAX) return this.refuse();
    const node = this.choice();
    this.depth--;
    if (this.pattern[this.at] !== ")") return this.refuse();
    this.at++;
    return node;
  }

  private escape(): SyntaxNode {
    const set = this.escapedSet();
    return set === null ? this.refuse() : { kind: "set", set: this.fold(set) };
  }

  /** The set after a backslash, or null. */
  private escapedSet(): CharacterSet | null {
    const char = this.pattern[this.at++];
    if (char === undefined) return null;
    const named = NAMED_SETS[char];
    if (named !== undefined) return named;
    const control = CONTROLS[char];
    if (control !== undefined) return setOf(control);
    return /^[!-/:-@[-`{-~]$/.test(char) ? setOf(char) : null;
  }

  private repetition(item: SyntaxNode): SyntaxNode {
    const char = this.pattern[this.at];
    let bounds: readonly [number, number] | null = null;
    if (char === "*") bounds = [0, -1];
    else if (char === "+") bounds = [1, -1];
    else if (char === "?") bounds = [0, 1];
    else if (char === "{") return this.counted(item);
    if (bounds === null) return item;
    this.at++;
    return this.repeat(item, bounds[0], bounds[1]);
  }

  private counted(item: SyntaxNode): SyntaxNode {
    const match = /^\{(\d{1,4})(,(\d{1,4})?)?\}/.exec(this.pattern.slice(this.at));
    if (match === null) return this.refuse();
    this.at += match[0].length;
    const min = Number(match[1]);
    const max = match[2] === undefined ? min : match[3] === undefined ? -1 : Number(match[3]);
    if (min > REPEAT_MAX || max > REPEAT_MAX || (max >= 0 && max < min)) return this.refuse();
    return this.repeat(item, min, max);
  }

  /** A lazy quantifier finds the same whole texts; two quantifiers in a row are an error. */
  private repeat(item: SyntaxNode, min: number, max: number): SyntaxNode {
    if (this.pattern[this.at] === "?") this.at++;
    if (isQuantifier(this.pattern[this.at])) return this.refuse();
    return { kind: "repeat", item, min, max };
  }

  private characterClass(): SyntaxNode {
    const negated = this.pattern[this.at] === "^";
    if (negated) this.at++;
    const set = new Uint8Array(128);
    for (let first = true; ; first = false) {
      const char = this.pattern[this.at];
      if (char === undefined) return this.refuse();
      if (char === "]" && !first) break;
      if (!this.classItem(set)) return this.refuse();
    }
    this.at++;
    const folded = this.fold(set);
    return { kind: "set", set: negated ? folded.map((has) => 1 - has) : folded };
  }

  /** Adds one character, range or named set to a class. */
  private classItem(set: CharacterSet): boolean {
    if (this.pattern.startsWith("[:", this.at)) return false;
    const low = this.classCharacter(set);
    if (low === null) return false;
    if (low < 0 || this.pattern[this.at] !== "-" || this.pattern[this.at + 1] === "]") return true;
    this.at++;
    const high = this.classCharacter(null);
    if (high === null || high < low) return false;
    for (let code = low; code <= high && code < 128; code++) set[code] = 1;
    return true;
  }

  /** Code of the next character; −1 for a named set, which goes into `set`; null when refused. */
  private classCharacter(set: CharacterSet | null): number | null {
    const char = this.pattern[this.at++];
    if (char === undefined) return null;
    if (char !== "\\") {
      const code = char.charCodeAt(0);
      if (set !== null && code < 128) set[code] = 1;
      return code;
    }
    const named = NAMED_SETS[this.pattern[this.at] ?? ""];
    const escaped = this.escapedSet();
    if (escaped === null || (named !== undefined && set === null)) return null;
    if (set !== null) for (let code = 0; code < 128; code++) if (escaped[code] === 1) set[code] = 1;
    return named !== undefined ? -1 : escaped.indexOf(1);
  }

  private fold(set: CharacterSet): CharacterSet {
    if (!this.ignoreCase) return set;
    const folded = set.slice();
    for (let lower = 97; lower <= 122; lower++) {
      if (set[lower] === 1 || set[lower - 32] === 1) {
        folded[lower] = 1;
        folded[lower - 32] = 1;
      }
    }
    return folded;
  }
}

function isQuantifier(char: string | undefined): boolean {
  return char === "*" || char === "+" || char === "?" || char === "{";
}

function setOf(char: string): CharacterSet {
  const set = new Uint8Array(128);
  const code = char.charCodeAt(0);
  if (code < 128) set[code] = 1;
  return set;
}

function setWhere(pattern: RegExp): CharacterSet {
  return Uint8Array.from({ length: 128 }, (_, code) =>
    pattern.test(String.fromCharCode(code)) ? 1 : 0,
  );
}

function allCharacters(): CharacterSet {
  return new Uint8Array(128).fill(1);
}

function allBut(char: string): CharacterSet {
  return setOf(char).map((has) => 1 - has);
}

const CONTROLS: Readonly<Record<string, string>> = {
  a: "\x07",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

const NAMED_SETS: Readonly<Record<string, CharacterSet>> = {
  d: setWhere(/[0-9]/),
  D: setWhere(/[^0-9]/),
  s: setWhere(/[\t\n\f\r ]/),
  S: setWhere(/[^\t\n\f\r ]/),
  w: setWhere(/[0-9A-Za-z_]/),
  W: setWhere(/[^0-9A-Za-z_]/),
};
