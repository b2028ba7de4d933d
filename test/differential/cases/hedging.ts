// Hedging: an attempt that is too slow goes on beside the next one.
import { reply, type UpstreamReply } from "../../kit/scripted-upstream.ts";
import {
  any,
  anyHost,
  bootstrap,
  hcmWithHosts,
  listener,
  type Message,
  ROUTER,
  routeTo,
  STANDARD_CLUSTERS,
} from "../bootstrap.ts";
import {
  type CaseOptions,
  type DifferentialCase,
  type DifferentialGroup,
  exchange,
  type Facts,
  get,
} from "../case.ts";

const HEDGED: Message = { hedge_policy: { hedge_on_per_try_timeout: true } };

const route = (path: string, policy: Message, action: Message = HEDGED): Message =>
  routeTo({ prefix: path }, "up1", {
    timeout: "0s",
    retry_policy: { retry_on: "5xx", per_try_timeout: "0.4s", ...policy },
    ...action,
  });

const routes: readonly Message[] = [
  route("/once", {}),
  route("/twice", { num_retries: 2 }),
  route("/none", { num_retries: 0 }),
  route("/no-words", { retry_on: "" }),
  route("/timed", {}, { ...HEDGED, timeout: "1.2s" }),
  route("/unhedged", {}, {}),
  route("/idle", { per_try_timeout: "0s", per_try_idle_timeout: "0.4s" }),
];

const SILENT: UpstreamReply = {};
const late = (status: number, body: string, delayMs: number): UpstreamReply => ({
  ...reply(status, body),
  delayMs,
});

const STATUS = "client.0.response.0.start";
const BODY = "client.0.response.0.body";
const line = (status: number): RegExp => new RegExp(`^HTTP/1\\.1 ${status} `);

const plays = (replies: readonly UpstreamReply[], facts: Facts): CaseOptions => ({
  upstreams: { up1: { replies } },
  facts,
});

const cases: readonly DifferentialCase[] = [
  exchange("an attempt that is quick enough is the only one", "main", get("/once"), {
    ...plays([reply(200, "only")], { [BODY]: "only", "log.0.attempts": "1" }),
  }),
  exchange("the second attempt is faster", "main", get("/once"), {
    ...plays([SILENT, reply(200, "second")], { [BODY]: "second", "log.0.attempts": "2" }),
  }),
  exchange("the first attempt answers after all", "main", get("/once"), {
    ...plays([late(200, "first", 1000), SILENT], { [BODY]: "first" }),
  }),
  exchange("a bad second answer waits for the first", "main", get("/once"), {
    ...plays([late(200, "first", 1500), reply(500, "second")], { [BODY]: "first" }),
  }),
  exchange("a bad first answer waits for the second", "main", get("/once"), {
    ...plays([late(500, "first", 900), late(200, "second", 1500)], { [BODY]: "second" }),
  }),
  exchange("two bad answers: the last is the client's", "main", get("/once"), {
    ...plays([late(500, "first", 900), late(503, "second", 1500)], { [BODY]: "second" }),
  }),
  exchange("a first attempt that breaks waits for the second", "main", get("/once"), {
    ...plays([{ send: "", delayMs: 900, after: "close" }, late(200, "second", 1500)], {
      [BODY]: "second",
    }),
  }),
  exchange("three side by side", "main", get("/twice"), {
    ...plays([SILENT, SILENT, reply(200, "third")], { [BODY]: "third", "log.0.attempts": "3" }),
  }),
  exchange("without retries there is no second attempt", "main", get("/none"), {
    ...plays([late(200, "first", 900)], { [BODY]: "first", "log.0.attempts": "1" }),
  }),
  exchange("without retry_on there is no second attempt", "main", get("/no-words"), {
    ...plays([late(200, "first", 900)], { [BODY]: "first", "log.0.attempts": "1" }),
  }),
  exchange("the route's time-out ends all attempts", "quiet", get("/timed"), {
    ...plays([SILENT], { [STATUS]: line(504) }),
  }),
  exchange("an attempt without progress is hedged, too", "main", get("/idle"), {
    ...plays([SILENT, reply(200, "second")], { [BODY]: "second" }),
  }),
  exchange(
    "the request's header asks for it",
    "internal",
    get("/unhedged", "x-envoy-hedge-on-per-try-timeout: true"),
    plays([late(200, "first", 900), SILENT], { [BODY]: "first" }),
  ),
  exchange(
    "the request's header asks for none",
    "internal",
    get("/once", "x-envoy-hedge-on-per-try-timeout: false"),
    plays([late(200, "first", 1500), reply(200, "second")], { [BODY]: "second" }),
  ),
  exchange(
    "the request's header says something else",
    "internal",
    get("/once", "x-envoy-hedge-on-per-try-timeout: maybe"),
    plays([late(200, "first", 900), SILENT], { [BODY]: "first" }),
  ),
];

const HOST: Message = anyHost(routes, { include_attempt_count_in_response: true });
const TRUSTING: Message = {
  use_remote_address: true,
  internal_address_config: { cidr_ranges: [{ address_prefix: "127.0.0.0", prefix_len: 8 }] },
};

const QUIET: Message = {
  ...ROUTER,
  typed_config: any("envoy.extensions.filters.http.router.v3.Router", {
    suppress_envoy_headers: true,
  }),
};

export const hedging: DifferentialGroup = {
  name: "hedging",
  bootstrap: bootstrap(
    [
      listener("main", [hcmWithHosts([HOST])]),
      listener("internal", [hcmWithHosts([HOST], TRUSTING)]),
      // How much time is left differs from play to play: the upstream is not told.
      listener("quiet", [hcmWithHosts([HOST], { http_filters: [QUIET] })]),
    ],
    STANDARD_CLUSTERS,
  ),
  cases,
};
