// Circuit breakers over one and two data planes: exactly as many as the limit says get through,
// whoever asks, in any order.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CircuitBreakers_Thresholds } from "../../src/proto/generated/envoy/config/cluster/v3.ts";
import type { RuntimeCluster } from "../../src/upstream/runtime-cluster.ts";
import {
  createSharedUpstreamState,
  reclaimDataPlane,
} from "../../src/upstream/upstream-services.ts";
import { SeededRandom } from "../kit/seeded-random.ts";
import { SimulatedTime } from "../kit/simulated-time.ts";
import {
  request,
  staticMessage,
  type TestStream,
  TestUpstream,
  type UpstreamFixture,
  upstreamFixture,
} from "./upstream-fixture.ts";

interface Plane {
  readonly fixture: UpstreamFixture;
  readonly upstream: TestUpstream;
  readonly streams: TestStream[];
  /** Answers sent, by socket. */
  readonly answered: number[];
}

/** Data planes that share limits; each has a network and an upstream of its own. */
async function planesWith(
  count: number,
  thresholds: CircuitBreakers_Thresholds,
  perHost?: number,
): Promise<Plane[]> {
  const state = createSharedUpstreamState(count);
  const time = new SimulatedTime();
  const planes: Plane[] = [];
  for (let dataPlane = 0; dataPlane < count; dataPlane++) {
    const fixture = upstreamFixture({ state, dataPlane, time });
    fixture.add(
      staticMessage([1000], {
        circuitBreakers: {
          thresholds: [{ trackRemaining: true, ...thresholds }],
          perHostThresholds: perHost === undefined ? [] : [{ maxConnections: perHost }],
        },
      }),
    );
    const upstream = await new TestUpstream().listen(fixture.network, 1000);
    planes.push({ fixture, upstream, streams: [], answered: [] });
  }
  return planes;
}

const clusterOf = ({ fixture }: Plane): RuntimeCluster => fixture.cluster("c") as RuntimeCluster;

function ask(plane: Plane): TestStream {
  const stream = request(clusterOf(plane));
  plane.streams.push(stream);
  return stream;
}

const time = (planes: readonly Plane[]): SimulatedTime => planes[0]!.fixture.time;

function sum(planes: readonly Plane[], stat: string): number {
  return planes.reduce((total, { fixture }) => total + fixture.stat(`cluster.c.${stat}`), 0);
}

/** Requests that are on a connection. */
const through = (planes: readonly Plane[]): number =>
  planes.flatMap(({ streams }) => streams).filter(({ events }) => events[0] === "ready").length;

/** Answers what was asked and not answered yet. */
function answerAll(planes: readonly Plane[]): void {
  for (const { upstream, answered } of planes) {
    for (let index = 0; index < upstream.sockets.length; index++) {
      const asked = upstream.received[index]!.split("GET ").length - 1;
      for (let sent = answered[index] ?? 0; sent < asked; sent++) upstream.answer(index);
      answered[index] = asked;
    }
  }
}

async function tenConnections(count: number, seed: number): Promise<void> {
  const planes = await planesWith(count, { maxConnections: 10 });
  const random = new SeededRandom(seed);
  for (let asked = 0; asked < 40; asked++) {
    ask(planes[random.uint32() % count]!);
    if (random.uint32() % 3 === 0) time(planes).run(1);
    assert.ok(sum(planes, "upstream_cx_active") <= 10);
  }
  time(planes).run(100);
  assert.equal(sum(planes, "upstream_cx_active"), 10, `seed ${seed}`);
  assert.ok(sum(planes, "upstream_cx_overflow") > 0);
  for (let round = 0; round < 8; round++) {
    answerAll(planes);
    time(planes).run(10);
  }
  assert.equal(through(planes), 40);
  assert.equal(sum(planes, "upstream_cx_active"), 10);
}

/** Begins, answers or gives up a request. */
function someEvent(plane: Plane, random: SeededRandom): void {
  const choice = random.uint32() % 4;
  const some = plane.streams[random.uint32() % Math.max(1, plane.streams.length)];
  if (choice < 2) ask(plane);
  else if (choice === 2) plane.upstream.answer(random.uint32() % 8);
  else if (some?.encoder === null) some.waiting?.cancel();
}

async function anyOrder(count: number, seed: number): Promise<void> {
  const planes = await planesWith(count, { maxRequests: 5, maxConnections: 8 });
  const random = new SeededRandom(seed);
  for (let event = 0; event < 200; event++) {
    someEvent(planes[random.uint32() % count]!, random);
    time(planes).run(random.uint32() % 3);
    assert.ok(sum(planes, "upstream_rq_active") <= 5, `seed ${seed}`);
    // A pool without a connection may open one beyond the limit.
    assert.ok(sum(planes, "upstream_cx_active") <= 9, `seed ${seed}`);
  }
  for (const plane of planes) plane.fixture.manager.close(() => undefined);
  for (let round = 0; round < 20; round++) {
    answerAll(planes);
    time(planes).run(10);
  }
  for (const name of ["rq_active", "cx_active", "rq_pending_active"]) {
    assert.equal(sum(planes, `upstream_${name}`), 0, `seed ${seed}`);
  }
  assert.equal(planes[0]!.fixture.services.slots.limits.slots.used, 0, `seed ${seed}`);
}

