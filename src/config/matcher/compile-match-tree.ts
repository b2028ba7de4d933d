/**
 * Compiles xds.type.matcher.v3.Matcher (and its twin in envoy.config.common.matcher.v3) into a
 * MatchTree. How to use it: describe what may stand in the tree as a `MatchTreeKinds` value (the
 * inputs of your data by message name, and how an action compiles), call `compileMatchTree(message,
 * kinds, context)` when the configuration is compiled, and `tree.match(data)` per event; null is no
 * match. Inputs and actions that are not in the kinds are errors that name their type.
 */
import { toByteString } from "../../base/byte-string.ts";
import { CidrTrie } from "../../base/cidr.ts";
import { nearestName } from "../../base/nearest-name.ts";
import type { TypedExtensionConfig } from "../../proto/generated/xds/core/v3.ts";
import type {
  IPMatcher,
  Matcher,
  Matcher_MatcherList_FieldMatcher,
  Matcher_MatcherList_Predicate,
  Matcher_MatcherList_Predicate_SinglePredicate,
  Matcher_MatcherTree,
  Matcher_OnMatch,
  ServerNameMatcher,
  StringMatcher as StringMatcherMessage,
} from "../../proto/generated/xds/type/matcher/v3.ts";
import type { CompileContext } from "../compile-context.ts";
import { compileAddressMatcher, compileRange } from "./address-matcher.ts";
import {
  AddressMatchTree,
  AndPredicate,
  DomainMatchTree,
  ExactMatchTree,
  FallbackMatchTree,
  type FieldMatcher,
  InputPredicate,
  ListMatchTree,
  type MatchInput,
  type MatchTree,
  NotPredicate,
  OnMatch,
  OrPredicate,
  type Predicate,
  PrefixMatchTree,
  type RangeEntry,
} from "./match-tree.ts";
import { compileStringMatcher, type StringMatcher } from "./string-matcher.ts";

/** Compiles one kind of input; `message` is the plain message of that type. */
export type InputCompiler<Data> = (
  message: object,
  context: CompileContext,
) => MatchInput<Data> | null;

/** What may stand in a tree. */
export interface MatchTreeKinds<Data, Action> {
  /**
   * By full message name, e.g.
   * `envoy.extensions.matching.common_inputs.network.v3.DestinationPortInput`.
   */
  readonly inputs: Readonly<Record<string, InputCompiler<Data>>>;
  /** Compiles an action; null after reporting why not. */
  compileAction(extension: TypedExtensionConfig, context: CompileContext): Action | null;
}

/** Null after reporting what is wrong. */
export function compileMatchTree<Data, Action>(
  message: Matcher,
  kinds: MatchTreeKinds<Data, Action>,
  context: CompileContext,
): MatchTree<Data, Action> | null {
  return new TreeCompiler(kinds).tree(message, context);
}

/** The message name in a type URL: `type.googleapis.com/x.Y` → `x.Y`. */
export function messageNameOf(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf("/") + 1);
}

const IP_MATCHER = "xds.type.matcher.v3.IPMatcher";
const SERVER_NAME_MATCHER = "xds.type.matcher.v3.ServerNameMatcher";
const IP_INPUT_MATCHER = "envoy.extensions.matching.input_matchers.ip.v3.Ip";

class TreeCompiler<Data, Action> {
  private readonly kinds: MatchTreeKinds<Data, Action>;

  constructor(kinds: MatchTreeKinds<Data, Action>) {
    this.kinds = kinds;
  }

  tree(message: Matcher, context: CompileContext): MatchTree<Data, Action> | null {
    if (message.onNoMatch === undefined) return this.treeAlone(message, context);
    const onNoMatch = this.onMatch(message.onNoMatch, context.at("on_no_match"));
    const tree = onNoMatch === null ? null : this.treeAlone(message, context);
    return onNoMatch === null || tree === null ? null : new FallbackMatchTree(tree, onNoMatch);
  }

  /** Without `on_no_match`. */
  private treeAlone(message: Matcher, context: CompileContext): MatchTree<Data, Action> | null {
    return message.matcherTree === undefined
      ? this.list(message.matcherList?.matchers ?? [], context.at("matcher_list"))
      : this.map(message.matcherTree, context.at("matcher_tree"));
  }

