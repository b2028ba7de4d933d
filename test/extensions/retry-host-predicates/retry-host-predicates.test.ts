import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CompileContext } from "../../../src/config/compile-context.ts";
import { omitCanaryHosts } from "../../../src/extensions/retry-host-predicates/omit-canary-hosts/omit-canary-hosts.ts";
import { omitHostMetadata } from "../../../src/extensions/retry-host-predicates/omit-host-metadata/omit-host-metadata.ts";
import { previousHosts } from "../../../src/extensions/retry-host-predicates/previous-hosts/previous-hosts.ts";
import type { Host, HostDescription } from "../../../src/upstream/host.ts";

function host(addressText: string, more: Partial<HostDescription> = {}): Host {
  return {
    addressText,
    description: { addressText, canary: false, metadata: null, ...more },
  } as Host;
}

describe("previous_hosts", () => {
  it("refuses hosts that were tried, for one request", () => {
    const factory = previousHosts.compile({}, new CompileContext())!;
    const predicate = factory.create();
    assert.equal(predicate.shouldSelectAnotherHost(host("a")), false);
    predicate.onHostAttempted(host("a"));
    assert.equal(predicate.shouldSelectAnotherHost(host("a")), true);
    assert.equal(predicate.shouldSelectAnotherHost(host("b")), false);
    assert.equal(factory.create().shouldSelectAnotherHost(host("a")), false);
  });
});

describe("omit_canary_hosts", () => {
  it("refuses canaries", () => {
    const predicate = omitCanaryHosts.compile({}, new CompileContext())!.create();
    assert.equal(predicate.shouldSelectAnotherHost(host("a", { canary: true })), true);
    assert.equal(predicate.shouldSelectAnotherHost(host("a")), false);
  });
});

describe("omit_host_metadata", () => {
  const wanted = { version: 2, zones: ["a", { b: null }] };

  function refuses(metadata: HostDescription["metadata"], match: object = wanted): boolean {
    const message = { metadataMatch: { filterMetadata: { "envoy.lb": match } } };
    const predicate = omitHostMetadata.compile(message, new CompileContext())!.create();
    return predicate.shouldSelectAnotherHost(host("a", { metadata }));
  }

  it("refuses hosts that have all the values", () => {
    assert.equal(refuses({ "envoy.lb": { ...wanted, more: true } }), true);
  });

  it("takes hosts that lack one, or have another", () => {
    for (const own of [
      { version: 2 },
      { ...wanted, version: 3 },
      { ...wanted, zones: ["a", { b: null, c: 1 }] },
      { ...wanted, zones: ["a"] },
    ]) {
      assert.equal(refuses({ "envoy.lb": own }), false, JSON.stringify(own));
    }
    assert.equal(refuses({ other: wanted }), false);
    assert.equal(refuses(null), false);
  });

  it("refuses none when nothing is asked for", () => {
    assert.equal(refuses({ "envoy.lb": wanted }, {}), false);
  });
});
