// hot: per request
/**
 * The generic matcher at run time: a tree of predicates and maps that resolves input data to an
 * action. Generic over the input data (a connection, a request) and the action;
 * compile-match-tree.ts builds it. A nested matcher without a result counts as no match;
 * `keep_matching` actions are passed over. Envoy: source/common/matcher/*.h
 * (xds.type.matcher.v3.Matcher).
 */
import type { CidrTrie } from "../../base/cidr.ts";
import type { StringMatcher } from "./string-matcher.ts";

/** Reads one string out of the input data; null when there is none. */
export interface MatchInput<Data> {
  get(data: Data): string | null;
}

/** Resolves input data to an action; null is no match. */
export interface MatchTree<Data, Action> {
  match(data: Data): Action | null;
}

/** A boolean over the input data. */
export interface Predicate<Data> {
  test(data: Data): boolean;
}

/**
 * What a matched entry leads to: a nested tree or an action. `keepMatching` turns any result into
 * no match.
 */
export class OnMatch<Data, Action> implements MatchTree<Data, Action> {
  private readonly tree: MatchTree<Data, Action> | null;
  private readonly action: Action | null;

  constructor(tree: MatchTree<Data, Action> | null, action: Action | null, keepMatching: boolean) {
    this.tree = keepMatching ? null : tree;
    this.action = keepMatching ? null : action;
  }

  match(data: Data): Action | null {
    return this.tree === null ? this.action : this.tree.match(data);
  }
}

export class InputPredicate<Data> implements Predicate<Data> {
  private readonly input: MatchInput<Data>;
  private readonly matcher: StringMatcher;

  constructor(input: MatchInput<Data>, matcher: StringMatcher) {
    this.input = input;
    this.matcher = matcher;
  }

  test(data: Data): boolean {
    const value = this.input.get(data);
    return value !== null && this.matcher.matches(value);
  }
}

export class AndPredicate<Data> implements Predicate<Data> {
  private readonly parts: readonly Predicate<Data>[];

  constructor(parts: readonly Predicate<Data>[]) {
    this.parts = parts;
  }

  test(data: Data): boolean {
    for (let index = 0; index < this.parts.length; index++) {
      if (!this.parts[index]!.test(data)) return false;
    }
    return true;
  }
}

export class OrPredicate<Data> implements Predicate<Data> {
  private readonly parts: readonly Predicate<Data>[];

  constructor(parts: readonly Predicate<Data>[]) {
    this.parts = parts;
  }

  test(data: Data): boolean {
    for (let index = 0; index < this.parts.length; index++) {
      if (this.parts[index]!.test(data)) return true;
    }
    return false;
  }
}

export class NotPredicate<Data> implements Predicate<Data> {
  private readonly part: Predicate<Data>;

  constructor(part: Predicate<Data>) {
    this.part = part;
  }

  test(data: Data): boolean {
    return !this.part.test(data);
  }
}

export interface FieldMatcher<Data, Action> {
  readonly predicate: Predicate<Data>;
  readonly onMatch: OnMatch<Data, Action>;
}

/** A tree with `on_no_match`. */
export class FallbackMatchTree<Data, Action> implements MatchTree<Data, Action> {
  private readonly tree: MatchTree<Data, Action>;
  private readonly onNoMatch: OnMatch<Data, Action>;

  constructor(tree: MatchTree<Data, Action>, onNoMatch: OnMatch<Data, Action>) {
    this.tree = tree;
    this.onNoMatch = onNoMatch;
  }

  match(data: Data): Action | null {
    return this.tree.match(data) ?? this.onNoMatch.match(data);
  }
}

/** `matcher_list`: the first entry whose predicate holds and whose branch resolves. */
export class ListMatchTree<Data, Action> implements MatchTree<Data, Action> {
  private readonly fields: readonly FieldMatcher<Data, Action>[];

  constructor(fields: readonly FieldMatcher<Data, Action>[]) {
    this.fields = fields;
  }

