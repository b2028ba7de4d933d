// Requests that nobody sends in earnest: whatever comes, the admin interface answers or ends the
// connection, nothing is thrown, nothing stays behind (the fixture checks), and it goes on.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { ADMIN_ENDPOINTS } from "../../../src/server/admin/endpoints.ts";
import { MemoryClient } from "../../kit/memory-client.ts";
import { environmentSeed, SeededRandom } from "../../kit/seeded-random.ts";
import { bootstrap, httpListener, staticCluster } from "../configs.ts";
import { ServerFixture } from "../server-fixture.ts";

const REQUESTS = 400;
const METHODS = ["GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "TRACE", "CONNECT", "X"];
const NAMES = ["filter", "format", "mask", "resource", "name_regex", "level", "paths", "type", "a"];
const VALUES = [
  "",
  "%",
  "%00",
  "%ff%fe",
  "(",
  "(a*)*$",
  "[",
  "json",
  "html",
  "prometheus",
  "__proto__",
  "static_clusters",
  "dynamic_listeners",
  "bootstrap",
  "bootstrap.node",
  ".",
  "cluster..name",
  "cluster.__proto__",
  "admin:debug",
  ":",
  "😀",
  "x".repeat(3000),
];

let fixture: ServerFixture;

before(async () => {
  fixture = await ServerFixture.create(
    bootstrap({
      clusters: [staticCluster("one", [1001])],
      listeners: [httpListener({ name: "main", port: 8080 })],
    }),
  );
  await fixture.start();
});
after(() => fixture.close());

function randomRequest(random: SeededRandom): string {
  const pages = ADMIN_ENDPOINTS.map(({ path }) => path);
  const path = random.chance(0.9) ? random.pick(pages) : `/${random.pick(VALUES)}`;
  const pairs = Array.from(
    { length: random.below(4) },
    () => `${random.pick(NAMES)}=${random.pick(VALUES)}`,
  );
  const query = pairs.length === 0 ? "" : `?${pairs.join("&")}`;
  const body = random.chance(0.3) ? random.pick(VALUES) : "";
  const type = random.chance(0.5) ? "content-type: application/x-www-form-urlencoded\r\n" : "";
  const bytes = Buffer.byteLength(body);
  const head = `${random.pick(METHODS)} ${path}${query} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n`;
  return `${head}${type}content-length: ${bytes}\r\n\r\n${body}`;
}

describe("hostile requests to the admin interface", () => {
  const seed = environmentSeed(7);

  it(`${REQUESTS} random ones are answered (seed ${seed})`, async () => {
    const random = new SeededRandom(seed);
    for (let count = 0; count < REQUESTS; count++) {
      const text = randomRequest(random);
      const client = new MemoryClient(fixture.network, { ip: "127.0.0.1", port: 9901 });
      client.send(Buffer.from(text, "utf8"));
      await fixture.until(() => client.ended || client.closed);
      assert.match(client.text, /^HTTP\/1\.1 [2-5]\d\d /, text);
      client.socket.destroy();
      await fixture.time.advance(0);
      // Some of them fail the health check or stop the listeners: only being there counts.
      const ready = await fixture.get("/ready");
      assert.ok(ready.status === 200 || ready.status === 503, text);
    }
    assert.deepEqual(fixture.time.bugs, []);
  });

  it("clients that go in the middle leave nothing behind", async () => {
    for (const bytes of [1, 20, 200, 1000]) {
      const client = new MemoryClient(fixture.network, { ip: "127.0.0.1", port: 9901 });
      client.send("GET /stats HTTP/1.1\r\nhost: a\r\n\r\n".slice(0, bytes));
      await fixture.time.advance(1);
      client.socket.resetAndDestroy();
      await fixture.time.advance(10);
    }
    assert.equal(fixture.stat("http.admin.downstream_rq_active"), 0);
    assert.deepEqual(fixture.time.bugs, []);
  });
});
