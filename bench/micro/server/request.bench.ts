// A whole request through an assembled server, without sockets and clocks: client bytes in,
// filters, router, pool, upstream bytes back, stats, access log. Simulated time and memory sockets
// are part of the number; compare runs with each other, not with the load harness.
import { MemoryClient } from "../../../test/kit/memory-client.ts";
import { bootstrap, httpListener, staticCluster } from "../../../test/server/configs.ts";
import { ServerFixture } from "../../../test/server/server-fixture.ts";
import { bench } from "../../kit/micro.ts";

const REQUEST =
  "GET /api/v1/products/42 HTTP/1.1\r\nhost: shop\r\nuser-agent: curl/8.5.0\r\naccept: */*\r\n" +
  "accept-encoding: gzip, deflate, br\r\naccept-language: en-US,en;q=0.9\r\n" +
  "cookie: session=0123456789abcdef\r\nx-forwarded-for: 10.1.2.3\r\nx-b3-traceid: 463ac35c9f6413ad\r\n\r\n";

const ACCESS_LOG = {
  name: "file",
  typed_config: {
    "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
    path: "/log",
  },
};

const direct = {
  route_config: {
    virtual_hosts: [
      {
        name: "all",
        domains: ["*"],
        routes: [{ match: { prefix: "/" }, direct_response: { status: 200 } }],
      },
    ],
  },
};

const any = (type: string, fields: object): object => ({
  name: type.split(".").at(-1),
  typed_config: { "@type": `type.googleapis.com/envoy.extensions.filters.http.${type}`, ...fields },
});
const EVERY = { default_value: { numerator: 100 } };
const ADD = { header: { key: "x-added", value: "%PROTOCOL%" } };
const FILTERS = [
  any("health_check.v3.HealthCheck", {
    pass_through_mode: false,
    headers: [{ name: ":path", string_match: { exact: "/healthz" } }],
  }),
  any("cors.v3.Cors", {}),
  any("csrf.v3.CsrfPolicy", { filter_enabled: EVERY }),
  any("buffer.v3.Buffer", { max_request_bytes: 65_536 }),
  any("set_metadata.v3.Config", {
    metadata: [{ metadata_namespace: "a", value: { b: 1 } }],
  }),
  any("header_mutation.v3.HeaderMutation", {
    mutations: { request_mutations: [{ append: ADD }], response_mutations: [{ append: ADD }] },
  }),
  any("router.v3.Router", {}),
];

const fixture = await ServerFixture.create(
  bootstrap({
    clusters: [staticCluster("one", [8001])],
    listeners: [
      httpListener({ name: "plain", port: 10_000 }),
      httpListener({ name: "logged", port: 10_001, manager: { access_log: [ACCESS_LOG] } }),
      httpListener({ name: "filtered", port: 10_003, manager: { http_filters: FILTERS } }),
      httpListener({ name: "direct", port: 10_002, manager: direct }),
    ],
  }),
);
// Lines are formatted and then dropped.
fixture.files.openLog = () => ({
  append: () => undefined,
  flush: (done) => done(),
  reopen: () => undefined,
  droppedBytes: 0,
});
await fixture.upstream(8001, "answer");
await fixture.start();

function exchange(port: number): () => number {
  const client = new MemoryClient(fixture.network, { ip: "127.0.0.1", port });
  let seen = 0;
  client.onBytes = (_buffer, length): void => {
    seen += length;
  };
  return (): number => {
    const before = seen;
    client.send(REQUEST);
    for (let ms = 0; seen === before && ms < 100; ms += 1) fixture.time.run(1);
    if (seen === before) throw new Error("no answer");
    return seen;
  };
}

bench("a request answered by the proxy", exchange(10_002));
bench("a request through the router and its pool", exchange(10_000));
bench("the same with an access log", exchange(10_001));
bench("the same through six more filters", exchange(10_003));
