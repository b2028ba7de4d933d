import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CompileContext } from "../../../../src/config/compile-context.ts";
import { legacyServers, typedServers } from "../../../../src/extensions/common/dns/dns-servers.ts";

const server = (portValue: number) => ({ socketAddress: { address: "127.0.0.1", portValue } });
const CARES = "envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig";

describe("DNS servers", () => {
  it("come from the newest of three ways to write them", () => {
    const context = new CompileContext();
    const typed = {
      name: "cares",
      typedConfig: { typeUrl: `type.googleapis.com/${CARES}`, value: { resolvers: [server(1)] } },
    };
    const middle = { resolvers: [server(2)] };
    const oldest = [server(3)];
    const all = {
      typedDnsResolverConfig: typed,
      dnsResolutionConfig: middle,
      dnsResolvers: oldest,
    };
    assert.deepEqual(legacyServers(all, context), ["127.0.0.1:1"]);
    const older = { dnsResolutionConfig: middle, dnsResolvers: oldest };
    assert.deepEqual(legacyServers(older, context), ["127.0.0.1:2"]);
    assert.deepEqual(legacyServers({ dnsResolvers: oldest }, context), ["127.0.0.1:3"]);
    assert.deepEqual(legacyServers({}, context), []);
    assert.deepEqual(context.diagnostics, []);
  });

  it("names a resolver that is not there, and settings that are not obeyed", () => {
    const context = new CompileContext();
    typedServers(
      { name: "apple", typedConfig: { typeUrl: "type.googleapis.com/x.Apple", value: {} } },
      context,
    );
    const value = { resolvers: [server(1)], filterUnroutableFamilies: true };
    typedServers(
      { name: "cares", typedConfig: { typeUrl: `type.googleapis.com/${CARES}`, value } },
      context,
    );
    assert.match(context.diagnostics[0]!.message, /DNS resolver "apple" is not supported/);
    assert.match(context.diagnostics[1]!.message, /filterUnroutableFamilies/);
  });
});
