import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DEFAULT_RUNTIME } from "../../src/config/runtime.ts";
import { originalDst } from "../../src/extensions/listener-filters/original-dst/original-dst.ts";
import { LocalConnectionLimit } from "../../src/network/connection-limit.ts";
import { defineListenerFilter } from "../../src/network/listener-filter.ts";
import { ResponseFlag, type StreamInfo } from "../../src/network/stream-info.ts";
import type { Listener } from "../../src/proto/generated/envoy/config/listener/v3.ts";
import {
  filterMessage,
  ListenerFixture,
  type ListenerFixtureOptions,
  listenerMessage,
} from "../kit/listener-fixture.ts";
import { MemoryClient } from "../kit/memory-client.ts";
import { ECHO_MESSAGE, echoFilterType } from "../kit/scripted-network-filter.ts";

const STATS = "listener.127.0.0.1_1000";

/** Wants a line that starts with "hello"; consumes "skip" in front of it. */
const WANTS_HELLO = defineListenerFilter<object, object>({
  name: "test.hello",
  messages: ["test.Hello"],
  compile: () => ({}),
  createFactory: () => ({
    create: () => {
      let consume: (length: number) => void = () => undefined;
      return {
        maxReadBytes: 20,
        onAccept: (callbacks) => {
          consume = (length) => callbacks.consume(length);
          return "need-more";
        },
        onData: (bytes) => {
          const text = bytes.toString("latin1");
          if (text.startsWith("bad")) return "close";
          if (text.startsWith("skip")) {
            consume(4);
            return "continue";
          }
          return text.startsWith("hello") ? "continue" : "need-more";
        },
      };
    },
  }),
});

function echo(port: number, tag: string, more: Listener = {}): Listener {
  return listenerMessage(port, [filterMessage(ECHO_MESSAGE, { tag })], more);
}

function fixture(options: ListenerFixtureOptions = {}): ListenerFixture {
  return new ListenerFixture({
    networkFilters: [echoFilterType()],
    listenerFilters: [WANTS_HELLO, originalDst()],
    ...options,
  });
}

const WITH_FILTER: Listener = {
  listenerFilters: [filterMessage("test.Hello")],
  accessLog: [{}],
};

describe("Listener: limits", () => {
  it("closes connections beyond the runtime's limit for it, and admits new ones later", async () => {
    const key = "envoy.resource_limits.listener.on_1000.connection_limit";
    const runtime = {
      ...DEFAULT_RUNTIME,
      getInteger: (asked: string, fallback: number) => (asked === key ? 1 : fallback),
    };
    const proxy = fixture({ services: { runtime } });
    await proxy.apply(echo(1000, ""), echo(1001, ""));
    const first = proxy.connect(1000);
    const second = proxy.connect(1000);
    const elsewhere = proxy.connect(1001);
    await proxy.time.advance(0);
    assert.deepEqual([first.ended, second.ended, elsewhere.ended], [false, true, false]);
    assert.equal(proxy.stat(`${STATS}.downstream_cx_overflow`), 1);
    first.end();
    await proxy.time.advance(0);
    const third = proxy.connect(1000);
    await proxy.time.advance(0);
    assert.equal(third.ended, false);
    await proxy.close();
  });

  it("closes connections beyond the global limit, except for listeners that ignore it", async () => {
    const proxy = fixture({ services: { globalLimit: new LocalConnectionLimit(() => 1) } });
    await proxy.apply(echo(1000, ""), echo(1001, "", { ignoreGlobalConnLimit: true }));
    const clients = [1000, 1000, 1001].map((port) => proxy.connect(port));
    await proxy.time.advance(0);
    assert.deepEqual(
      clients.map(({ ended }) => ended),
      [false, true, false],
    );
    assert.equal(proxy.stat(`${STATS}.downstream_global_cx_overflow`), 1);
    await proxy.close();
  });

  it("refuses new connections while overloaded, except for listeners that bypass it", async () => {
    const proxy = fixture({ services: { rejectsConnections: () => true } });
    await proxy.apply(echo(1000, ""), echo(1001, "", { bypassOverloadManager: true }));
    const clients = [1000, 1001].map((port) => proxy.connect(port));
    await proxy.time.advance(0);
    assert.deepEqual(
      clients.map(({ ended }) => ended),
      [true, false],
    );
    assert.equal(proxy.stat(`${STATS}.downstream_cx_overload_reject`), 1);
    await proxy.close();
  });
});

