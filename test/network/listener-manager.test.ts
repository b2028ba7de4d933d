import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CompileContext } from "../../src/config/compile-context.ts";
import type { ListenerStatus } from "../../src/network/listener-manager.ts";
import type { NetworkFilterContext } from "../../src/network/network-filter.ts";
import type { Listener } from "../../src/proto/generated/envoy/config/listener/v3.ts";
import { filterMessage, ListenerFixture, listenerMessage } from "../kit/listener-fixture.ts";
import { MemoryClient } from "../kit/memory-client.ts";
import {
  ECHO_MESSAGE,
  echoFilterType,
  type FilterScript,
  SCRIPTED_MESSAGE,
  scriptedFilterType,
} from "../kit/scripted-network-filter.ts";

function echoListener(port: number, tag: string, more: Listener = {}): Listener {
  return listenerMessage(port, [filterMessage(ECHO_MESSAGE, { tag })], more);
}

function fixture(contexts: NetworkFilterContext[] = []): ListenerFixture {
  return new ListenerFixture({ networkFilters: [echoFilterType(contexts)] });
}

describe("ListenerManager", () => {
  it("serves a connection and counts it", async () => {
    const proxy = fixture();
    await proxy.apply(echoListener(1000, "a"));
    const client = proxy.connect(1000);
    client.send("hello");
    await proxy.time.advance(0);
    assert.equal(client.text, "a:hello");
    assert.equal(proxy.stat("listener.127.0.0.1_1000.downstream_cx_total"), 1);
    assert.equal(proxy.stat("listener.127.0.0.1_1000.downstream_cx_active"), 1);
    assert.equal(proxy.stat("listener.127.0.0.1_1000.worker_0.downstream_cx_active"), 1);
    client.end();
    await proxy.time.advance(0);
    assert.equal(proxy.stat("listener.127.0.0.1_1000.downstream_cx_destroy"), 1);
    assert.equal(proxy.stat("listener_manager.listener_added"), 1);
    assert.equal(proxy.stat("listener_manager.listener_create_success"), 1);
    assert.equal(proxy.stat("listener_manager.total_listeners_active"), 1);
    await proxy.close();
  });

  it("describes its listeners with their real addresses", async () => {
    const proxy = fixture();
    await proxy.apply(echoListener(0, "a", { name: "any" }), echoListener(1000, "b"));
    proxy.connect(1000);
    await proxy.time.advance(0);
    const lines = proxy.manager
      .status()
      .map(({ config, state, addresses, connections }: ListenerStatus) =>
        [config.name, state, addresses.map(({ port }) => port), connections].join(" "),
      );
    assert.deepEqual(lines, ["any active 20000 0", "on_1000 active 1000 1"]);
    await proxy.close();
  });

  it("gives clients of a Unix socket its address, having none of their own", async () => {
    const script: FilterScript = {
      name: "end",
      events: [],
      instances: [],
      atNewConnection: "continue",
      atData: "stop",
    };
    const proxy = new ListenerFixture({ networkFilters: [scriptedFilterType(script, true)] });
    const filters = [filterMessage(`${SCRIPTED_MESSAGE}.end`)];
    await proxy.apply(listenerMessage(1, filters, { address: { pipe: { path: "/run/s" } } }));
    const client = new MemoryClient(proxy.network, { ip: "", port: 0, path: "/run/s" });
    client.send("hello");
    await proxy.time.advance(0);
    assert.deepEqual(script.events, ["end new", "end hello"]);
    assert.equal(script.instances[0]?.callbacks.streamInfo.remoteAddress.path, "/run/s");
    client.socket.destroy();
    await proxy.close();
  });

  it("takes the same message again as no change", async () => {
    const proxy = fixture();
    await proxy.apply(echoListener(1000, "a"));
    await proxy.apply(echoListener(1000, "a"));
    assert.equal(proxy.stat("listener_manager.listener_modified"), 0);
    await proxy.close();
  });

  it("keeps connections of unchanged chains when only another chain changes", async () => {
    const proxy = fixture();
    const chains = (tag: string): Listener => ({
      filterChains: [
        {
          filterChainMatch: { sourcePorts: [7] },
          filters: [filterMessage(ECHO_MESSAGE, { tag: "fixed" })],
        },
        { filters: [filterMessage(ECHO_MESSAGE, { tag })] },
      ],
    });
    await proxy.apply(listenerMessage(1000, [], chains("old")));
    const kept = proxy.connect(1000, { from: { ip: "127.0.0.1", port: 7 } });
    const drained = proxy.connect(1000);
    await proxy.time.advance(0);
    await proxy.apply(listenerMessage(1000, [], chains("new")));
    const fresh = proxy.connect(1000);
    for (const client of [kept, drained, fresh]) client.send("x");
    await proxy.time.advance(0);
    assert.deepEqual([kept.text, drained.text, fresh.text], ["fixed:x", "old:x", "new:x"]);
    assert.equal(proxy.stat("listener_manager.listener_in_place_updated"), 1);
    assert.equal(proxy.stat("listener_manager.total_filter_chains_draining"), 1);
    await proxy.time.advance(610_000);
    assert.deepEqual([kept.ended, drained.ended, fresh.ended], [false, true, false]);
    assert.equal(proxy.stat("listener_manager.total_filter_chains_draining"), 0);
    await proxy.close();
  });

  it("swaps the whole listener without closing its socket", async () => {
    const proxy = fixture();
    await proxy.apply(echoListener(1000, "old"));
    const old = proxy.connect(1000);
    await proxy.time.advance(0);
    await proxy.apply(echoListener(1000, "new", { perConnectionBufferLimitBytes: 5 }));
    const fresh = proxy.connect(1000);
    for (const client of [old, fresh]) client.send("x");
    await proxy.time.advance(0);
    assert.deepEqual([old.text, fresh.text], ["old:x", "new:x"]);
    assert.equal(proxy.stat("listener_manager.listener_in_place_updated"), 0);
    assert.equal(proxy.stat("listener_manager.total_listeners_draining"), 1);
    old.end();
    await proxy.time.advance(0);
    assert.equal(proxy.stat("listener_manager.total_listeners_draining"), 0);
    await proxy.close();
  });

  it("moves an address from one listener to another in one update", async () => {
    const proxy = fixture();
    await proxy.apply(echoListener(1000, "one", { name: "one" }));
    const problems = await proxy.update([echoListener(1000, "two", { name: "two" })], ["one"]);
    assert.deepEqual(problems, []);
    const client = proxy.connect(1000);
    client.send("x");
    await proxy.time.advance(0);
    assert.equal(client.text, "two:x");
    await proxy.close();
  });

  it("drains a removed listener: nothing is accepted, the rest is closed after the drain time", async () => {
    const contexts: NetworkFilterContext[] = [];
    const proxy = fixture(contexts);
    await proxy.apply(echoListener(1000, "a"));
    const client = proxy.connect(1000);
    await proxy.time.advance(0);
    await proxy.update([], ["on_1000"]);
    const late = proxy.connect(1000);
    await proxy.time.advance(300_000);
    assert.equal(late.error?.code, "ECONNREFUSED");
    assert.equal(client.ended, false);
    const decisions = Array.from({ length: 400 }, () => contexts[0]?.drain.drainClose());
    const share = decisions.filter(Boolean).length / 400;
    assert.ok(share > 0.35 && share < 0.65, `half of the drain time gave ${share}`);
    await proxy.time.advance(310_000);
    assert.equal(client.ended, true);
    await proxy.close();
  });

  it("says in one line why an address cannot be bound, and serves the other listeners", async () => {
    const proxy = fixture();
    proxy.network.denyBind({ ip: "127.0.0.1", port: 80 }, "EACCES");
    await proxy.network.listen({ address: { ip: "127.0.0.1", port: 81 } }, () => undefined);
    const messages = [80, 81, 1000].map((port) => echoListener(port, "a"));
    assert.deepEqual(await proxy.update(messages), [
      'error: address: Listener "on_80" cannot bind to 127.0.0.1:80: no permission ' +
        "(use a port from 1024 up, or grant CAP_NET_BIND_SERVICE)",
      'error: address: Listener "on_81" cannot bind to 127.0.0.1:81: the address is in use ' +
        "(stop what listens there, or use another port)",
    ]);
    assert.equal(proxy.stat("listener_manager.listener_create_failure"), 2);
    assert.deepEqual(
      proxy.manager.status().map(({ config }) => config.name),
      ["on_1000"],
    );
    proxy.manager.close();
  });

  it("refuses two listeners on one address and takes the first", async () => {
    const proxy = fixture();
    const problems = await proxy.update([
      echoListener(1000, "a", { name: "a" }),
      echoListener(1000, "b", { name: "b" }),
    ]);
    assert.equal(problems.length, 1);
    assert.match(problems[0]!, /"b" has the same address 127\.0\.0\.1:1000 as listener "a"/);
    await proxy.close();
  });

  it("waits for what its filters need before it serves, and the old version serves until then", async () => {
    const releases: (() => void)[] = [];
    const contexts: NetworkFilterContext[] = [];
    const type = echoFilterType(contexts);
    const proxy = new ListenerFixture({
      networkFilters: [
        {
          ...type,
          createFactory: (config, context) => {
            releases.push(context.warming.hold());
            return type.createFactory(config, context);
          },
        },
      ],
    });
    await proxy.apply(echoListener(1000, "old"));
    assert.equal(proxy.stat("listener_manager.total_listeners_warming"), 1);
    assert.deepEqual(proxy.network.listening(), []);
    releases[0]?.();
    await proxy.time.advance(0);
    await proxy.apply(echoListener(1000, "new", { perConnectionBufferLimitBytes: 9 }));
    const before = proxy.connect(1000);
    before.send("x");
    await proxy.time.advance(0);
    assert.equal(before.text, "old:x");
    releases[1]?.();
    await proxy.time.advance(0);
    const after = proxy.connect(1000);
    after.send("x");
    await proxy.time.advance(0);
    assert.equal(after.text, "new:x");
    await proxy.close();
  });

  it("settles an update whose listener a newer update makes obsolete while it warms", async () => {
    const type = echoFilterType();
    let first = true;
    const proxy = new ListenerFixture({
      networkFilters: [
        {
          ...type,
          createFactory: (config, context) => {
            if (first) context.warming.hold();
            first = false;
            return type.createFactory(config, context);
          },
        },
      ],
    });
    await proxy.apply(echoListener(1000, "never"));
    await proxy.apply(echoListener(1000, "new"));
    const client = proxy.connect(1000);
    client.send("x");
    await proxy.time.advance(0);
    assert.equal(client.text, "new:x");
    assert.equal(proxy.stat("listener_manager.total_listeners_warming"), 0);
    await proxy.close();
  });

  it("stops only inbound listeners when asked to", async () => {
    const proxy = fixture();
    await proxy.apply(
      echoListener(1000, "in", { trafficDirection: "INBOUND" }),
      echoListener(1001, "out", { trafficDirection: "OUTBOUND" }),
    );
    proxy.manager.stopListeners("inbound");
    assert.deepEqual(proxy.network.listening(), ["127.0.0.1:1001"]);
    assert.equal(proxy.stat("listener_manager.listener_stopped"), 1);
    await proxy.close();
  });

  it("forgets the stats of a removed listener and of a hundred old versions", async () => {
    const proxy = fixture();
    for (let version = 0; version < 100; version++) {
      await proxy.apply(echoListener(1000, "a", { perConnectionBufferLimitBytes: 1 + version }));
    }
    const names = (): string[] =>
      proxy.store.slab.entries.flatMap((entry) =>
        entry?.name.startsWith("listener.") ? [entry.name] : [],
      );
    assert.ok(names().includes("listener.127.0.0.1_1000.downstream_cx_total"));
    await proxy.update([], ["on_1000"]);
    assert.deepEqual(names(), []);
    await proxy.close();
  });

  it("starts no listener of a stopped direction afterwards", async () => {
    const proxy = fixture();
    await proxy.apply(echoListener(1000, "in", { trafficDirection: "INBOUND" }));
    proxy.manager.stopListeners("inbound");
    await proxy.apply(
      echoListener(1000, "changed", { trafficDirection: "INBOUND" }),
      echoListener(1002, "new", { trafficDirection: "INBOUND" }),
      echoListener(1003, "out", { trafficDirection: "OUTBOUND" }),
    );
    assert.deepEqual(proxy.network.listening(), ["127.0.0.1:1003"]);
    await proxy.close();
  });

  it("binds once when a listener changes while its address is being bound", async () => {
    const proxy = fixture();
    const listen = proxy.network.listen.bind(proxy.network);
    let calls = 0;
    proxy.network.listen = async (options, onAccept) => {
      calls++;
      await new Promise<void>((resolve) => {
        proxy.time.after(5, resolve);
      });
      return listen(options, onAccept);
    };
    const problems: string[] = [];
    for (const tag of ["one", "two"]) {
      const message = echoListener(1000, tag);
      proxy.manager
        .prepare({ changed: [{ message, context: new CompileContext() }], removed: [] })
        .commit((found) => problems.push(`${tag}: ${found.length}`));
    }
    await proxy.time.advance(10);
    const client = proxy.connect(1000);
    client.send("x");
    await proxy.time.advance(0);
    assert.deepEqual([problems, calls, client.text], [["one: 0", "two: 0"], 1, "two:x"]);
    await proxy.close();
  });

  it("tells when the last connection is gone", async () => {
    const proxy = fixture();
    await proxy.apply(echoListener(1000, "a"));
    const client = proxy.connect(1000);
    await proxy.time.advance(0);
    let idle = false;
    proxy.manager.whenIdle(() => {
      idle = true;
    });
    assert.equal(idle, false);
    client.end();
    await proxy.time.advance(0);
    assert.equal(idle, true);
    await proxy.close();
  });
});
