import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CompileContext } from "../../src/config/compile-context.ts";
import { compileFilterChainMatches } from "../../src/network/compile-filter-chain-match.ts";
import { compileFilterChainMatcher } from "../../src/network/filter-chain-matcher.ts";
import { ConnectionInfo, StreamInfo } from "../../src/network/stream-info.ts";
import type { SocketAddress } from "../../src/platform/sockets.ts";
import type { FilterChainMatch } from "../../src/proto/generated/envoy/config/listener/v3.ts";
import type { Matcher } from "../../src/proto/generated/xds/type/matcher/v3.ts";

interface Facts {
  readonly local?: SocketAddress;
  readonly remote?: SocketAddress;
  /** The physical peer, when it differs (PROXY protocol). */
  readonly direct?: SocketAddress;
  readonly sni?: string;
  readonly transport?: string;
  readonly alpn?: readonly string[];
}

function infoOf(facts: Facts): StreamInfo {
  const local = facts.local ?? { ip: "10.0.0.1", port: 8080 };
  const remote = facts.remote ?? { ip: "192.168.7.7", port: 50_000 };
  const info = new ConnectionInfo(1, facts.direct ?? remote, local);
  info.remoteAddress = remote;
  info.requestedServerName = facts.sni ?? "";
  info.transportProtocol = facts.transport ?? "raw_buffer";
  info.applicationProtocols = facts.alpn ?? [];
  return new StreamInfo(info, 0, 0);
}

const NONE = "none";

/** Which of the named chains serves; "default" when there is one and it does. */
function selector(chains: Record<string, FilterChainMatch>, withDefault = true) {
  const names = Object.keys(chains);
  const context = new CompileContext();
  const compiled = compileFilterChainMatches(Object.values(chains), withDefault, context);
  assert.deepEqual(context.diagnostics, []);
  return (facts: Facts): string => [...names, "default"][compiled!.select(infoOf(facts))] ?? NONE;
}

function problems(...matches: FilterChainMatch[]): string[] {
  const context = new CompileContext();
  assert.equal(compileFilterChainMatches(matches, false, context), null);
  return context.diagnostics.map(({ path, message }) => `${path}: ${message}`);
}

function cidrs(...texts: string[]): { addressPrefix: string; prefixLen: number }[] {
  return texts.map((text) => {
    const [addressPrefix, prefixLen] = text.split("/") as [string, string];
    return { addressPrefix, prefixLen: Number(prefixLen) };
  });
}

