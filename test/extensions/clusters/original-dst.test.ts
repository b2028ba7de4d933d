import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RequestHeaderMap } from "../../../src/codec/header-map.ts";
import { headerName } from "../../../src/codec/header-names.ts";
import { originalDstCluster } from "../../../src/extensions/clusters/original-dst/original-dst.ts";
import { ConnectionInfo, StreamInfo } from "../../../src/network/stream-info.ts";
import type { SocketAddress } from "../../../src/platform/sockets.ts";
import type { Cluster } from "../../../src/proto/generated/envoy/config/cluster/v3.ts";
import type { Cluster as RunningCluster } from "../../../src/upstream/cluster.ts";
import { EMPTY_CONTEXT, type LoadBalancerContext } from "../../../src/upstream/load-balancer.ts";
import { createSharedUpstreamState } from "../../../src/upstream/upstream-services.ts";
import { clusterContract } from "../../contract/cluster/cluster-suite.ts";
import { SimulatedTime } from "../../kit/simulated-time.ts";
import {
  compileWith,
  request,
  TestUpstream,
  type UpstreamFixture,
  upstreamFixture,
} from "../../upstream/upstream-fixture.ts";

const BY_HEADER = { useHttpHeader: true };

function message(
  settings: Cluster["originalDstLbConfig"] = BY_HEADER,
  more: Partial<Cluster> = {},
): Cluster {
  return {
    name: "c",
    type: "ORIGINAL_DST",
    lbPolicy: "CLUSTER_PROVIDED",
    ...(settings === undefined ? {} : { originalDstLbConfig: settings }),
    ...more,
  };
}

interface Asked {
  readonly header?: string;
  readonly headerName?: string;
  readonly metadata?: Record<string, unknown>;
  readonly state?: string;
  readonly restored?: SocketAddress;
}

function asking(asked: Asked): LoadBalancerContext {
  const requestHeaders = new RequestHeaderMap();
  if (asked.header !== undefined) {
    requestHeaders.add(headerName(asked.headerName ?? "x-envoy-original-dst-host"), asked.header);
  }
  const local = { ip: "127.0.0.1", port: 1 };
  const connection = new ConnectionInfo(1, local, local);
  if (asked.restored !== undefined) {
    connection.localAddress = asked.restored;
    connection.localAddressRestored = true;
  }
  const streamInfo = new StreamInfo(connection, 0, 0);
  if (asked.metadata !== undefined) streamInfo.setMetadata("where", asked.metadata);
  const { state } = asked;
  if (state !== undefined) {
    streamInfo.setFilterState("envoy.network.transport_socket.original_dst_address", {
      serializeAsString: () => state,
    });
  }
  return { ...EMPTY_CONTEXT, requestHeaders, streamInfo };
}

function chosen(cluster: RunningCluster, asked: Asked): string | null {
  return cluster.chooseHost(asking(asked))?.addressText ?? null;
}

function start(settings: Cluster["originalDstLbConfig"] = BY_HEADER): {
  fixture: UpstreamFixture;
  cluster: RunningCluster;
} {
  const fixture = upstreamFixture();
  fixture.add(message(settings));
  return { fixture, cluster: fixture.cluster("c") };
}

clusterContract(originalDstCluster.type, () => ({
  fixture: upstreamFixture(),
  message: message(),
  grow: null,
  context: asking({ header: "127.0.0.1:1000" }),
}));

