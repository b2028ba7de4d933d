/**
 * URI templates: `/a/{name}/*`, `/**` at the end, a literal suffix. Matching and rewriting of
 * paths. Envoy: envoy.path.match.uri_template, envoy.path.rewrite.uri_template (uri_template_lib).
 */
import { compileRegex, type Regex } from "../base/regex.ts";
import type { RequestHeaderMap } from "../codec/header-map.ts";
import { pathLength } from "../codec/query-string.ts";
import type { CompileContext } from "../config/compile-context.ts";
import { messageNameOf } from "../config/matcher/compile-match-tree.ts";
import type { TypedExtensionConfig } from "../proto/generated/envoy/config/core/v3.ts";
import type { PathMatcher } from "./path-matcher.ts";

const MATCH_CONFIG = "envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig";
const REWRITE_CONFIG = "envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig";
const TEMPLATE_REMEDY =
  "write e.g. /users/{id}/{rest=**}: variables are names, each used once, ** comes last";

const PATH_CHARACTERS = "a-zA-Z0-9-._~%!$&'()*+,;:@=";
const LITERAL = /^[a-zA-Z0-9\-._~%!$&'()*+,;:@=]+$/;
const REWRITE_LITERAL = /^[a-zA-Z0-9\-._~%!$&'()*+,;:@=/]+$/;
const VARIABLE_NAME = /^[a-zA-Z][a-zA-Z0-9_]*$/;
const VARIABLES_MAX = 5;
const VARIABLE_NAME_MAX = 16;

export class UriTemplateMatcher implements PathMatcher {
  readonly pathless: boolean = false;
  readonly regex: Regex;
  /** Names of the variables in order: group 1, 2, … */
  readonly variables: readonly string[];

  constructor(regex: Regex, variables: readonly string[]) {
    this.regex = regex;
    this.variables = variables;
  }

  /** Sees path parameters whatever ignore_path_parameters_in_path_matching says, as in Envoy. */
  matches(_path: string, headers: RequestHeaderMap): boolean {
    const length = pathLength(headers.path);
    return this.regex.matchesFully(headers.path.slice(0, length));
  }

  matchedLength(path: string): number {
    return path.length;
  }
}

/** Puts the variables of a matched template into another one. */
export class UriTemplateRewriter {
  private readonly regex: Regex;
  /** Literal texts and group numbers. */
  private readonly parts: readonly (string | number)[];

  constructor(regex: Regex, parts: readonly (string | number)[]) {
    this.regex = regex;
    this.parts = parts;
  }

  /** The new path, or null when the path (without query) no longer matches the template. */
  rewrite(path: string): string | null {
    const groups = this.regex.captures(path);
    if (groups === null) return null;
    let result = "";
    for (const part of this.parts) result += typeof part === "string" ? part : groups[part]!;
    return result;
  }
}

export function compileUriTemplateMatcher(
  extension: TypedExtensionConfig,
  context: CompileContext,
): UriTemplateMatcher | null {
  const name = messageNameOf(extension.typedConfig?.typeUrl ?? "");
  if (name !== MATCH_CONFIG)
    return context.error(`Path matcher ${name} is not supported`, `use ${MATCH_CONFIG}`);
  const { pathTemplate = "" } = (extension.typedConfig?.value ?? {}) as { pathTemplate?: string };
  const at = context.at("typed_config").at("path_template");
  const parsed = new TemplateParser(pathTemplate).parse();
  if (typeof parsed === "string")
    return at.error(`Wrong template "${pathTemplate}": ${parsed}`, TEMPLATE_REMEDY);
  const regex = compileRegex(parsed.pattern);
  if ("error" in regex)
    return at.error(`Wrong template "${pathTemplate}": ${regex.error}`, TEMPLATE_REMEDY);
  return new UriTemplateMatcher(regex, parsed.variables);
}

export function compileUriTemplateRewriter(
  extension: TypedExtensionConfig,
  matcher: PathMatcher,
  context: CompileContext,
): UriTemplateRewriter | null {
  const name = messageNameOf(extension.typedConfig?.typeUrl ?? "");
  if (name !== REWRITE_CONFIG)
    return context.error(`Path rewrite ${name} is not supported`, `use ${REWRITE_CONFIG}`);
  if (!(matcher instanceof UriTemplateMatcher)) {
    return context.error(
      "A template rewrite needs a template match",
      "set match.path_match_policy to a UriTemplateMatchConfig",
    );
  }
  const { pathTemplateRewrite = "" } = (extension.typedConfig?.value ?? {}) as {
    pathTemplateRewrite?: string;
  };
  const parts = parseRewrite(pathTemplateRewrite, matcher.variables);
  if (typeof parts === "string") {
    return context
      .at("typed_config")
      .at("path_template_rewrite")
      .error(`Wrong template "${pathTemplateRewrite}": ${parts}`, TEMPLATE_REMEDY);
  }
  return new UriTemplateRewriter(matcher.regex, parts);
}

/** Literals and group numbers of a rewrite template, or what is wrong with it. */
function parseRewrite(text: string, variables: readonly string[]): (string | number)[] | string {
  if (!text.startsWith("/")) return "it must begin with a slash";
  if (text.includes("//")) return "two slashes stand together";
  const parts: (string | number)[] = [];
  let at = 0;
  while (at < text.length) {
    const open = text.indexOf("{", at);
    const literal = text.slice(at, open < 0 ? text.length : open);
    if (literal !== "") {
      if (!REWRITE_LITERAL.test(literal)) return `"${literal}" has a character that no path has`;
      parts.push(literal);
    }
    if (open < 0) break;
    const close = text.indexOf("}", open);
    if (close < 0) return "a bracket is not closed";
    const group = variables.indexOf(text.slice(open + 1, close)) + 1;
    if (group === 0) return `the match has no variable ${text.slice(open + 1, close)}`;
    parts.push(group);
    at = close + 1;
  }
  return parts;
}

interface ParsedTemplate {
  readonly pattern: string;
  readonly variables: readonly string[];
}

/** Turns a template into an RE2 pattern with one group per variable. */
class TemplateParser {
  private readonly text: string;
  private at = 1;
  private textGlobSeen = false;
  private readonly variables: string[] = [];

  constructor(text: string) {
    this.text = text;
  }

  /** The pattern, or what is wrong with the template. */
  parse(): ParsedTemplate | string {
    const { text } = this;
    if (!/^\/[\x21-\x7e]*$/.test(text)) return "it must be printable and begin with a slash";
    let pattern = "/";
    while (this.at < text.length) {
      const segment = this.segment();
      if ("problem" in segment) return segment.problem;
      pattern += segment.pattern;
      if (this.at === text.length) break;
      if (text[this.at] === "/") {
        pattern += "/";
        this.at++;
        continue;
      }
      const suffix = this.literal();
      if ("problem" in suffix) return suffix.problem;
      if (this.at < text.length) return "only the last segment may have a suffix";
      pattern += suffix.pattern;
    }
    return { pattern, variables: this.variables };
  }

  private segment(): Step {
    if (this.text[this.at] === "*") return this.operator(this.text);
    return this.text[this.at] === "{" ? this.variable() : this.literal();
  }

  private operator(text: string): Step {
    if (this.textGlobSeen) return { problem: "a wildcard follows **" };
    if (!text.startsWith("**", this.at)) {
      this.at++;
      return { pattern: `[${PATH_CHARACTERS}]+` };
    }
    this.at += 2;
    this.textGlobSeen = true;
    return { pattern: `[${PATH_CHARACTERS}/]*` };
  }

  private literal(end: number = this.text.length): Step {
    const slash = this.text.indexOf("/", this.at);
    const stop = slash < 0 || slash > end ? end : slash;
    const literal = this.text.slice(this.at, stop);
    if (!LITERAL.test(literal)) return { problem: `"${literal}" has a character that no path has` };
    this.at = stop;
    return { pattern: literal.replace(/[$()*+.]/g, "\\$&") };
  }

  private variable(): Step {
    const close = this.text.indexOf("}", this.at);
    if (close < 0) return { problem: "a bracket is not closed" };
    const equals = this.text.indexOf("=", this.at);
    const bare = equals < 0 || equals > close;
    const name = this.text.slice(this.at + 1, bare ? close : equals);
    const problem = this.nameProblem(name);
    if (problem !== null) return { problem };
    this.variables.push(name);
    if (bare) {
      if (this.textGlobSeen) return { problem: "a wildcard follows **" };
      this.at = close + 1;
      return { pattern: `([${PATH_CHARACTERS}]+)` };
    }
    this.at = equals + 1;
    let pattern = "";
    while (this.at < close) {
      const step = this.text[this.at] === "*" ? this.operator(this.text) : this.literal(close);
      if ("problem" in step) return step;
      pattern += step.pattern;
      if (this.at === close) break;
      if (this.text[this.at] !== "/" || this.at + 1 === close) {
        return { problem: `variable ${name} has a wrong pattern` };
      }
      pattern += "/";
      this.at++;
    }
    if (pattern === "") return { problem: `variable ${name} has an empty pattern` };
    this.at = close + 1;
    return { pattern: `(${pattern})` };
  }

  private nameProblem(name: string): string | null {
    if (!VARIABLE_NAME.test(name)) return `"${name}" is no variable name`;
    if (name.length > VARIABLE_NAME_MAX) return `variable ${name} has more than 16 characters`;
    if (this.variables.includes(name)) return `variable ${name} is there twice`;
    return this.variables.length >= VARIABLES_MAX ? "it has more than 5 variables" : null;
  }
}

type Step = { readonly pattern: string } | { readonly problem: string };
