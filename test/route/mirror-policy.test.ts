import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RequestHeaderMap } from "../../src/codec/header-map.ts";
import { headerName } from "../../src/codec/header-names.ts";
import { CompileContext } from "../../src/config/compile-context.ts";
import { DEFAULT_RUNTIME } from "../../src/config/runtime.ts";
import type { RouteAction_RequestMirrorPolicy as Message } from "../../src/proto/generated/envoy/config/route/v3.ts";
import type { FormatParser, FormatterContext } from "../../src/route/formatter.ts";
import { compileMirrorPolicies, type MirrorPolicy } from "../../src/route/mirror-policy.ts";

const formats = {} as FormatParser;
const formatting = {} as FormatterContext;

function compile(message: Message, problems: string[] = []): MirrorPolicy {
  const context = new CompileContext();
  const used: string[] = [];
  const useCluster = (name: string): void => void used.push(name);
  const policies = compileMirrorPolicies([message], { formats, useCluster }, context);
  problems.push(...context.diagnostics.map(({ path, message: text }) => `${path}: ${text}`));
  assert.deepEqual(used, message.cluster === undefined || problems.length > 0 ? [] : ["c"]);
  return policies?.[0] as MirrorPolicy;
}

function request(authority: string): RequestHeaderMap {
  const headers = new RequestHeaderMap();
  headers.method = "GET";
  headers.path = "/p";
  headers.scheme = "http";
  headers.authority = authority;
  headers.add(headerName("x-a"), "1");
  return headers;
}

describe("a mirror policy", () => {
  it("adds its suffix before the port", () => {
    const policy = compile({ cluster: "c" });
    const cases = [
      ["a.example", "a.example-shadow"],
      ["a.example:80", "a.example-shadow:80"],
      ["[::1]", "[::1]-shadow"],
      ["[::1]:80", "[::1]-shadow:80"],
    ] as const;
    for (const [host, copied] of cases) {
      assert.equal(policy.copyHead(request(host), formatting).authority, copied);
    }
  });

  it("copies a head so that neither changes the other", () => {
    const headers = request("h");
    const copy = compile({ cluster: "c", hostRewriteLiteral: "own" }).copyHead(headers, formatting);
    copy.set(headerName("x-a"), "2");
    copy.path = "/q";
    headers.add(headerName("x-b"), "3");
    assert.deepEqual(
      [headers.get(headerName("x-a")), headers.path, copy.has(headerName("x-b")), copy.authority],
      ["1", "/p", false, "own"],
    );
  });

  it("takes its share by the number of the stream", () => {
    const half = { defaultValue: { numerator: 50 } };
    const policy = compile({ cluster: "c", runtimeFraction: half });
    const choose = (random: number): string =>
      policy.clusterFor(request("h"), DEFAULT_RUNTIME, random);
    assert.deepEqual([0, 49, 50, 99].map(choose), ["c", "c", "", ""]);
  });

  it("may find its cluster in a header", () => {
    const policy = compile({ clusterHeader: "X-A" });
    assert.equal(policy.clusterFor(request("h"), DEFAULT_RUNTIME, 0), "1");
    assert.equal(
      compile({ clusterHeader: "x-none" }).clusterFor(request("h"), DEFAULT_RUNTIME, 0),
      "",
    );
  });

  it("names exactly one cluster, and says what it does not obey", () => {
    for (const message of [{}, { cluster: "c", clusterHeader: "x" }]) {
      const problems: string[] = [];
      compile(message, problems);
      assert.deepEqual(problems, [
        "request_mirror_policies[0]: A mirror policy needs one of cluster and cluster_header",
      ]);
    }
    const context = new CompileContext();
    const useCluster = (): void => undefined;
    compileMirrorPolicies([{ cluster: "c", traceSampled: true }], { formats, useCluster }, context);
    assert.equal(context.diagnostics[0]?.path, "request_mirror_policies[0].trace_sampled");
    assert.equal(context.diagnostics[0]?.severity, "warning");
  });
});
