import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { drainServer } from "../../src/server/shutdown.ts";
import { MemoryClient } from "../kit/memory-client.ts";
import { bootstrap, httpListener, staticCluster } from "./configs.ts";
import { ServerFixture } from "./server-fixture.ts";

const TEXT = bootstrap({
  clusters: [staticCluster("one", [1001]), staticCluster("silent", [1002])],
  listeners: [
    httpListener({ name: "main", port: 8080 }),
    httpListener({ name: "slow", port: 8081, cluster: "silent" }),
  ],
});
const REQUEST = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

let fixture: ServerFixture;
let drained: boolean;

beforeEach(async () => {
  drained = false;
  fixture = await ServerFixture.create(TEXT);
  await fixture.upstream(1001, "one");
  await fixture.upstream(1002, null);
  await fixture.start();
});
afterEach(() => fixture.close());

function drain(): void {
  const timers = fixture.server.planes?.local.dispatcher;
  assert.ok(timers);
  void drainServer(fixture.server, timers, { drainTimeMs: 10_000 }).then(() => {
    drained = true;
  });
}

function connect(port: number): MemoryClient {
  return new MemoryClient(fixture.network, { ip: "127.0.0.1", port });
}

describe("an orderly end", () => {
  it("fails readiness at once and still serves new connections for a while", async () => {
    drain();
    assert.equal((await fixture.get("/ready")).status, 503);
    const answer = await fixture.request(8080, "GET /");
    assert.equal(answer.body, "one");
    assert.ok(answer.headers.includes("connection: close"));
    await fixture.time.advance(1100);
    assert.equal(fixture.network.listening().includes("127.0.0.1:8080"), false);
  });

  it("is over soon when nothing is in flight", async () => {
    drain();
    await fixture.time.advance(2000);
    assert.equal(drained, true);
  });

  it("tells a kept connection with its next answer that it ends", async () => {
    const client = connect(8080);
    client.send(REQUEST);
    await fixture.until(() => client.text.includes("one"));
    drain();
    client.send(REQUEST);
    await fixture.until(() => client.ended || client.closed);
    assert.equal(client.text.split("one").length, 3);
    assert.match(client.text, /connection: close/);
    client.socket.destroy();
  });

  it("waits for a request in flight, but not longer than the drain time", async () => {
    const client = connect(8081);
    client.send(REQUEST);
    await fixture.time.advance(100);
    drain();
    await fixture.time.advance(8000);
    assert.equal(drained, false);
    await fixture.time.advance(2500);
    assert.equal(drained, true);
    client.socket.destroy();
  });
});
