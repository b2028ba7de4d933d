// health_check on a whole proxy: own answers, answers let through and remembered, other clusters.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  fileLog,
  HttpProxy,
  type HttpProxyOptions,
  httpFilter,
  type Message,
  staticCluster,
  valuesOf,
} from "../http-proxy.ts";

const LOG = fileLog("%REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %RESPONSE_FLAGS%\n");
const MATCH = { headers: [{ name: ":path", string_match: { exact: "/health" } }] };

function filter(fields: Message): Message {
  return httpFilter("health_check", "health_check.v3.HealthCheck", { ...MATCH, ...fields });
}

function start(fields: Message, more: HttpProxyOptions = {}): Promise<HttpProxy> {
  return HttpProxy.start({ filters: [filter(fields)], manager: { access_log: [LOG] }, ...more });
}

const statOf = (proxy: HttpProxy, name: string): number | null =>
  proxy.server.stat(`http.in.health_check.${name}`);

test("answers for itself", async () => {
  const proxy = await start({ pass_through_mode: false });
  const answer = await proxy.exchange("GET /health");
  assert.equal(answer.status, 200);
  assert.deepEqual(valuesOf(answer, "x-envoy-upstream-healthchecked-cluster"), ["service"]);
  await proxy.exchange("GET /other");
  assert.deepEqual(proxy.log, ["/health 200 health_check_ok -", "/other 200 via_upstream -"]);
  assert.equal(proxy.upstreams.length, 1);
  assert.equal(statOf(proxy, "ok"), 1);
  await proxy.close();
});

test("fails while the admin says so, and says it in other answers", async () => {
  const proxy = await start({ pass_through_mode: false });
  await proxy.server.post("/healthcheck/fail");
  assert.equal((await proxy.exchange("GET /health")).status, 503);
  const other = await proxy.exchange("GET /other");
  assert.deepEqual(valuesOf(other, "x-envoy-immediate-health-check-fail"), ["true"]);
  await proxy.server.post("/healthcheck/ok");
  assert.equal((await proxy.exchange("GET /health")).status, 200);
  assert.equal(proxy.log[0], "/health 503 health_check_failed LH");
  assert.equal(statOf(proxy, "failed"), 1);
  await proxy.close();
});

test("lets checks through and remembers the answer for a while", async () => {
  const proxy = await start({ pass_through_mode: true, cache_time: "5s" });
  await proxy.exchange("GET /health");
  await proxy.exchange("GET /health");
  await proxy.server.time.advance(5000);
  await proxy.exchange("GET /health");
  assert.deepEqual(
    proxy.log.map((line) => line.split(" ")[2]),
    ["via_upstream", "health_check_cached", "via_upstream"],
  );
  assert.equal(statOf(proxy, "cached_response"), 1);
  await proxy.close();
});

test("asks for healthy shares of other clusters", async () => {
  const empty = { ...staticCluster("empty", []), name: "empty" };
  const percentages = async (wanted: Message): Promise<string> => {
    const fields = { pass_through_mode: false, cluster_min_healthy_percentages: wanted };
    const proxy = await start(fields, { clusters: [empty], manager: { access_log: [LOG] } });
    await proxy.exchange("GET /health");
    const [line = ""] = proxy.log;
    await proxy.close();
    return line.replace("/health ", "");
  };
  const cases: readonly (readonly [Message, string])[] = [
    [{ up: { value: 100 } }, "200 health_check_ok_cluster_healthy -"],
    [{ up: { value: 100 }, nowhere: { value: 1 } }, "503 health_check_failed_no_cluster_found LH"],
    [{ empty: { value: 1 } }, "503 health_check_failed_cluster_empty LH"],
    [{ empty: { value: 0 } }, "200 health_check_ok_cluster_healthy -"],
  ];
  for (const [wanted, line] of cases) assert.equal(await percentages(wanted), line);
});

test("answers a check with a body once it is complete", async () => {
  const proxy = await start({ pass_through_mode: false });
  assert.equal((await proxy.exchange("POST /health", [], "abc")).status, 200);
  await proxy.close();
});

test("refuses to remember its own answers", async () => {
  const problems = await HttpProxy.problems({
    filters: [filter({ pass_through_mode: false, cache_time: "1s" })],
  });
  assert.equal(problems.length, 1, problems.join("\n"));
  assert.match(problems[0]!, /cache_time: Only answers that pass through are remembered$/);
});
