/**
 * Builds the nested maps of `filter-chain-match.ts` from `FilterChainMatch` messages and refuses
 * duplicates, overlaps and fields that do not work. Envoy:
 * `FilterChainManagerImpl::addFilterChains`.
 */
import { CidrRange, CidrTrie } from "../base/cidr.ts";
import type { CompileContext } from "../config/compile-context.ts";
import { compileRange } from "../config/matcher/address-matcher.ts";
import { messageIdentity } from "../config/message-identity.ts";
import type { CidrRange as CidrRangeMessage } from "../proto/generated/envoy/config/core/v3.ts";
import type { FilterChainMatch } from "../proto/generated/envoy/config/listener/v3.ts";
import {
  type ApplicationProtocols,
  type Destinations,
  FilterChainMatcher,
  type ServerNames,
  type SourcePorts,
  type SourceTypes,
  type TransportProtocols,
} from "./filter-chain-match.ts";
import { type FilterChainSelector, FixedSelector, NO_CHAIN } from "./filter-chain-selector.ts";

const LEVELS = 9;
/** What an empty list of ranges stands for. */
const ANY_RANGES: readonly CidrRange[] = [
  new CidrRange(false, Uint32Array.of(0), 0),
  new CidrRange(true, new Uint32Array(4), 0),
];

/** A level while it is built: branches by key; `index` at the leaves. */
class Branch {
  readonly children = new Map<string, Branch>();
  index: number = NO_CHAIN;
}

/** A chain's match, every list expanded to the keys of its level. */
type Keys = readonly (readonly string[])[];

/** Compiles the matches of all chains (`filter_chains[i].filter_chain_match`). */
export function compileFilterChainMatches(
  matches: readonly FilterChainMatch[],
  hasDefault: boolean,
  context: CompileContext,
): FilterChainSelector | null {
  const fallback = hasDefault ? matches.length : NO_CHAIN;
  const ranges = new Map<string, CidrRange>();
  const root = new Branch();
  const seen = new Map<string, number>();
  let ok = true;
  for (const [index, match] of matches.entries()) {
    const at = context.at("filter_chains", index).at("filter_chain_match");
    ok = addMatch(match, index, { root, seen, ranges }, at) && ok;
  }
  if (!ok) return null;
  if (matches.length === 1 && isCatchAll(matches[0]!)) return new FixedSelector(0);
  return new FilterChainMatcher(buildPorts(root, ranges), fallback);
}

interface Building {
  readonly root: Branch;
  readonly seen: Map<string, number>;
  readonly ranges: Map<string, CidrRange>;
}

function addMatch(
  match: FilterChainMatch,
  index: number,
  building: Building,
  context: CompileContext,
): boolean {
  const identity = messageIdentity(match);
  const twin = building.seen.get(identity);
  if (twin !== undefined) {
    context.error(
      `Filter chain ${index} has the same matching rules as filter chain ${twin}`,
      "give each chain rules of its own, or make one the default_filter_chain",
    );
    return false;
  }
  building.seen.set(identity, index);
  const keys = expand(match, building.ranges, context);
  if (keys === null) return false;
  if (insert(building.root, keys, 0, index)) return true;
  context.error(
    `Filter chain ${index} overlaps another chain: the same connection would match both`,
    "make prefix_ranges, server_names, application_protocols and source ranges disjoint",
  );
  return false;
}

/** False when another chain already stands at one of the leaves. */
function insert(branch: Branch, keys: Keys, level: number, index: number): boolean {
  if (level === LEVELS) {
    if (branch.index !== NO_CHAIN) return false;
    branch.index = index;
    return true;
  }
  let free = true;
  for (const key of keys[level]!) {
    let child = branch.children.get(key);
    if (child === undefined) {
      child = new Branch();
      branch.children.set(key, child);
    }
    free = insert(child, keys, level + 1, index) && free;
  }
  return free;
}

function expand(
  match: FilterChainMatch,
  ranges: Map<string, CidrRange>,
  context: CompileContext,
): Keys | null {
  const refused = refuseUnsupported(match, context);
  const rangeKeys = (field: string, list: readonly CidrRangeMessage[] | undefined) =>
    expandRanges(list ?? [], ranges, (index) => context.at(field, index));
  const destination = rangeKeys("prefix_ranges", match.prefixRanges);
  const direct = rangeKeys("direct_source_prefix_ranges", match.directSourcePrefixRanges);
  const source = rangeKeys("source_prefix_ranges", match.sourcePrefixRanges);
  const names = expandServerNames(match.serverNames ?? [], context);
  if (refused || destination === null || direct === null || source === null || names === null) {
    return null;
  }
  return [
    [String(match.destinationPort ?? 0)],
    destination,
    names,
    [match.transportProtocol ?? ""],
    orAny(match.applicationProtocols, ""),
    direct,
    [match.sourceType ?? "ANY"],
    source,
    orAny(match.sourcePorts?.map(String), "0"),
  ];
}

