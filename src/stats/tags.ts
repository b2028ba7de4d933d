/**
 * Splits a stat name into a family and tags: `cluster.foo.upstream_rq_200` is `cluster.upstream_rq`
 * with envoy.response_code=200 and envoy.cluster_name=foo. Every rule looks at the whole name; what
 * the matching rules point at is cut out in the end. Envoy: Stats::TagProducerImpl;
 * stats_config.stats_tags, use_all_default_tags.
 */
import {
  DEFAULT_REGEX_TAGS,
  DEFAULT_TOKEN_TAGS,
  type RegexTagRule,
  type TokenTagRule,
} from "./default-tags.ts";

export interface Tag {
  readonly name: string;
  readonly value: string;
}

/** A name taken apart. */
export interface TaggedName {
  /** The name without the tag values, still dotted. */
  readonly family: string;
  readonly tags: readonly Tag[];
}

/** Where a pattern found its tag: [start, end) is cut from the name. */
export interface TagMatch {
  readonly start: number;
  readonly end: number;
  readonly value: string;
}

/**
 * A regular expression of the configuration (`stats_tags.regex`), RE2 semantics, searched anywhere
 * in the name.
 */
export interface TagPattern {
  readonly source: string;
  find(name: string): TagMatch | null;
}

/** One entry of `stats_config.stats_tags`. `default` means: the built-in rules of that tag name. */
export type CustomTag =
  | { readonly name: string; readonly kind: "pattern"; readonly pattern: TagPattern }
  | { readonly name: string; readonly kind: "fixed"; readonly value: string }
  | { readonly name: string; readonly kind: "default" };

export interface TagConfig {
  /** `stats_config.use_all_default_tags`; default true. */
  readonly useAllDefaultTags: boolean;
  readonly customTags: readonly CustomTag[];
  /** `--stats-tag name:value`. */
  readonly commandLineTags: readonly Tag[];
}

export const DEFAULT_TAG_CONFIG: TagConfig = {
  useAllDefaultTags: true,
  customTags: [],
  commandLineTags: [],
};

/**
 * True when there is a built-in rule of this name, so that `stats_tags` may name it without a
 * regex.
 */
export function hasDefaultTag(name: string): boolean {
  return [...DEFAULT_REGEX_TAGS, ...DEFAULT_TOKEN_TAGS].some((rule) => rule.tag === name);
}

/** A rule ready to run. `find` gives null when the name has no such tag. */
interface Extractor {
  readonly tag: string;
  /** First token that a name must have; "" for any. Rules for any name come first, as in Envoy. */
  readonly firstToken: string;
  /** `tokens` are the parts of the name between dots. */
  find(name: string, tokens: readonly string[]): TagMatch | null;
}

export class TagProducer {
  readonly #anyName: Extractor[] = [];
  readonly #byFirstToken = new Map<string, Extractor[]>();

  constructor(config: TagConfig = DEFAULT_TAG_CONFIG) {
    if (config.useAllDefaultTags) this.#addDefaults(() => true);
    for (const tag of config.commandLineTags) this.#add(fixedExtractor(tag.name, tag.value));
    for (const tag of config.customTags) this.#addCustom(tag);
  }

  /** Not cached here: the caller keeps the result beside the stat. */
  produce(name: string): TaggedName {
    const tags: Tag[] = [];
    const cuts: TagMatch[] = [];
    const tokens = name.split(".");
    const specific = tokens.length < 2 ? [] : (this.#byFirstToken.get(tokens[0] ?? "") ?? []);
    for (const extractors of [this.#anyName, specific]) {
      for (const extractor of extractors) {
        // A tag that two rules find is taken from the first.
        if (tags.some((tag) => tag.name === extractor.tag)) continue;
        const match = extractor.find(name, tokens);
        if (match === null) continue;
        tags.push({ name: extractor.tag, value: match.value });
        if (match.end > match.start) cuts.push(match);
      }
    }
    return { family: cutOut(name, cuts), tags };
  }

  #addCustom(tag: CustomTag): void {
    if (tag.kind === "default") this.#addDefaults((name) => name === tag.name);
    else if (tag.kind === "fixed") this.#add(fixedExtractor(tag.name, tag.value));
    else this.#add(patternExtractor(tag.name, tag.pattern));
  }

  #addDefaults(wanted: (tag: string) => boolean): void {
    for (const rule of DEFAULT_REGEX_TAGS) if (wanted(rule.tag)) this.#add(regexExtractor(rule));
    for (const rule of DEFAULT_TOKEN_TAGS) if (wanted(rule.tag)) this.#add(tokenExtractor(rule));
  }

