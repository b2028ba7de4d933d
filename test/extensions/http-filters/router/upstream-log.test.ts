// The log of upstream attempts, on a whole proxy.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileLog, HttpProxy, httpFilter, type Message } from "../../http-proxy.ts";

const FORMAT =
  "%ACCESS_LOG_TYPE% %PROTOCOL% %RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% " +
  "%UPSTREAM_HOST% %UPSTREAM_CLUSTER% %DOWNSTREAM_REMOTE_ADDRESS% %RESP(x-up)% %ROUTE_NAME% " +
  "%UPSTREAM_TRANSPORT_FAILURE_REASON%\n";

function manager(log: Message): Message {
  const logged = httpFilter("router", "router.v3.Router", { upstream_log: [log] });
  return { http_filters: [logged], access_log: [fileLog("%ACCESS_LOG_TYPE%\n")] };
}

test("an attempt is logged at its end, without facts of the client", async () => {
  const proxy = await HttpProxy.start({
    manager: manager(fileLog(FORMAT)),
    route: { name: "all" },
    answer: "HTTP/1.1 200 OK\r\ncontent-length: 3\r\nx-up: up\r\n\r\nabc",
  });
  await proxy.exchange("POST /", [], "body");
  assert.deepEqual(proxy.log, [
    "UpstreamEnd HTTP/1.1 200 - 3 4 127.0.0.1:10001 up - up all -",
    "DownstreamEnd",
  ]);
  await proxy.close();
});

test("an attempt is logged when it has its connection, when told so", async () => {
  const log = fileLog("%ACCESS_LOG_TYPE% %RESPONSE_CODE% %UPSTREAM_HOST%\n");
  const router = httpFilter("router", "router.v3.Router", {
    upstream_log: [log],
    upstream_log_options: { flush_upstream_log_on_upstream_stream: true },
  });
  const proxy = await HttpProxy.start({ manager: { http_filters: [router] } });
  await proxy.exchange("GET /");
  assert.deepEqual(proxy.log, [
    "UpstreamPoolReady 0 127.0.0.1:10001",
    "UpstreamEnd 200 127.0.0.1:10001",
  ]);
  await proxy.close();
});

test("a failed attempt says why", async () => {
  const proxy = await HttpProxy.start({
    manager: manager(fileLog(FORMAT)),
    route: { route: { cluster: "refused" } },
    clusters: [
      {
        name: "refused",
        load_assignment: {
          cluster_name: "refused",
          endpoints: [
            {
              lb_endpoints: [
                {
                  endpoint: {
                    address: { socket_address: { address: "127.0.0.1", port_value: 9 } },
                  },
                },
              ],
            },
          ],
        },
      },
    ],
  });
  await proxy.exchange("GET /");
  assert.match(
    proxy.log[0]!,
    /^UpstreamEnd - 0 UF 0 0 127\.0\.0\.1:9 refused - - - delayed_connect_error:/,
  );
  await proxy.close();
});

test("upstream logs have filters, and report what is wrong with them", async () => {
  const filtered = fileLog(FORMAT, {
    filter: {
      status_code_filter: {
        comparison: { op: "GE", value: { default_value: 500, runtime_key: "k" } },
      },
    },
  });
  const proxy = await HttpProxy.start({ manager: manager(filtered) });
  await proxy.exchange("GET /");
  assert.deepEqual(proxy.log, ["DownstreamEnd"]);
  await proxy.close();
  const problems = await HttpProxy.problems({ manager: manager(fileLog("%FOO%")) });
  assert.equal(problems.length, 1, problems.join("\n"));
  assert.match(problems[0]!, /upstream_log\[0\]\..*: Unknown command %FOO%$/);
});
