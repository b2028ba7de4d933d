import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { staticCluster } from "../../../src/extensions/clusters/static/static.ts";
import { EMPTY_CONTEXT } from "../../../src/upstream/load-balancer.ts";
import { clusterContract } from "../../contract/cluster/cluster-suite.ts";
import { compileWith, staticMessage, upstreamFixture } from "../../upstream/upstream-fixture.ts";

clusterContract(staticCluster.type, () => ({
  fixture: upstreamFixture(),
  message: staticMessage([1000]),
  grow: null,
}));

describe("STATIC", () => {
  it("refuses a name and says which types take one", () => {
    const { config, context } = compileWith({
      name: "c",
      loadAssignment: {
        endpoints: [
          {
            lbEndpoints: [
              {
                endpoint: {
                  address: { socketAddress: { address: "example.com", portValue: 80 } },
                },
              },
            ],
          },
        ],
      },
    });
    assert.equal(config, null);
    const [problem] = context.diagnostics;
    assert.equal(
      problem!.path,
      "load_assignment.endpoints[0].lb_endpoints[0].endpoint.address.socket_address.address",
    );
    assert.match(problem!.message, /malformed IP address: example\.com/);
    assert.match(problem!.remedy, /STRICT_DNS/);
  });

  it("counts an address that is listed twice as two hosts", () => {
    const fixture = upstreamFixture();
    fixture.add(staticMessage([1000, 1000, 1001]));
    fixture.cluster("c");
    assert.equal(fixture.stat("cluster.c.membership_total"), 3);
    fixture.manager.close(() => undefined);
  });

  it("connects to a pipe", async () => {
    const fixture = upstreamFixture();
    fixture.add({
      name: "c",
      loadAssignment: {
        endpoints: [
          { lbEndpoints: [{ endpoint: { address: { pipe: { path: "/run/app.sock" } } } }] },
        ],
      },
    });
    assert.equal(fixture.manager.describe()[0]!.hosts[0]!.description.addressText, "/run/app.sock");
    fixture.manager.close(() => undefined);
  });

  it("serves without members: no host", () => {
    const fixture = upstreamFixture();
    fixture.add({ name: "c" });
    const host = fixture.cluster("c").chooseHost(EMPTY_CONTEXT);
    assert.equal(host, null);
    assert.equal(fixture.stat("cluster.c.upstream_cx_none_healthy"), 1);
    fixture.manager.close(() => undefined);
  });
});