describe("Listener: listener filters", () => {
  it("waits for a filter's bytes and gives them on, less what it consumed", async () => {
    const proxy = fixture();
    await proxy.apply(echo(1000, "a", WITH_FILTER));
    const client = proxy.connect(1000);
    client.send("hel");
    await proxy.time.advance(100);
    assert.equal(proxy.stat(`${STATS}.downstream_pre_cx_active`), 1);
    assert.equal(proxy.stat(`${STATS}.downstream_cx_total`), 0);
    client.send("lo world");
    await proxy.time.advance(0);
    assert.equal(client.text, "a:hello world");
    assert.equal(proxy.stat(`${STATS}.downstream_pre_cx_active`), 0);
    const skipping = proxy.connect(1000);
    skipping.send("skip this");
    await proxy.time.advance(0);
    assert.equal(skipping.text, "a: this");
    await proxy.close();
  });

  it("closes after the timeout, and logs", async () => {
    const logged: StreamInfo[] = [];
    const proxy = fixture({ logged });
    await proxy.apply(echo(1000, "a", WITH_FILTER));
    const client = proxy.connect(1000);
    client.send("x");
    await proxy.time.advance(14_900);
    assert.equal(client.ended, false);
    await proxy.time.advance(500);
    assert.equal(client.ended, true);
    assert.equal(proxy.stat(`${STATS}.downstream_pre_cx_timeout`), 1);
    assert.equal(logged.length, 1);
    await proxy.close();
  });

  it("goes on after the timeout when told to, with the bytes it has", async () => {
    const proxy = fixture();
    const more = { ...WITH_FILTER, continueOnListenerFiltersTimeout: true };
    await proxy.apply(echo(1000, "a", more));
    const client = proxy.connect(1000);
    client.send("x");
    await proxy.time.advance(15_500);
    assert.equal(client.text, "a:x");
    assert.equal(proxy.stat(`${STATS}.downstream_pre_cx_timeout`), 1);
    await proxy.close();
  });

  it("never times out with a timeout of zero", async () => {
    const proxy = fixture();
    await proxy.apply(
      echo(1000, "a", { ...WITH_FILTER, listenerFiltersTimeout: { seconds: 0, nanos: 0 } }),
    );
    const client = proxy.connect(1000);
    await proxy.time.advance(10_000_000);
    assert.equal(client.ended, false);
    await proxy.close();
  });

  it("counts a client that leaves, one that resets, and one that a filter turns away", async () => {
    const logged: StreamInfo[] = [];
    const proxy = fixture({ logged });
    await proxy.apply(echo(1000, "a", WITH_FILTER));
    const clients = [0, 1, 2].map(() => proxy.connect(1000));
    await proxy.time.advance(0);
    clients[0]?.end();
    clients[1]?.socket.resetAndDestroy();
    clients[2]?.send("bad");
    await proxy.time.advance(0);
    assert.equal(clients[2]?.ended || clients[2]?.closed, true);
    assert.equal(proxy.stat(`${STATS}.downstream_listener_filter_remote_close`), 1);
    assert.equal(proxy.stat(`${STATS}.downstream_listener_filter_error`), 1);
    assert.equal(proxy.stat(`${STATS}.downstream_pre_cx_active`), 0);
    assert.equal(logged.length, 3);
    await proxy.close();
  });

  it("never holds more than a filter's limit and one read", async () => {
    const proxy = fixture();
    await proxy.apply(echo(1000, "a", WITH_FILTER));
    const client = proxy.connect(1000);
    client.send("z".repeat(20));
    await proxy.time.advance(0);
    assert.equal(client.closed || client.ended, true);
    await proxy.close();
  });

  it("skips a filter for the ports its predicate names", async () => {
    const proxy = fixture();
    const filter = {
      ...filterMessage("test.Hello"),
      filterDisabled: {
        orMatch: {
          rules: [
            { destinationPortRange: { start: 1000, end: 1001 } },
            { notMatch: { anyMatch: true } },
          ],
        },
      },
    };
    await proxy.apply(
      echo(1000, "a", { listenerFilters: [filter] }),
      echo(1001, "b", { listenerFilters: [filter] }),
    );
    const clients = [1000, 1001].map((port) => proxy.connect(port));
    for (const client of clients) client.send("x");
    await proxy.time.advance(0);
    assert.deepEqual(
      clients.map(({ text }) => text),
      ["a:x", ""],
    );
    await proxy.close();
  });

  it("ends waiting clients when the drain of a removed listener is over", async () => {
    const proxy = fixture();
    await proxy.apply(
      echo(1000, "a", { ...WITH_FILTER, listenerFiltersTimeout: { seconds: 0, nanos: 0 } }),
    );
    const client = proxy.connect(1000);
    await proxy.time.advance(0);
    await proxy.update([], ["on_1000"]);
    await proxy.time.advance(610_000);
    assert.equal(client.ended, true);
    await proxy.close();
  });
});

