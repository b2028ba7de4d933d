import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import type {
  Http2Client,
  Http2ClientEvents,
  Http2Clients,
  Http2Request,
} from "../../../src/platform/http2-client.ts";
import type { ConnectOptions } from "../../../src/platform/sockets.ts";
import type {
  HealthCheck,
  HealthCheck_HttpHealthCheck,
} from "../../../src/proto/generated/envoy/config/core/v3.ts";
import { CheckerFixture } from "./checker-fixture.ts";

/** Connections that the test answers. */
class HandClients implements Http2Clients {
  readonly made: { options: ConnectOptions; events: Http2ClientEvents; asked: Http2Request[] }[] =
    [];
  closed = 0;

  connect(options: ConnectOptions, events: Http2ClientEvents): Http2Client {
    const asked: Http2Request[] = [];
    this.made.push({ options, events, asked });
    return {
      request: (request) => void asked.push(request),
      close: () => {
        this.closed++;
      },
    };
  }

  get last(): Http2ClientEvents {
    return this.made.at(-1)!.events;
  }
}

describe("HTTP health checks over HTTP/2", () => {
  let clients: HandClients;
  let fixture: CheckerFixture;

  beforeEach(() => {
    clients = new HandClients();
    fixture = new CheckerFixture({ http2: clients });
  });

  afterEach(() => fixture.close());

  async function start(more: Partial<HealthCheck> = {}): Promise<void> {
    const http: HealthCheck_HttpHealthCheck = {
      path: "/hc",
      codecClientType: "HTTP2",
      receive: [{ text: "6f6b" }],
    };
    await fixture.start({ httpHealthCheck: http, ...more });
  }

  function answer(status = 200): void {
    clients.last.onHead(status, [["x-envoy-degraded", "1"]]);
    clients.last.onData(Buffer.from("o"));
    clients.last.onData(Buffer.from("k"));
    clients.last.onEnd();
  }

  it("ask on a connection of their own, and read the answer", async () => {
    await start();
    const [{ options, asked }] = clients.made as [(typeof clients.made)[0]];
    assert.deepEqual(options, { address: { ip: "127.0.0.1", port: 1000 } });
    assert.deepEqual(asked, [
      {
        method: "GET",
        scheme: "http",
        authority: "c",
        path: "/hc",
        headers: [["user-agent", "Envoy/HC"]],
        body: null,
      },
    ]);
    answer();
    assert.equal(fixture.results(), "1/0/0");
    assert.equal(fixture.stat("degraded"), 1);
    await fixture.nextCheck();
    assert.equal(asked.length, 2);
  });

  it("fail when the stream or the connection ends early", async () => {
    await start();
    clients.last.onFailure();
    assert.equal(fixture.results(), "0/1/1");
    await fixture.nextCheck();
    assert.equal(clients.made.length, 2);
  });

  it("finish a check after a GOAWAY, and take another connection for the next", async () => {
    await start();
    clients.last.onNoMoreRequests();
    answer();
    assert.equal(fixture.results(), "1/0/0");
    assert.equal(clients.closed, 1);
    await fixture.nextCheck();
    assert.equal(clients.made.length, 2);
  });

  it("do not mind a connection that ends between checks", async () => {
    await start();
    answer();
    clients.last.onNoMoreRequests();
    assert.equal(fixture.results(), "1/0/0");
    await fixture.nextCheck();
    assert.equal(clients.made.length, 2);
  });

  it("give up after the time-out, and hear nothing more of it", async () => {
    await start();
    const late = clients.last;
    await fixture.run(1100);
    assert.equal(fixture.results(), "0/1/1");
    assert.equal(clients.closed, 1);
    late.onFailure();
    late.onEnd();
    assert.equal(fixture.results(), "0/1/1");
  });

  it("take a connection for each check without reuse_connection", async () => {
    await start({ reuseConnection: false });
    answer();
    await fixture.nextCheck();
    assert.equal(clients.made.length, 2);
  });
});