function refuseUnsupported(match: FilterChainMatch, context: CompileContext): boolean {
  const before = context.diagnostics.length;
  const remedy = "use prefix_ranges";
  if ((match.addressSuffix ?? "") !== "") {
    context.at("address_suffix").error("address_suffix is not implemented", remedy);
  }
  if (match.suffixLen !== undefined) {
    context.at("suffix_len").error("suffix_len is not implemented", remedy);
  }
  return context.diagnostics.length > before;
}

function orAny(values: readonly string[] | undefined, any: string): readonly string[] {
  return values === undefined || values.length === 0 ? [any] : [...new Set(values)];
}

function expandRanges(
  list: readonly CidrRangeMessage[],
  ranges: Map<string, CidrRange>,
  at: (index: number) => CompileContext,
): readonly string[] | null {
  if (list.length === 0) return ANY_RANGES.map((range) => remember(range, ranges));
  const keys = new Set<string>();
  for (const [index, message] of list.entries()) {
    const range = compileRange(message, at(index));
    if (range === null) return null;
    keys.add(remember(range, ranges));
  }
  return [...keys];
}

function remember(range: CidrRange, ranges: Map<string, CidrRange>): string {
  const key = `${range.words.join(".")}/${range.prefixLength}`;
  const familyKey = range.ipv6 ? `6:${key}` : `4:${key}`;
  ranges.set(familyKey, range);
  return familyKey;
}

/** Lower case; `*.example.com` becomes `.example.com`. */
function expandServerNames(
  names: readonly string[],
  context: CompileContext,
): readonly string[] | null {
  const keys = new Set<string>();
  for (const [index, name] of names.entries()) {
    const lower = name.toLowerCase();
    const wildcard = lower.startsWith("*.");
    if (lower.includes("*", wildcard ? 1 : 0)) {
      return context
        .at("server_names", index)
        .error(
          `Partial wildcards are not supported in server_names: "${name}"`,
          "write *.example.com, or leave server_names out to match every name",
        );
    }
    keys.add(wildcard ? lower.slice(1) : lower);
  }
  return keys.size === 0 ? [""] : [...keys];
}

function isCatchAll(match: FilterChainMatch): boolean {
  const { sourceType = "ANY", transportProtocol = "", destinationPort, ...lists } = match;
  const empty = Object.values(lists).every((list) => !Array.isArray(list) || list.length === 0);
  return empty && sourceType === "ANY" && transportProtocol === "" && (destinationPort ?? 0) === 0;
}

function buildPorts(root: Branch, ranges: Map<string, CidrRange>): Map<number, Destinations> {
  return new Map(
    [...root.children].map(([port, branch]) => [
      Number(port),
      trie(branch, ranges, (names) => buildNames(names, ranges)),
    ]),
  );
}

function buildNames(branch: Branch, ranges: Map<string, CidrRange>): ServerNames {
  return mapChildren<TransportProtocols>(branch, (transports) =>
    mapChildren<ApplicationProtocols>(transports, (protocols) =>
      mapChildren(protocols, (sources) =>
        trie(sources, ranges, (types) => buildTypes(types, ranges)),
      ),
    ),
  );
}

function buildTypes(branch: Branch, ranges: Map<string, CidrRange>): SourceTypes {
  const sources = (type: string) => {
    const child = branch.children.get(type);
    return child === undefined ? null : trie(child, ranges, buildSourcePorts);
  };
  return {
    any: sources("ANY"),
    local: sources("SAME_IP_OR_LOOPBACK"),
    external: sources("EXTERNAL"),
  };
}

function buildSourcePorts(branch: Branch): SourcePorts {
  return new Map([...branch.children].map(([port, leaf]) => [Number(port), leaf.index]));
}

function mapChildren<Value>(branch: Branch, build: (child: Branch) => Value): Map<string, Value> {
  return new Map([...branch.children].map(([key, child]) => [key, build(child)]));
}

function trie<Value>(
  branch: Branch,
  ranges: Map<string, CidrRange>,
  build: (child: Branch) => Value,
): CidrTrie<Value> {
  const built = new CidrTrie<Value>();
  for (const [key, child] of branch.children) built.add(ranges.get(key)!, build(child));
  return built;
}