for (const count of [1, 2]) {
  describe(`circuit breakers on ${count} data plane${count > 1 ? "s" : ""}`, () => {
    it("let exactly ten requests through, and the next ten after those", async () => {
      const planes = await planesWith(count, { maxRequests: 10 });
      for (let round = 1; round <= 2; round++) {
        for (let asked = 0; asked < 25; asked++) ask(planes[asked % count]!);
        time(planes).run(100);
        assert.equal(through(planes), 10 * round);
        assert.equal(sum(planes, "upstream_rq_active"), 10);
        assert.equal(sum(planes, "upstream_rq_pending_overflow"), 15 * round);
        planes[0]!.fixture.manager.showShared();
        assert.equal(sum([planes[0]!], "circuit_breakers.default.rq_open"), 1);
        assert.equal(sum([planes[0]!], "circuit_breakers.default.remaining_rq"), 0);
        answerAll(planes);
        time(planes).run(100);
        planes[0]!.fixture.manager.showShared();
        assert.equal(sum([planes[0]!], "circuit_breakers.default.remaining_rq"), 10);
      }
    });

    it("let exactly ten requests wait", async () => {
      const planes = await planesWith(count, { maxPendingRequests: 10 });
      for (let asked = 0; asked < 30; asked++) ask(planes[asked % count]!);
      assert.equal(sum(planes, "upstream_rq_pending_active"), 10);
      assert.equal(sum(planes, "upstream_rq_pending_overflow"), 20);
      time(planes).run(100);
      assert.equal(through(planes), 10);
    });

    it("open exactly ten connections, whatever the order", async () => {
      for (let seed = 1; seed <= 30; seed++) await tenConnections(count, seed);
    });

    it("open exactly as many connections to one host", async () => {
      const planes = await planesWith(count, {}, 4);
      for (let asked = 0; asked < 20; asked++) ask(planes[asked % count]!);
      time(planes).run(100);
      assert.equal(sum(planes, "upstream_cx_active"), 4);
      assert.equal(planes[0]!.streams.length + (planes[1]?.streams.length ?? 0), 20);
    });

    it("let a pool without a connection have its first one", async () => {
      const planes = await planesWith(count, { maxConnections: 0 });
      for (const plane of planes) ask(plane);
      time(planes).run(100);
      assert.equal(through(planes), count);
      assert.equal(sum(planes, "upstream_cx_active"), count);
    });

    it("keep their count through any order of beginnings and ends", async () => {
      for (let seed = 1; seed <= 40; seed++) await anyOrder(count, seed);
    });
  });
}

describe("circuit breakers", () => {
  it("get back what a dead data plane had taken", async () => {
    const planes = await planesWith(2, { maxRequests: 4, maxConnections: 4 }, 4);
    for (let asked = 0; asked < 4; asked++) ask(planes[1]!);
    time(planes).run(100);
    ask(planes[0]!);
    time(planes).run(100);
    assert.equal(through([planes[0]!]), 0);
    reclaimDataPlane(planes[0]!.fixture.state, 1);
    for (let asked = 0; asked < 9; asked++) ask(planes[0]!);
    time(planes).run(100);
    assert.equal(through([planes[0]!]), 4);
    assert.equal(sum([planes[0]!], "upstream_cx_active"), 4);
  });

  it("allow so many pools, and count the rest", async () => {
    const { fixture, upstream } = (await planesWith(1, { maxConnectionPools: 1 }))[0]!;
    const cluster = fixture.cluster("c") as RuntimeCluster;
    const host = cluster.hostSets[0]!.hosts[0]!;
    const place = cluster.info.limits[0].connectionPools;
    assert.equal(cluster.hasHttpPool(host, "DEFAULT"), true);
    assert.equal(cluster.hasHttpPool(host, "DEFAULT"), true);
    assert.equal(place.count, 1);
    assert.equal(fixture.stat("cluster.c.circuit_breakers.default.cx_pool_open"), 1);
    const stream = request(cluster);
    fixture.time.run(100);
    upstream.answer(0);
    fixture.time.run(100);
    assert.equal(stream.events.at(-1), "status 200 end");
    upstream.sockets[0]!.destroy();
    fixture.time.run(100);
    // Without a connection the pool is gone, and its place is free.
    assert.equal(place.count, 0);
    assert.equal(fixture.stat("cluster.c.circuit_breakers.default.cx_pool_open"), 0);
    place.acquire();
    assert.equal(cluster.hasHttpPool(host, "DEFAULT"), false);
    assert.equal(fixture.stat("cluster.c.upstream_cx_pool_overflow"), 1);
    assert.equal(cluster.hasHttpPool(host, "HIGH"), true);
  });

  it("take their limits from runtime", async () => {
    const values: Record<string, number> = {};
    const fixture = upstreamFixture({
      runtime: {
        getInteger: (key, value) => values[key] ?? value,
        getBoolean: (_key, value) => value,
        getDouble: (_key, value) => value,
        featureEnabled: (_key, numerator, denominator, random) => random % denominator < numerator,
      },
    });
    fixture.add(staticMessage([1000], { circuitBreakers: { thresholds: [{ maxRequests: 10 }] } }));
    const { limits } = fixture.cluster("c").info;
    const words: readonly (readonly [string, keyof (typeof limits)[0]])[] = [
      ["max_connections", "connections"],
      ["max_pending_requests", "pendingRequests"],
      ["max_requests", "requests"],
      ["max_retries", "retries"],
      ["max_connection_pools", "connectionPools"],
    ];
    words.forEach(([word], index) => {
      values[`circuit_breakers.c.default.${word}`] = index + 20;
      values[`circuit_breakers.c.high.${word}`] = index + 30;
    });
    fixture.manager.refresh();
    words.forEach(([, name], index) => {
      assert.equal((limits[0][name] as { max: number }).max, index + 20);
      assert.equal((limits[1][name] as { max: number }).max, index + 30);
    });
  });
});