  match(data: Data): Action | null {
    for (let index = 0; index < this.fields.length; index++) {
      const field = this.fields[index]!;
      if (!field.predicate.test(data)) continue;
      const action = field.onMatch.match(data);
      if (action !== null) return action;
    }
    return null;
  }
}

/** `exact_match_map`. */
export class ExactMatchTree<Data, Action> implements MatchTree<Data, Action> {
  private readonly input: MatchInput<Data>;
  private readonly map: ReadonlyMap<string, OnMatch<Data, Action>>;

  constructor(input: MatchInput<Data>, map: ReadonlyMap<string, OnMatch<Data, Action>>) {
    this.input = input;
    this.map = map;
  }

  match(data: Data): Action | null {
    const value = this.input.get(data);
    const onMatch = value === null ? undefined : this.map.get(value);
    return onMatch === undefined ? null : onMatch.match(data);
  }
}

/** `prefix_match_map`: the longest prefix that resolves. */
export class PrefixMatchTree<Data, Action> implements MatchTree<Data, Action> {
  private readonly input: MatchInput<Data>;
  private readonly map: ReadonlyMap<string, OnMatch<Data, Action>>;
  /** Lengths of the prefixes, longest first. */
  private readonly lengths: readonly number[];

  constructor(input: MatchInput<Data>, map: ReadonlyMap<string, OnMatch<Data, Action>>) {
    this.input = input;
    this.map = map;
    this.lengths = [...new Set([...map.keys()].map((prefix) => prefix.length))].sort(
      (a, b) => b - a,
    );
  }

  match(data: Data): Action | null {
    const value = this.input.get(data);
    if (value !== null) {
      for (let index = 0; index < this.lengths.length; index++) {
        const length = this.lengths[index]!;
        if (length > value.length) continue;
        const action = this.map.get(value.slice(0, length))?.match(data) ?? null;
        if (action !== null) return action;
      }
    }
    return null;
  }
}

export interface RangeEntry<Data, Action> {
  readonly onMatch: OnMatch<Data, Action>;
  /** Only when no longer range matched before. */
  readonly exclusive: boolean;
}

/** Custom tree `xds.type.matcher.v3.IPMatcher`: ranges from most to least specific. */
export class AddressMatchTree<Data, Action> implements MatchTree<Data, Action> {
  private readonly input: MatchInput<Data>;
  private readonly trie: CidrTrie<RangeEntry<Data, Action>>;

  constructor(input: MatchInput<Data>, trie: CidrTrie<RangeEntry<Data, Action>>) {
    this.input = input;
    this.trie = trie;
  }

  match(data: Data): Action | null {
    const ip = this.input.get(data);
    if (ip !== null) {
      const entries = this.trie.all(ip);
      for (let index = 0; index < entries.length; index++) {
        const entry = entries[index]!;
        if (index > 0 && entry.exclusive) continue;
        const action = entry.onMatch.match(data);
        if (action !== null) return action;
      }
    }
    return null;
  }
}

/** Custom tree `xds.type.matcher.v3.ServerNameMatcher`: exact, longest wildcard, `*`. */
export class DomainMatchTree<Data, Action> implements MatchTree<Data, Action> {
  private readonly input: MatchInput<Data>;
  /** By domain; wildcards under their `*.suffix` as written. */
  private readonly domains: ReadonlyMap<string, OnMatch<Data, Action>>;

  constructor(input: MatchInput<Data>, domains: ReadonlyMap<string, OnMatch<Data, Action>>) {
    this.input = input;
    this.domains = domains;
  }

  match(data: Data): Action | null {
    const domain = this.input.get(data);
    return domain === null || domain === "" ? null : this.matchDomain(domain, data);
  }

  private matchDomain(domain: string, data: Data): Action | null {
    let action = this.domains.get(domain)?.match(data) ?? null;
    for (let dot = domain.indexOf("."); action === null && dot >= 0; ) {
      action = this.domains.get("*".concat(domain.slice(dot)))?.match(data) ?? null;
      dot = domain.indexOf(".", dot + 1);
    }
    return action ?? this.domains.get("*")?.match(data) ?? null;
  }
}
