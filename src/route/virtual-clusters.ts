// hot: per request
/**
 * virtual_clusters: named groups of requests of a virtual host, for statistics. Envoy:
 * `virtualClusterFromEntries`.
 */
import type { RequestHeaderMap } from "../codec/header-map.ts";
import type { CompileContext } from "../config/compile-context.ts";
import type { VirtualCluster } from "../proto/generated/envoy/config/route/v3.ts";
import { compileHeaderMatchers, type HeaderMatcher, matchHeaders } from "./header-matcher.ts";

interface Entry {
  readonly name: string;
  readonly headers: readonly HeaderMatcher[];
}

export class VirtualClusters {
  private readonly entries: readonly Entry[];

  constructor(entries: readonly Entry[]) {
    this.entries = entries;
  }

  /** Name of the first entry that matches, else "other". */
  nameOf(headers: RequestHeaderMap): string {
    for (let index = 0; index < this.entries.length; index++) {
      const entry = this.entries[index]!;
      if (matchHeaders(headers, entry.headers)) return entry.name;
    }
    return "other";
  }
}

/** Null when there are none; problems are in the context. */
export function compileVirtualClusters(
  messages: readonly VirtualCluster[] | undefined,
  context: CompileContext,
): VirtualClusters | null {
  if (messages === undefined || messages.length === 0) return null;
  const entries = messages.map((message, index) => {
    const at = context.at("virtual_clusters", index);
    if ((message.headers ?? []).length === 0)
      at.error("A virtual cluster needs headers", "set headers");
    if ((message.name ?? "") === "")
      at.at("name").error("A virtual cluster needs a name", "set name");
    return { name: message.name ?? "", headers: compileHeaderMatchers(message.headers, at) };
  });
  return new VirtualClusters(entries);
}
