// Finds functions and their lengths in blanked code (scan.ts) by matching brackets: a brace opens a
// function when an arrow or a parameter list stands before it. Close enough to hold budgets.

export interface FunctionSize {
  readonly name: string;
  /** Lines from the first line of the head to the closing brace. */
  readonly lines: number;
  readonly line: number;
}

interface Frame {
  readonly bracket: "{" | "(" | "[" | "";
  readonly kind: "function" | "arrow" | "block" | "value" | "";
  readonly name: string;
  readonly headLine: number;
  /** Code since the last statement boundary at this level; nested groups are collapsed. */
  head: string;
  startLine: number;
}

const CONTROL = /(?:^|[^\w$.])(?:if|for|while|switch|catch|with|await)\s*\(\)\s*$/;
const AFTER_PARAMETERS = /\(\)\s*(?::.*[^\s:|&<,=(?])?\s*$/s;
const NAME = /([\w$#]+)\s*(?:<[^()]*>)?\s*(?:=\s*(?:async\s*)?)?\(\)/;
const ARROW_NAME = /([\w$#]+)\s*(?::[^=]*)?[=:]\s*(?:async\s*)?(?:\(\)|[\w$]+)\s*(?::.*)?=>\s*$/s;
const CLOSERS: Readonly<Record<string, string>> = { ")": "()", "]": "[]", "}": "{}" };

/** All functions of a file, innermost first. */
export function functionSizes(code: string): FunctionSize[] {
  const finder = new Finder();
  for (const character of code) finder.read(character);
  return finder.found;
}

class Finder {
  readonly found: FunctionSize[] = [];
  private readonly stack: Frame[] = [newFrame("", "", "", 1)];
  private line = 1;

  read(character: string): void {
    const frame = this.stack.at(-1)!;
    if (character === "\n") this.line += 1;
    if (character === "{" || character === "(" || character === "[") {
      this.stack.push(open(character, frame, this.line));
    } else if (CLOSERS[character] !== undefined && this.stack.length > 1) {
      this.stack.pop();
      this.note(frame);
      close(this.stack.at(-1)!, frame, CLOSERS[character]);
    } else if (character === ";" && frame.bracket !== "(") frame.head = "";
    else this.extendHead(frame, character);
  }

  private note({ kind, name, headLine }: Frame): void {
    if (kind !== "function" && kind !== "arrow") return;
    this.found.push({ name, line: headLine, lines: this.line - headLine + 1 });
  }

  private extendHead(frame: Frame, character: string): void {
    const blank = character.trim() === "";
    if (frame.head === "" && blank) return;
    if (frame.head === "") frame.startLine = this.line;
    frame.head += character;
  }
}

function newFrame(
  bracket: Frame["bracket"],
  kind: Frame["kind"],
  name: string,
  line: number,
): Frame {
  return { bracket, kind, name, headLine: line, head: "", startLine: line };
}

function open(bracket: "{" | "(" | "[", parent: Frame, line: number): Frame {
  const { head } = parent;
  if (bracket !== "{") return newFrame(bracket, "", "", line);
  const startLine = head === "" ? line : parent.startLine;
  if (/=>\s*$/.test(head)) {
    return newFrame("{", "arrow", ARROW_NAME.exec(head)?.[1] ?? "(arrow)", line);
  }
  if (CONTROL.test(head)) return newFrame("{", "block", "", line);
  if (AFTER_PARAMETERS.test(head) && !/^\s*(?:class|interface|type)\b/.test(head)) {
    return newFrame("{", "function", NAME.exec(head)?.[1] ?? "(anonymous)", startLine);
  }
  return newFrame("{", isBlock(head) ? "block" : "value", "", line);
}

function isBlock(head: string): boolean {
  return (
    head.trim() === "" ||
    /(?:^|[^\w$.])(?:else|do|try|finally)\s*$/.test(head) ||
    /^\s*(?:export\s+)?(?:default\s+)?(?:abstract\s+)?(?:class|interface)\b/.test(head)
  );
}

/** After a group closes, its parent's head goes on (a value) or starts afresh (a statement). */
function close(parent: Frame, closed: Frame, mark: string): void {
  const endsStatement = closed.kind === "function" || closed.kind === "block";
  parent.head = endsStatement ? "" : parent.head + mark;
}
