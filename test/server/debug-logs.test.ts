import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DEBUG } from "../../src/log/log-level.ts";
import { bootstrap, httpListener, staticCluster } from "./configs.ts";
import { ServerFixture } from "./server-fixture.ts";

const DNS = {
  name: "named",
  type: "STRICT_DNS",
  load_assignment: {
    cluster_name: "named",
    endpoints: [
      {
        lb_endpoints: [
          { endpoint: { address: { socket_address: { address: "up.test", port_value: 1001 } } } },
        ],
      },
    ],
  },
};

async function serve(level: number): Promise<ServerFixture> {
  const fixture = await ServerFixture.create(
    bootstrap({
      clusters: [staticCluster("one", [1001]), DNS],
      listeners: [httpListener({ name: "main", port: 8080 })],
    }),
  );
  for (const name of ["http", "dns", "connection", "conn_handler"] as const) {
    fixture.server.loggers.get(name).level = level;
  }
  fixture.dns.set("up.test", ["10.0.0.1"], 5000);
  await fixture.upstream(1001, "one");
  await fixture.start();
  fixture.log.length = 0;
  await fixture.request(8080, "GET /a?b");
  return fixture;
}

describe("debug lines", () => {
  it("tell of connections, names and requests under Envoy's components", async () => {
    const fixture = await serve(DEBUG);
    await fixture.until(() => fixture.log.some((line) => line.includes("dns")), 6000);
    const text = fixture.log.join("\n");
    assert.match(text, /^debug conn_handler: new connection from .+ to 127\.0\.0\.1:8080$/m);
    assert.match(text, /^debug connection: connecting to 127\.0\.0\.1:1001$/m);
    assert.match(
      text,
      /^debug http: \[C\d+\] GET test\/a\?b: 200 \(via_upstream, flags -\) from 127\.0\.0\.1:1001 after \d+ ms$/m,
    );
    assert.match(text, /^debug dns: dns resolution for up\.test \(v[46]\): /m);
    await fixture.close();
  });

  it("are not there at the usual level", async () => {
    const fixture = await serve(DEBUG + 1);
    await fixture.time.advance(6000);
    assert.deepEqual(fixture.log, []);
    await fixture.close();
  });
});