  #add(extractor: Extractor): void {
    if (extractor.firstToken === "") {
      this.#anyName.push(extractor);
      return;
    }
    const list = this.#byFirstToken.get(extractor.firstToken) ?? [];
    this.#byFirstToken.set(extractor.firstToken, list);
    list.push(extractor);
  }
}

/** Removes all cut ranges; ranges may overlap. */
function cutOut(name: string, cuts: TagMatch[]): string {
  if (cuts.length === 0) return name;
  cuts.sort((a, b) => a.start - b.start);
  let rest = "";
  let at = 0;
  for (const { start, end } of cuts) {
    if (start > at) rest += name.slice(at, start);
    at = Math.max(at, end);
  }
  return rest + name.slice(at);
}

function fixedExtractor(tag: string, value: string): Extractor {
  return { tag, firstToken: "", find: () => ({ start: 0, end: 0, value }) };
}

function patternExtractor(tag: string, pattern: TagPattern): Extractor {
  return { tag, firstToken: firstTokenOf(pattern.source), find: (name) => pattern.find(name) };
}

function regexExtractor(rule: RegexTagRule): Extractor {
  return {
    tag: rule.tag,
    firstToken: firstTokenOf(rule.pattern.source),
    find: (name) => findByRegex(rule, name),
  };
}

/**
 * The literal first token of `^token\.…` or `^token$`: such a rule runs only for names that start
 * with it.
 */
function firstTokenOf(source: string): string {
  return /^\^(\w+)(?:\\\.|\(\?=\\\.\)|\$$)/.exec(source)?.[1] ?? "";
}

function findByRegex(rule: RegexTagRule, name: string): TagMatch | null {
  if (!name.includes(rule.needle)) return null;
  const match = rule.pattern.exec(name);
  const range = match?.indices?.[1];
  const value = match?.[2];
  if (range === undefined || value === undefined || value === rule.except) return null;
  return { start: range[0], end: range[1], value };
}

function tokenExtractor(rule: TokenTagRule): Extractor {
  const pattern = rule.tokens.split(".");
  const first = pattern[0] ?? "";
  const firstToken = first === "$" ? "" : first;
  return { tag: rule.tag, firstToken, find: (_, tokens) => findByTokens(pattern, tokens) };
}

function findByTokens(pattern: readonly string[], tokens: readonly string[]): TagMatch | null {
  const at = matchTokens(pattern, tokens, 0, 0, -1);
  if (at < 0) return null;
  let start = 0;
  for (let i = 0; i < at; i++) start += (tokens[i] as string).length + 1;
  const value = tokens[at] as string;
  const end = start + value.length;
  // The dot behind the value goes too; for a last token the dot before it.
  if (at < tokens.length - 1) return { start, end: end + 1, value };
  return { start: Math.max(0, start - 1), end, value };
}

/**
 * The index of the token that stands for `$`, or −1. A `**` at the end needs at least one token.
 */
function matchTokens(
  pattern: readonly string[],
  tokens: readonly string[],
  patternAt: number,
  tokenAt: number,
  found: number,
): number {
  let p = patternAt;
  let t = tokenAt;
  let value = found;
  for (; p < pattern.length && t < tokens.length; p++, t++) {
    const expected = pattern[p];
    if (expected === "$") value = t;
    else if (expected === "**") return matchRest(pattern, tokens, p, t, value);
    else if (expected !== "*" && expected !== tokens[t]) return -1;
  }
  return p === pattern.length && t === tokens.length ? value : -1;
}

/** From a `**` on: it may take any number of tokens before the rest of the pattern. */
function matchRest(
  pattern: readonly string[],
  tokens: readonly string[],
  patternAt: number,
  tokenAt: number,
  found: number,
): number {
  if (patternAt === pattern.length - 1) return found;
  for (let t = tokenAt; t < tokens.length; t++) {
    const value = matchTokens(pattern, tokens, patternAt + 1, t, found);
    if (value >= 0) return value;
  }
  return -1;
}