describe("filter chain match", () => {
  it("walks the vectors of semantics §10.1 without backtracking", () => {
    const select = selector({
      A: { destinationPort: 8080, serverNames: ["a.com"] },
      B: { serverNames: ["*.com"], applicationProtocols: ["h2"] },
      C: { transportProtocol: "tls" },
    });
    const rows: [number, string, string, string[], string][] = [
      [8080, "a.com", "tls", ["h2"], "A"],
      [8080, "b.com", "tls", ["h2"], "default"],
      [443, "x.com", "tls", ["h2"], "B"],
      [443, "x.com", "tls", ["http/1.1"], "default"],
      [443, "", "tls", [], "C"],
      [443, "", "raw_buffer", [], "default"],
    ];
    for (const [port, sni, transport, alpn, expected] of rows) {
      const facts = { local: { ip: "10.0.0.1", port }, sni, transport, alpn };
      assert.equal(select(facts), expected, JSON.stringify(facts));
    }
  });

  it("never retries the tree without a port once a tree for the port exists", () => {
    const chains = { exact: { destinationPort: 80, serverNames: ["a"] }, any: {} };
    assert.equal(selector(chains)({ local: { ip: "1.1.1.1", port: 80 } }), "default");
    assert.equal(selector(chains, false)({ local: { ip: "1.1.1.1", port: 80 } }), NONE);
    assert.equal(selector(chains)({ local: { ip: "1.1.1.1", port: 81 } }), "any");
  });

  it("takes the longest destination prefix, and stays there", () => {
    const select = selector({
      wide: { prefixRanges: cidrs("10.0.0.0/8") },
      narrow: { prefixRanges: cidrs("10.1.0.0/16"), sourcePorts: [7] },
      v6: { prefixRanges: cidrs("fd00::/8") },
    });
    const local = (ip: string): Facts => ({ local: { ip, port: 80 } });
    assert.equal(select(local("10.2.3.4")), "wide");
    assert.equal(select(local("10.1.3.4")), "default");
    assert.equal(select({ ...local("10.1.3.4"), remote: { ip: "9.9.9.9", port: 7 } }), "narrow");
    assert.equal(select(local("fd12::1")), "v6");
    assert.equal(select(local("11.0.0.1")), "default");
  });

  it("prefers the exact server name, then the longest wildcard, then none", () => {
    const select = selector({
      exact: { serverNames: ["www.Example.com"] },
      near: { serverNames: ["*.example.com"] },
      far: { serverNames: ["*.com"] },
      any: {},
    });
    const expected = {
      "www.example.com": "exact",
      "a.b.example.com": "near",
      "other.com": "far",
      "example.com": "far",
      com: "any",
      "": "any",
      "example.org": "any",
    };
    for (const [sni, chain] of Object.entries(expected)) assert.equal(select({ sni }), chain, sni);
  });

  it("does not match a bare domain with its own wildcard", () => {
    assert.equal(
      selector({ w: { serverNames: ["*.example.com"] } })({ sni: "example.com" }),
      "default",
    );
  });

  it("takes the first protocol in the client's order that has an entry", () => {
    const select = selector({
      h2: { applicationProtocols: ["h2"] },
      h1: { applicationProtocols: ["http/1.1"] },
    });
    assert.equal(select({ alpn: ["foo", "http/1.1", "h2"] }), "h1");
    assert.equal(select({ alpn: ["h2", "http/1.1"] }), "h2");
    assert.equal(select({ alpn: ["foo"] }), "default");
  });

  it("keeps the physical peer and the announced source apart", () => {
    const select = selector({
      direct: { directSourcePrefixRanges: cidrs("10.0.0.0/8") },
      source: { sourcePrefixRanges: cidrs("20.0.0.0/8") },
    });
    const peer = { ip: "10.9.9.9", port: 1 };
    const client = { ip: "20.1.1.1", port: 2 };
    assert.equal(select({ direct: peer, remote: client }), "direct");
    assert.equal(select({ direct: client, remote: client }), "source");
    assert.equal(select({ direct: client, remote: { ip: "30.0.0.1", port: 1 } }), "default");
  });

  it("treats the subtree of the source type as final", () => {
    const select = selector({
      local: { sourceType: "SAME_IP_OR_LOOPBACK", sourcePorts: [7] },
      external: { sourceType: "EXTERNAL" },
      any: {},
    });
    const from = (ip: string, port: number): Facts => ({ remote: { ip, port } });
    assert.equal(select(from("127.0.0.1", 7)), "local");
    assert.equal(select(from("127.0.0.1", 8)), "default");
    assert.equal(select(from("10.0.0.1", 7)), "local", "same IP as the listener");
    assert.equal(select(from("127.0.0.2", 7)), "external", "only 127.0.0.1 is loopback here");
    assert.equal(select(from("8.8.8.8", 7)), "external");
    const localOnly = selector({ local: { sourceType: "SAME_IP_OR_LOOPBACK" }, any: {} });
    assert.equal(localOnly(from("8.8.8.8", 1)), "any");
    assert.equal(localOnly({ remote: { ip: "", port: 0, path: "" } }), "local", "a pipe is local");
  });

  it("prefers the exact source port to any", () => {
    const select = selector({ seven: { sourcePorts: [7, 8] }, any: {} });
    assert.equal(select({ remote: { ip: "1.1.1.1", port: 8 } }), "seven");
    assert.equal(select({ remote: { ip: "1.1.1.1", port: 9 } }), "any");
  });

  it("counts a Unix socket as an address that only catch-all ranges hold", () => {
    const select = selector({
      some: { destinationPort: 80, prefixRanges: cidrs("10.0.0.0/8") },
      all: { prefixRanges: cidrs("0.0.0.0/0") },
    });
    assert.equal(select({ local: { ip: "", port: 80, path: "/run/s" } }), "all");
  });

  it("refuses chains with the same or overlapping rules", () => {
    assert.deepEqual(problems({ serverNames: ["a"] }, { serverNames: ["a"] }), [
      "filter_chains[1].filter_chain_match: Filter chain 1 has the same matching rules as filter chain 0",
    ]);
    assert.deepEqual(problems({ serverNames: ["a", "b"] }, { serverNames: ["b", "c"] }), [
      "filter_chains[1].filter_chain_match: Filter chain 1 overlaps another chain: the same connection would match both",
    ]);
    assert.equal(problems({}, { prefixRanges: cidrs("0.0.0.0/0") }).length, 1);
  });

  it("refuses partial wildcards and fields that do not work", () => {
    for (const name of ["*", "foo*", "a.*.com", "*foo.com", "*.a*.com"]) {
      assert.match(problems({ serverNames: [name] })[0]!, /Partial wildcards/, name);
    }
    assert.deepEqual(problems({ addressSuffix: "x", suffixLen: 3 }), [
      "filter_chains[0].filter_chain_match.address_suffix: address_suffix is not implemented",
      "filter_chains[0].filter_chain_match.suffix_len: suffix_len is not implemented",
    ]);
    assert.match(problems({ prefixRanges: cidrs("nonsense/8") })[0]!, /is no IP address/);
  });
});

