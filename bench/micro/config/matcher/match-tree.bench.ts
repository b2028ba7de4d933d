// The generic matcher and string matchers.
import { CompileContext } from "../../../../src/config/compile-context.ts";
import {
  compileMatchTree,
  type MatchTreeKinds,
} from "../../../../src/config/matcher/compile-match-tree.ts";
import type { MatchTree } from "../../../../src/config/matcher/match-tree.ts";
import { compileStringMatcher } from "../../../../src/config/matcher/string-matcher.ts";
import type { StringMatcher } from "../../../../src/proto/generated/envoy/type/matcher/v3.ts";
import type { Matcher } from "../../../../src/proto/generated/xds/type/matcher/v3.ts";
import { bench } from "../../../kit/micro.ts";

const kinds: MatchTreeKinds<{ port: string }, string> = {
  inputs: { "bench.Port": () => ({ get: (data) => data.port }) },
  compileAction: ({ name }) => name ?? "",
};
const input = { typedConfig: { typeUrl: "type.googleapis.com/bench.Port", value: {} } };

function tree(message: Matcher): MatchTree<{ port: string }, string> {
  return compileMatchTree(message, kinds, new CompileContext())!;
}

const map = Object.fromEntries(
  Array.from({ length: 1000 }, (_, at) => [String(at), { action: { name: `a${at}` } }]),
);
const exact = tree({ matcherTree: { input, exactMatchMap: { map } } });
const prefix = tree({ matcherTree: { input, prefixMatchMap: { map } } });
const data = { port: "512" };
bench("exact_match_map of 1000", () => exact.match(data), { allocatedBytesMax: 0 });
bench("prefix_match_map of 1000", () => prefix.match(data));

function matcher(message: StringMatcher): (value: string) => boolean {
  const compiled = compileStringMatcher(message, new CompileContext())!;
  return (value) => compiled.matches(value);
}
const isExact = matcher({ exact: "application/json" });
const isFolded = matcher({ exact: "application/json", ignoreCase: true });
bench("string matcher exact", () => isExact("application/json"), { allocatedBytesMax: 0 });
bench("string matcher ignore_case", () => isFolded("Application/JSON"));
