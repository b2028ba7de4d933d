/**
 * `filter_chain_matcher`: a matcher tree whose actions name filter chains. Envoy:
 * `FilterChainManagerImpl` with `envoy.matching.actions` "filter-chain-name". An unknown name
 * closes the connection; only "no match" means the default chain.
 */
import type { CompileContext } from "../config/compile-context.ts";
import { compileMatchTree, messageNameOf } from "../config/matcher/compile-match-tree.ts";
import type { MatchTree } from "../config/matcher/match-tree.ts";
import type { Matcher } from "../proto/generated/xds/type/matcher/v3.ts";
import { type FilterChainSelector, NO_CHAIN } from "./filter-chain-selector.ts";
import { NETWORK_INPUTS } from "./matcher-inputs.ts";
import type { StreamInfo } from "./stream-info.ts";

const STRING_VALUE = "google.protobuf.StringValue";

class TreeSelector implements FilterChainSelector {
  private readonly tree: MatchTree<StreamInfo, string>;
  private readonly byName: ReadonlyMap<string, number>;
  private readonly fallback: number;

  constructor(
    tree: MatchTree<StreamInfo, string>,
    byName: ReadonlyMap<string, number>,
    fallback: number,
  ) {
    this.tree = tree;
    this.byName = byName;
    this.fallback = fallback;
  }

  select(streamInfo: StreamInfo): number {
    const name = this.tree.match(streamInfo);
    return name === null ? this.fallback : (this.byName.get(name) ?? NO_CHAIN);
  }
}

/** `names` are the names of `filter_chains`, which must be unique and not empty. */
export function compileFilterChainMatcher(
  message: Matcher,
  names: readonly string[],
  hasDefault: boolean,
  context: CompileContext,
): FilterChainSelector | null {
  const byName = indexNames(names, context);
  const tree = compileMatchTree<StreamInfo, string>(
    message,
    { inputs: NETWORK_INPUTS, compileAction: compileChainName },
    context.at("filter_chain_matcher"),
  );
  if (tree === null || byName === null) return null;
  return new TreeSelector(tree, byName, hasDefault ? names.length : NO_CHAIN);
}

function indexNames(names: readonly string[], context: CompileContext): Map<string, number> | null {
  const byName = new Map<string, number>();
  for (const [index, name] of names.entries()) {
    const at = context.at("filter_chains", index).at("name");
    if (name === "") {
      return at.error("With filter_chain_matcher every filter chain needs a name", "add name");
    }
    if (byName.has(name)) {
      return at.error(`Two filter chains are named "${name}"`, "give each a name of its own");
    }
    byName.set(name, index);
  }
  return byName;
}

function compileChainName(
  extension: { readonly typedConfig?: { readonly typeUrl: string; readonly value?: unknown } },
  context: CompileContext,
): string | null {
  const typeName = messageNameOf(extension.typedConfig?.typeUrl ?? "");
  const value = extension.typedConfig?.value;
  if (typeName !== STRING_VALUE) {
    return context
      .at("typed_config")
      .error(
        `Action ${typeName} is not supported here`,
        `use ${STRING_VALUE} with the chain's name`,
      );
  }
  // A wrapper inside Any may arrive as its bare value.
  const name = typeof value === "string" ? value : (value as { value?: string })?.value;
  return name ?? "";
}
