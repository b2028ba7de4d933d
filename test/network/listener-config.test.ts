import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatDiagnostic } from "../../src/base/diagnostic.ts";
import { CompileContext } from "../../src/config/compile-context.ts";
import { originalDst } from "../../src/extensions/listener-filters/original-dst/original-dst.ts";
import { byMessage } from "../../src/network/filter-chain-config.ts";
import { compileListener, type ListenerConfig } from "../../src/network/listener-config.ts";
import { compileListenerUpdate } from "../../src/network/listener-update.ts";
import type { Listener } from "../../src/proto/generated/envoy/config/listener/v3.ts";
import { filterMessage, listenerMessage } from "../kit/listener-fixture.ts";
import {
  ECHO_MESSAGE,
  echoFilterType,
  scriptedFilterType,
} from "../kit/scripted-network-filter.ts";

const passing = scriptedFilterType(
  { name: "passing", events: [], instances: [], atNewConnection: "continue", atData: "continue" },
  false,
);

const CATALOGUE = {
  networkFilters: byMessage([echoFilterType(), passing]),
  listenerFilters: byMessage([originalDst()]),
  logs: null,
};

const ECHO = filterMessage(ECHO_MESSAGE);
const PASSING = filterMessage("test.Scripted.passing");

function compile(message: Listener): { config: ListenerConfig | null; reports: string[] } {
  const context = new CompileContext("listeners[0]");
  const config = compileListener(message, CATALOGUE, context);
  return { config, reports: context.diagnostics.map(formatDiagnostic) };
}

function accepted(more: Listener): ListenerConfig {
  const { config, reports } = compile(listenerMessage(80, [ECHO], more));
  assert.deepEqual(reports, []);
  return config!;
}

/** The reports about one listener with the given fields, without their remedies. */
function reportsOf(more: Listener): string[] {
  return compile(listenerMessage(80, [ECHO], more)).reports.map((line) => line.split(" (")[0]!);
}