  private list(
    matchers: readonly Matcher_MatcherList_FieldMatcher[],
    context: CompileContext,
  ): MatchTree<Data, Action> | null {
    const fields: FieldMatcher<Data, Action>[] = [];
    for (const [index, matcher] of matchers.entries()) {
      const at = context.at("matchers", index);
      const predicate = this.predicate(matcher.predicate, at.at("predicate"));
      const onMatch = this.onMatch(matcher.onMatch, at.at("on_match"));
      if (predicate === null || onMatch === null) return null;
      fields.push({ predicate, onMatch });
    }
    return new ListMatchTree(fields);
  }

  private onMatch(
    message: Matcher_OnMatch | undefined,
    context: CompileContext,
  ): OnMatch<Data, Action> | null {
    const keepMatching = message?.keepMatching === true;
    if (message?.matcher !== undefined) {
      const tree = this.tree(message.matcher, context.at("matcher"));
      return tree === null ? null : new OnMatch<Data, Action>(tree, null, keepMatching);
    }
    if (message?.action === undefined) {
      return context.error("A match must lead somewhere", "set matcher or action");
    }
    const action = this.kinds.compileAction(message.action, context.at("action"));
    return action === null ? null : new OnMatch<Data, Action>(null, action, keepMatching);
  }

  private input(
    extension: TypedExtensionConfig | undefined,
    context: CompileContext,
  ): MatchInput<Data> | null {
    const name = messageNameOf(extension?.typedConfig?.typeUrl ?? "");
    if (extension === undefined || name === "") {
      return context.error("A matcher needs an input", "set input.typed_config");
    }
    const compile = Object.hasOwn(this.kinds.inputs, name) ? this.kinds.inputs[name] : undefined;
    if (compile === undefined) {
      return context
        .at("typed_config")
        .error(`Matching input ${name} is not supported here`, this.inputRemedy(name));
    }
    return compile((extension.typedConfig?.value ?? {}) as object, context.at("typed_config"));
  }

  private inputRemedy(name: string): string {
    const known = Object.keys(this.kinds.inputs).sort();
    const nearest = nearestName(name, known);
    return nearest === null ? `known inputs: ${known.join(", ")}` : `did you mean ${nearest}?`;
  }

  private predicate(
    message: Matcher_MatcherList_Predicate | undefined,
    context: CompileContext,
  ): Predicate<Data> | null {
    if (message?.singlePredicate !== undefined) {
      return this.single(message.singlePredicate, context.at("single_predicate"));
    }
    if (message?.orMatcher !== undefined) {
      const parts = this.parts(message.orMatcher.predicate, context.at("or_matcher"));
      return parts === null ? null : new OrPredicate(parts);
    }
    if (message?.andMatcher !== undefined) {
      const parts = this.parts(message.andMatcher.predicate, context.at("and_matcher"));
      return parts === null ? null : new AndPredicate(parts);
    }
    if (message?.notMatcher !== undefined) {
      const part = this.predicate(message.notMatcher, context.at("not_matcher"));
      return part === null ? null : new NotPredicate(part);
    }
    return context.error(
      "A predicate is empty",
      "set one of single_predicate, or_matcher, and_matcher, not_matcher",
    );
  }

  private parts(
    messages: readonly Matcher_MatcherList_Predicate[] | undefined,
    context: CompileContext,
  ): Predicate<Data>[] | null {
    if (messages === undefined || messages.length < 2) {
      return context
        .at("predicate")
        .error("Needs at least two predicates", "add one, or use single_predicate");
    }
    const parts: Predicate<Data>[] = [];
    for (const [index, message] of messages.entries()) {
      const part = this.predicate(message, context.at("predicate", index));
      if (part === null) return null;
      parts.push(part);
    }
    return parts;
  }

  private single(
    message: Matcher_MatcherList_Predicate_SinglePredicate,
    context: CompileContext,
  ): Predicate<Data> | null {
    const input = this.input(message.input, context.at("input"));
    const matcher = compileValueMatcher(message, context);
    return input === null || matcher === null ? null : new InputPredicate(input, matcher);
  }