describe("filter_chain_matcher", () => {
  const NETWORK = "type.googleapis.com/envoy.extensions.matching.common_inputs.network.v3";

  function tree(input: string, map: Record<string, string>, value: object = {}): Matcher {
    return {
      matcherTree: {
        input: { name: input, typedConfig: { typeUrl: `${NETWORK}.${input}`, value } },
        exactMatchMap: {
          map: Object.fromEntries(
            Object.entries(map).map(([key, chain]) => [
              key,
              {
                action: {
                  name: "filter-chain-name",
                  typedConfig: {
                    typeUrl: "type.googleapis.com/google.protobuf.StringValue",
                    value: chain,
                  },
                },
              },
            ]),
          ),
        },
      },
    };
  }

  function chosen(matcher: Matcher, facts: Facts, change?: (info: StreamInfo) => void): string {
    const context = new CompileContext();
    const names = ["one", "two"];
    const compiled = compileFilterChainMatcher(matcher, names, true, context);
    assert.deepEqual(context.diagnostics, []);
    const info = infoOf(facts);
    change?.(info);
    return [...names, "default"][compiled!.select(info)] ?? NONE;
  }

  it("closes on an unknown chain name and takes the default chain only for no match", () => {
    const matcher = tree("DestinationPortInput", { "80": "two", "81": "missing" });
    const port = (value: number): Facts => ({ local: { ip: "10.0.0.1", port: value } });
    assert.equal(chosen(matcher, port(80)), "two");
    assert.equal(chosen(matcher, port(81)), NONE);
    assert.equal(chosen(matcher, port(82)), "default");
  });

  it("reads every input", () => {
    const facts: Facts = {
      local: { ip: "10.0.0.1", port: 80 },
      remote: { ip: "10.0.0.1", port: 7 },
      direct: { ip: "10.0.0.9", port: 8 },
      sni: "a.com",
      transport: "tls",
      alpn: ["h2", "http/1.1"],
    };
    const values: Record<string, string> = {
      DestinationIPInput: "10.0.0.1",
      DestinationPortInput: "80",
      SourceIPInput: "10.0.0.1",
      SourcePortInput: "7",
      DirectSourceIPInput: "10.0.0.9",
      SourceTypeInput: "local",
      ServerNameInput: "a.com",
      TransportProtocolInput: "tls",
      ApplicationProtocolInput: "'h2','http/1.1'",
    };
    for (const [input, value] of Object.entries(values)) {
      assert.equal(chosen(tree(input, { [value]: "two" }), facts), "two", input);
    }
    const state = tree("FilterStateInput", { v: "two" }, { key: "k" });
    assert.equal(chosen(state, facts), "default");
    const withState = (info: StreamInfo): void =>
      info.setFilterState("k", { serializeAsString: () => "v" });
    assert.equal(chosen(state, facts, withState), "two");
  });

  it("has no value for what the connection lacks", () => {
    const external = { remote: { ip: "8.8.8.8", port: 1 } };
    for (const input of ["ServerNameInput", "SourceTypeInput", "ApplicationProtocolInput"]) {
      assert.equal(chosen(tree(input, { "": "one" }), external), "default", input);
    }
  });

  it("asks every chain for a unique name", () => {
    const report = (names: string[]): string[] => {
      const context = new CompileContext();
      assert.equal(
        compileFilterChainMatcher(tree("ServerNameInput", { a: "x" }), names, false, context),
        null,
      );
      return context.diagnostics.map(({ path, message }) => `${path}: ${message}`);
    };
    assert.deepEqual(report(["a", ""]), [
      "filter_chains[1].name: With filter_chain_matcher every filter chain needs a name",
    ]);
    assert.deepEqual(report(["a", "a"]), [
      'filter_chains[1].name: Two filter chains are named "a"',
    ]);
  });
});
