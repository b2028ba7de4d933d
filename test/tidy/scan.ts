// A small lexer for TypeScript text: blanks comments and string contents (offsets and lines stay),
// so that checks look at code only. It knows strings, templates, regular expressions and comments,
// and nothing about grammar.

/** The same text with comments and the insides of literals replaced by spaces. */
export function blankLiterals(text: string): string {
  return new Scanner(text).run();
}

const SPACE = " ";
const REGEX_MAY_FOLLOW = new Set([..."=([,!&|?:;{}+-*%~^<>"]);
const REGEX_KEYWORDS = /(?:^|[^\w$.])(?:return|typeof|case|in|of|delete|void|throw|else|do)$/;

class Scanner {
  private readonly text: string;
  private readonly out: string[] = [];
  private at = 0;
  /** Brace depth at which each open template expression ends. */
  private readonly templates: number[] = [];
  private depth = 0;

  constructor(text: string) {
    this.text = text;
  }

  run(): string {
    while (this.at < this.text.length) this.step();
    return this.out.join("");
  }

  private step(): void {
    const character = this.text[this.at]!;
    const next = this.text[this.at + 1];
    if (character === "/" && next === "/") this.blankUntil(this.endOf("\n", this.at));
    else if (character === "/" && next === "*") this.blankUntil(this.endOf("*/", this.at + 2));
    else if (character === '"' || character === "'") this.quoted(character);
    else if (character === "`") this.template();
    else if (character === "/" && this.regexMayStart()) this.regex();
    else if (character === "{") this.openBrace();
    else if (character === "}" && this.closesTemplateExpression()) this.template();
    else this.copy();
  }

  private openBrace(): void {
    this.depth += 1;
    this.copy();
  }

  private closesTemplateExpression(): boolean {
    const closes = this.templates.at(-1) === this.depth;
    if (closes) this.templates.pop();
    else this.depth -= 1;
    return closes;
  }

  private copy(): void {
    this.out.push(this.text[this.at]!);
    this.at += 1;
  }

  private blank(): void {
    const character = this.text[this.at]!;
    this.out.push(character === "\n" ? character : SPACE);
    this.at += 1;
  }

  private blankUntil(end: number): void {
    while (this.at < end) this.blank();
  }

  private endOf(mark: string, from: number): number {
    const end = this.text.indexOf(mark, from);
    return end < 0 ? this.text.length : end + mark.length;
  }

  private quoted(quote: string): void {
    this.copy();
    while (this.at < this.text.length && this.text[this.at] !== quote) this.blankEscapable();
    if (this.at < this.text.length) this.copy();
  }

  /** From a backtick, or from the brace that closes an expression, to the next backtick or `${`. */
  private template(): void {
    this.copy();
    while (this.at < this.text.length && !this.endsTemplatePart()) this.blankEscapable();
  }

  private endsTemplatePart(): boolean {
    if (this.text[this.at] === "`") {
      this.copy();
      return true;
    }
    if (this.text[this.at] !== "$" || this.text[this.at + 1] !== "{") return false;
    this.copy();
    this.copy();
    this.templates.push(this.depth);
    return true;
  }

  private blankEscapable(): void {
    if (this.text[this.at] === "\\") this.blank();
    if (this.at < this.text.length) this.blank();
  }

  private regexMayStart(): boolean {
    let back = this.out.length - 1;
    while (back >= 0 && /\s/.test(this.out[back]!)) back -= 1;
    if (back < 0 || REGEX_MAY_FOLLOW.has(this.out[back]!)) return true;
    return REGEX_KEYWORDS.test(this.out.slice(Math.max(0, back - 10), back + 1).join(""));
  }

  private regex(): void {
    this.copy();
    let inClass = false;
    for (let done = false; !done && this.at < this.text.length; ) {
      const character = this.text[this.at]!;
      if (character === "[") inClass = true;
      if (character === "]") inClass = false;
      done = character === "\n" || (character === "/" && !inClass);
      if (done) this.copy();
      else this.blankEscapable();
    }
  }
}