  private map(
    message: Matcher_MatcherTree,
    context: CompileContext,
  ): MatchTree<Data, Action> | null {
    const input = this.input(message.input, context.at("input"));
    if (input === null) return null;
    if (message.customMatch !== undefined) {
      return this.custom(input, message.customMatch, context.at("custom_match"));
    }
    const field = message.exactMatchMap === undefined ? "prefix_match_map" : "exact_match_map";
    const entries = message.exactMatchMap?.map ?? message.prefixMatchMap?.map;
    if (entries === undefined || Object.keys(entries).length === 0) {
      return context.at(field).error("The map of a matcher tree is empty", "add an entry");
    }
    const map = new Map<string, OnMatch<Data, Action>>();
    for (const [key, entry] of Object.entries(entries)) {
      const onMatch = this.onMatch(entry, context.at(field).at("map", key));
      if (onMatch === null) return null;
      map.set(toByteString(key), onMatch);
    }
    return message.exactMatchMap === undefined
      ? new PrefixMatchTree(input, map)
      : new ExactMatchTree(input, map);
  }

  private custom(
    input: MatchInput<Data>,
    extension: TypedExtensionConfig,
    context: CompileContext,
  ): MatchTree<Data, Action> | null {
    const at = context.at("typed_config");
    const message = extension.typedConfig?.value ?? {};
    switch (messageNameOf(extension.typedConfig?.typeUrl ?? "")) {
      case IP_MATCHER: {
        const trie = this.ranges(message as IPMatcher, at);
        return trie === null ? null : new AddressMatchTree(input, trie);
      }
      case SERVER_NAME_MATCHER: {
        const domains = this.domains(message as ServerNameMatcher, at);
        return domains === null ? null : new DomainMatchTree(input, domains);
      }
      default:
        return unsupportedMatcher(extension, context);
    }
  }

  private ranges(
    message: IPMatcher,
    context: CompileContext,
  ): CidrTrie<RangeEntry<Data, Action>> | null {
    const trie = new CidrTrie<RangeEntry<Data, Action>>();
    for (const [index, matcher] of (message.rangeMatchers ?? []).entries()) {
      const at = context.at("range_matchers", index);
      const onMatch = this.onMatch(matcher.onMatch, at.at("on_match"));
      if (onMatch === null) return null;
      const entry = { onMatch, exclusive: matcher.exclusive === true };
      for (const [position, cidr] of (matcher.ranges ?? []).entries()) {
        const range = compileRange(cidr, at.at("ranges", position));
        if (range === null) return null;
        trie.add(range, entry);
      }
    }
    return trie;
  }

  private domains(
    message: ServerNameMatcher,
    context: CompileContext,
  ): Map<string, OnMatch<Data, Action>> | null {
    const domains = new Map<string, OnMatch<Data, Action>>();
    for (const [index, matcher] of (message.domainMatchers ?? []).entries()) {
      const at = context.at("domain_matchers", index);
      const onMatch = this.onMatch(matcher.onMatch, at.at("on_match"));
      if (onMatch === null) return null;
      for (const [position, domain] of (matcher.domains ?? []).entries()) {
        const problem = domains.has(domain) ? "is there twice" : domainProblem(domain);
        if (problem !== null) {
          return at
            .at("domains", position)
            .error(`Domain "${domain}" ${problem}`, "give each domain once, as a.b, *.b or *");
        }
        domains.set(domain, onMatch);
      }
    }
    return domains;
  }
}

function domainProblem(domain: string): string | null {
  if (domain === "*") return null;
  if (domain === "") return "is empty";
  const star = domain.lastIndexOf("*");
  if (star < 0 || (star === 0 && domain.length >= 3 && domain[1] === ".")) return null;
  return "is no wildcard: only * and *.suffix are";
}

function compileValueMatcher(
  message: Matcher_MatcherList_Predicate_SinglePredicate,
  context: CompileContext,
): StringMatcher | null {
  if (message.customMatch !== undefined) {
    const at = context.at("custom_match");
    const name = messageNameOf(message.customMatch.typedConfig?.typeUrl ?? "");
    if (name !== IP_INPUT_MATCHER) return unsupportedMatcher(message.customMatch, at);
    return compileAddressMatcher(message.customMatch.typedConfig?.value ?? {}, at);
  }
  if (message.valueMatch === undefined) {
    return context.error("A predicate needs a matcher", "set value_match or custom_match");
  }
  // The xds and the envoy message have the same fields in plain form.
  return compileStringMatcher(
    message.valueMatch as StringMatcherMessage,
    context.at("value_match"),
  );
}

function unsupportedMatcher(extension: TypedExtensionConfig, context: CompileContext): null {
  const name = messageNameOf(extension.typedConfig?.typeUrl ?? extension.name ?? "");
  return context
    .at("typed_config")
    .error(
      `Matcher extension ${name} is not supported`,
      "use value_match or an IP or name matcher",
    );
}