describe("Listener: filter chain choice", () => {
  it("closes and logs NR when no chain matches", async () => {
    const logged: StreamInfo[] = [];
    const proxy = fixture({ logged });
    const chain = {
      filterChainMatch: { destinationPort: 7 },
      filters: [filterMessage(ECHO_MESSAGE)],
    };
    await proxy.apply(listenerMessage(1000, [], { filterChains: [chain], accessLog: [{}] }));
    const client = proxy.connect(1000);
    await proxy.time.advance(0);
    assert.equal(client.ended, true);
    assert.equal(proxy.stat(`${STATS}.no_filter_chain_match`), 1);
    assert.equal(proxy.stat(`${STATS}.downstream_cx_total`), 0);
    assert.equal(logged[0]?.responseFlags, ResponseFlag.NoRouteFound);
    assert.equal(logged[0]?.responseCodeDetails, "filter_chain_not_found");
    await proxy.close();
  });

  it("takes the default chain when none matches, and tells its name", async () => {
    const logged: StreamInfo[] = [];
    const proxy = fixture({ logged });
    await proxy.apply(
      listenerMessage(1000, [], {
        filterChains: [
          { filterChainMatch: { destinationPort: 7 }, filters: [filterMessage(ECHO_MESSAGE)] },
        ],
        defaultFilterChain: { name: "rest", filters: [filterMessage(ECHO_MESSAGE, { tag: "d" })] },
        accessLog: [{}],
      }),
    );
    const client = proxy.connect(1000);
    client.send("x");
    await proxy.time.advance(0);
    client.end();
    await proxy.time.advance(0);
    assert.equal(client.text, "d:x");
    const info = logged[0]!;
    assert.equal(info.connection.filterChainName, "rest");
    assert.equal(info.connection.listenerName, "on_1000");
    assert.equal(info.connection.transportProtocol, "raw_buffer");
    assert.deepEqual([info.bytesReceived, info.bytesSent], [1, 3]);
    await proxy.close();
  });
});

describe("Listener: hand-off by original destination", () => {
  const OUTBOUND = { ip: "127.0.0.1", port: 15001 };

  async function start(): Promise<ListenerFixture> {
    const proxy = fixture();
    const at = (name: string, ip: string, port: number, more: Listener = {}): Listener =>
      echo(port, name, {
        name,
        address: { socketAddress: { address: ip, portValue: port } },
        ...more,
      });
    await proxy.apply(
      at("outbound", "127.0.0.1", 15001, { useOriginalDst: true }),
      at("exact", "10.0.0.1", 80, { bindToPort: false }),
      at("wildcard", "0.0.0.0", 80, { bindToPort: false }),
    );
    return proxy;
  }

  async function tagFor(proxy: ListenerFixture, ip: string, port: number): Promise<string> {
    proxy.network.redirect({ ip, port }, OUTBOUND);
    const client = new MemoryClient(proxy.network, { ip, port });
    client.send("x");
    await proxy.time.advance(0);
    const { text } = client;
    client.end();
    await proxy.time.advance(0);
    return text.split(":")[0]!;
  }

  it("prefers the exact address, then the wildcard of the port, else serves itself", async () => {
    const proxy = await start();
    assert.equal(await tagFor(proxy, "10.0.0.1", 80), "exact");
    assert.equal(await tagFor(proxy, "10.0.0.2", 80), "wildcard");
    assert.equal(await tagFor(proxy, "10.0.0.1", 81), "outbound");
    assert.equal(await tagFor(proxy, "fd00::1", 80), "outbound");
    assert.equal(proxy.stat("listener.10.0.0.1_80.downstream_cx_total"), 1);
    assert.equal(proxy.stat("listener.127.0.0.1_15001.downstream_cx_total"), 2);
    await proxy.close();
  });

  it("serves connections that nothing redirected itself", async () => {
    const proxy = await start();
    const client = proxy.connect(15001);
    client.send("x");
    await proxy.time.advance(0);
    assert.equal(client.text, "outbound:x");
    await proxy.close();
  });

  it("binds no socket for a listener that is only reached by hand-off", async () => {
    const proxy = await start();
    assert.deepEqual(proxy.network.listening(), ["127.0.0.1:15001"]);
    await proxy.close();
  });
});