describe("compileListener", () => {
  it("has Envoy's defaults", () => {
    const config = accepted({});
    assert.equal(config.statPrefix, "127.0.0.1:80");
    assert.equal(config.bufferLimitBytes, 1_048_576);
    assert.equal(config.listenerFiltersTimeoutMs, 15_000);
    assert.equal(config.bindToPort, true);
    assert.equal(config.reusePort, true);
    assert.equal(config.backlog, undefined);
    assert.equal(config.drainType, "DEFAULT");
    assert.equal(config.trafficDirection, "UNSPECIFIED");
    assert.equal(config.keepAliveMs, 0);
  });

  it("takes what is set", () => {
    const config = accepted({
      statPrefix: "in",
      perConnectionBufferLimitBytes: 0,
      listenerFiltersTimeout: { seconds: 0, nanos: 0 },
      continueOnListenerFiltersTimeout: true,
      bindToPort: false,
      enableReusePort: false,
      tcpBacklogSize: 17,
      drainType: "MODIFY_ONLY",
      trafficDirection: "INBOUND",
      tcpKeepalive: { keepaliveTime: 30 },
      ignoreGlobalConnLimit: true,
      bypassOverloadManager: true,
      additionalAddresses: [
        { address: { socketAddress: { address: "::", portValue: 81 } } },
        { address: { pipe: { path: "/run/s", mode: 0o600 } } },
      ],
    });
    assert.equal(config.statPrefix, "in");
    assert.equal(config.bufferLimitBytes, 0);
    assert.equal(config.listenerFiltersTimeoutMs, 0);
    assert.equal(config.bindToPort, false);
    assert.equal(config.backlog, 17);
    assert.equal(config.keepAliveMs, 30_000);
    assert.deepEqual(
      config.addresses.map(({ text, ipv6Only, mode }) => [text, ipv6Only, mode]),
      [
        ["127.0.0.1:80", false, undefined],
        ["[::]:81", true, undefined],
        ["/run/s", false, 0o600],
      ],
    );
  });

  it("appends original_dst for use_original_dst, once", () => {
    const name = "envoy.filters.listener.original_dst";
    assert.deepEqual(
      accepted({ useOriginalDst: true }).listenerFilters.map((filter) => filter.name),
      [name],
    );
    const typeUrl =
      "type.googleapis.com/envoy.extensions.filters.listener.original_dst.v3.OriginalDst";
    const explicit = {
      useOriginalDst: true,
      listenerFilters: [{ name, typedConfig: { typeUrl, value: {} } }],
    };
    assert.equal(accepted(explicit).listenerFilters.length, 1);
  });

  it("is identical for equal messages, and apart from chains for messages with other chains", () => {
    const one = accepted({ statPrefix: "a" });
    const same = accepted({ statPrefix: "a" });
    const chains = accepted({ statPrefix: "a", filterChains: [{ name: "n", filters: [ECHO] }] });
    const other = accepted({ statPrefix: "b" });
    assert.equal(one.identity, same.identity);
    assert.notEqual(one.identity, chains.identity);
    assert.equal(one.identityWithoutChains, chains.identityWithoutChains);
    assert.notEqual(one.identityWithoutChains, other.identityWithoutChains);
  });

  it("refuses by name what would change where traffic goes", () => {
    assert.deepEqual(
      reportsOf({
        udpListenerConfig: {},
        apiListener: {},
        internalListener: {},
        fcdsConfig: {},
        transparent: true,
      }),
      [
        "error: listeners[0].udp_listener_config: UDP listeners are not supported",
        "error: listeners[0].api_listener: API listeners are not for proxies",
        "error: listeners[0].internal_listener: Internal listeners are not supported",
        "error: listeners[0].fcds_config: Filter chain discovery is not supported",
        "error: listeners[0].transparent: IP_TRANSPARENT is not supported",
      ],
    );
  });

  it("reports by name what a filter chain does not need, and serves", () => {
    const chain = {
      filters: [ECHO],
      transportSocketConnectTimeout: { seconds: 1, nanos: 0 },
      metadata: { typedFilterMetadata: {} },
    };
    const { config, reports } = compile(listenerMessage(80, [], { filterChains: [chain] }));
    assert.notEqual(config, null);
    assert.deepEqual(
      reports.map((line) => /^warning: listeners\[0\]\.([\w.[\]]+):/.exec(line)?.[1]),
      [
        "filter_chains[0].transport_socket_connect_timeout",
        "filter_chains[0].metadata.typed_filter_metadata",
      ],
    );
  });

  it("reports by name what only tunes sockets, and serves", () => {
    const reports = reportsOf({
      freebind: true,
      socketOptions: [{ level: 1, name: 2, intValue: 3 }],
      tcpFastOpenQueueLength: 5,
      enableMptcp: true,
      connectionBalanceConfig: { exactBalance: {} },
      maxConnectionsToAcceptPerSocketEvent: 1,
      reusePort: true,
      tcpKeepalive: { keepaliveProbes: 3 },
      metadata: { typedFilterMetadata: {} },
    });
    assert.deepEqual(
      reports.map((line) => /^warning: listeners\[0\]\.([\w.]+):/.exec(line)?.[1]),
      [
        "freebind",
        "socket_options",
        "tcp_fast_open_queue_length",
        "enable_mptcp",
        "connection_balance_config",
        "max_connections_to_accept_per_socket_event",
        "reuse_port",
        "tcp_keepalive",
        "metadata.typed_filter_metadata",
      ],
    );
  });

  it("says what is wrong with an address", () => {
    const address = (socketAddress: object): string[] => reportsOf({ address: { socketAddress } });
    assert.match(
      address({ address: "localhost", portValue: 1 })[0]!,
      /"localhost" is no IP address/,
    );
    assert.match(address({ address: "1.2.3.4", namedPort: "http" })[0]!, /named_port/);
    assert.match(address({ address: "1.2.3.4", portValue: 1, protocol: "UDP" })[0]!, /UDP/);
    assert.match(reportsOf({ address: {} })[0]!, /needs an address/);
    assert.match(
      reportsOf({ address: { envoyInternalAddress: { serverListenerName: "x" } } })[0]!,
      /envoy_internal_address: Internal listeners/,
    );
  });

  it("checks the order of network filters and the transport socket", () => {
    const chain = (...filters: object[]): string[] => reportsOf({ filterChains: [{ filters }] });
    assert.deepEqual(chain(ECHO, ECHO), [
      `error: listeners[0].filter_chains[0].filters[0]: ${ECHO_MESSAGE} is terminal and must be the last network filter`,
    ]);
    assert.deepEqual(chain(PASSING), [
      "error: listeners[0].filter_chains[0].filters[0]: test.Scripted.passing is the last network filter, and it is not terminal",
    ]);
    assert.deepEqual(chain(), []);
    const tls = "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext";
    assert.deepEqual(
      reportsOf({
        filterChains: [
          {
            filters: [ECHO],
            transportSocket: {
              name: "tls",
              typedConfig: { typeUrl: `type.googleapis.com/${tls}` },
            },
          },
        ],
      }),
      [
        `error: listeners[0].filter_chains[0].transport_socket: Transport socket ${tls} is not supported yet`,
      ],
    );
  });

  it("names an unknown filter and the nearest known one", () => {
    const { reports } = compile(listenerMessage(80, [filterMessage("test.Ecko")]));
    assert.deepEqual(reports, [
      "error: listeners[0].filter_chains[0].filters[0].typed_config: Network filter test.Ecko is not supported (did you mean test.Echo?)",
    ]);
  });

  it("asks for a filter chain", () => {
    assert.match(reportsOf({ filterChains: [] })[0]!, /has no filter chains/);
    assert.deepEqual(
      compile({
        ...listenerMessage(80, []),
        filterChains: [],
        defaultFilterChain: { filters: [ECHO] },
      }).reports,
      [],
    );
  });
});

describe("compileListenerUpdate", () => {
  function update(...messages: Listener[]) {
    const changed = messages.map((message) => ({ message, context: new CompileContext() }));
    const { configs, diagnostics } = compileListenerUpdate({ removed: [], changed }, CATALOGUE, []);
    return { names: configs.map(({ name }) => name), problems: diagnostics.map(formatDiagnostic) };
  }

  it("takes the good listeners and reports every bad one", () => {
    const bad = listenerMessage(82, [filterMessage("test.Nothing")], { name: "bad" });
    const { names, problems } = update(
      listenerMessage(80, [ECHO], { name: "a" }),
      bad,
      listenerMessage(81, [ECHO], { name: "a" }),
      listenerMessage(83, [ECHO], { name: "c" }),
    );
    assert.deepEqual(names, ["a", "c"]);
    assert.equal(problems.length, 2);
    assert.match(problems[1]!, /more than one listener named "a"/);
  });

  it("lets listeners that do not bind share an address", () => {
    const virtual = listenerMessage(80, [ECHO], { name: "v", bindToPort: false });
    assert.deepEqual(update(listenerMessage(80, [ECHO], { name: "a" }), virtual).names, ["a", "v"]);
  });

  it("gives a nameless listener a name that stays", () => {
    const { name: _, ...nameless } = listenerMessage(80, [ECHO]);
    assert.deepEqual(update(nameless).names, ["listener:127.0.0.1:80"]);
  });
});