describe("ORIGINAL_DST", () => {
  it("goes where the connection wanted to go, and nowhere without such a place", () => {
    const { fixture, cluster } = start({});
    assert.equal(chosen(cluster, {}), null);
    assert.equal(cluster.chooseHost(EMPTY_CONTEXT), null);
    assert.equal(chosen(cluster, { restored: { ip: "10.0.0.1", port: 80 } }), "10.0.0.1:80");
    assert.equal(chosen(cluster, { restored: { ip: "::1", port: 80 } }), "[::1]:80");
    const host = cluster.chooseHost(asking({ restored: { ip: "::1", port: 80 } }));
    assert.equal(host!.description.hostname, "c[::1]:80", "named after the cluster");
    assert.equal(chosen(cluster, { restored: { ip: "", port: 0, path: "/s" } }), null);
    assert.equal(chosen(cluster, { header: "10.0.0.2:80" }), null, "the header was not asked for");
    fixture.manager.close(() => undefined);
  });

  it("prefers filter state, then metadata, then the header, then the connection", () => {
    const { fixture, cluster } = start({
      useHttpHeader: true,
      metadataKey: { key: "where", path: [{ key: "a" }, { key: "b" }] },
    });
    const restored = { ip: "10.0.0.4", port: 4 };
    const header = "10.0.0.3:3";
    const metadata = { a: { b: ["10.0.0.2:2", "10.9.9.9:9"] } };
    const state = "10.0.0.1:1";
    assert.equal(chosen(cluster, { state, metadata, header, restored }), "10.0.0.1:1");
    assert.equal(chosen(cluster, { metadata, header, restored }), "10.0.0.2:2");
    assert.equal(chosen(cluster, { header, restored }), "10.0.0.3:3");
    assert.equal(chosen(cluster, { restored }), "10.0.0.4:4");
    assert.equal(
      chosen(cluster, { state: "x", metadata: { a: 1 }, header, restored }),
      "10.0.0.3:3",
    );
    fixture.manager.close(() => undefined);
  });

  it("counts what is no address, and goes on with the next place", () => {
    const { fixture, cluster } = start({
      useHttpHeader: true,
      metadataKey: { key: "where", path: [{ key: "a" }] },
    });
    const restored = { ip: "10.0.0.4", port: 4 };
    assert.equal(
      chosen(cluster, { metadata: { a: "nowhere" }, header: "localhost:1", restored }),
      "10.0.0.4:4",
    );
    assert.equal(fixture.stat("cluster.c.original_dst_host_invalid"), 2);
    assert.equal(fixture.stat("cluster.c.upstream_cx_none_healthy"), 0);
    fixture.manager.close(() => undefined);
  });

  it("replaces the port, and knows the header by another name", () => {
    const { fixture, cluster } = start({
      useHttpHeader: true,
      httpHeaderName: "X-Where",
      upstreamPortOverride: 99,
    });
    assert.equal(chosen(cluster, { header: "10.0.0.1:1", headerName: "x-where" }), "10.0.0.1:99");
    assert.equal(chosen(cluster, { restored: { ip: "10.0.0.2", port: 1 } }), "10.0.0.2:99");
    fixture.manager.close(() => undefined);
  });

  it("keeps a host while it is chosen or has a connection, then lets it go", async () => {
    const { fixture, cluster } = start();
    const upstream = await new TestUpstream().listen(fixture.network, 1000);
    const busy = request(cluster, "DEFAULT", asking({ header: "127.0.0.1:1000" }));
    chosen(cluster, { header: "127.0.0.1:2" });
    await fixture.time.advance(0);
    assert.equal(fixture.stat("cluster.c.membership_total"), 2);
    await fixture.time.advance(5000);
    assert.equal(fixture.stat("cluster.c.membership_total"), 2, "both were chosen");
    await fixture.time.advance(5100);
    assert.equal(fixture.stat("cluster.c.membership_total"), 1, "one has a connection");
    assert.deepEqual(busy.events, ["ready"]);
    upstream.answer(0);
    await fixture.time.advance(0);
    for (const socket of upstream.sockets) socket.resetAndDestroy();
    await fixture.time.advance(5200);
    assert.equal(fixture.stat("cluster.c.membership_total"), 0);
    assert.equal(fixture.stat("cluster.c.membership_change"), 4);
    assert.equal(chosen(cluster, { header: "127.0.0.1:2" }), "127.0.0.1:2", "it may come again");
    fixture.manager.close(() => undefined);
    await fixture.time.advance(0);
    assert.equal(fixture.dispatcher.armedTimers, 0);
    upstream.close();
  });

  it("lets two data planes share the numbers of a host", () => {
    const time = new SimulatedTime();
    const state = createSharedUpstreamState(2);
    const planes = [0, 1].map((dataPlane) => upstreamFixture({ time, state, dataPlane }));
    const hosts = planes.map((plane) => {
      plane.add(message());
      return plane.cluster("c").chooseHost(asking({ header: "127.0.0.1:7" }))!;
    });
    hosts[0]!.stats.connectionOpened();
    assert.equal(hosts[1]!.stats.activeConnections, 1);
    for (const plane of planes) {
      assert.equal(plane.stat("cluster.c.membership_total"), 1);
      plane.manager.close(() => undefined);
    }
  });

  it("names what cannot be", () => {
    const cases: readonly [string, RegExp, Partial<Cluster>][] = [
      ["load_assignment", /no load assignment/, { loadAssignment: {} }],
      ["lb_policy", /not valid for Cluster type ORIGINAL_DST/, { lbPolicy: "ROUND_ROBIN" }],
      [
        "original_dst_lb_config.http_header_name",
        /use_http_header is false/,
        { originalDstLbConfig: { httpHeaderName: "x" } },
      ],
    ];
    for (const [path, text, more] of cases) {
      const { config, context } = compileWith(message(undefined, more));
      assert.equal(config, null);
      assert.equal(context.diagnostics[0]!.path, path);
      assert.match(context.diagnostics[0]!.message, text);
    }
    const other = compileWith({
      name: "c",
      originalDstLbConfig: {},
      cleanupInterval: { seconds: 1, nanos: 0 },
    });
    assert.deepEqual(
      other.context.diagnostics.map(({ path, severity }) => [path, severity]),
      [
        ["original_dst_lb_config", "warning"],
        ["cleanup_interval", "warning"],
      ],
    );
  });
});
