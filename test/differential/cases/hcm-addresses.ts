// Remote address and x-forwarded-*: the vectors of 10.4, internal requests, header cleaning (2.5),
// request ids (10.5).

import { reply } from "../../kit/scripted-upstream.ts";
import {
  any,
  anyHost,
  bootstrap,
  hcmWithHosts,
  listener,
  type Message,
  routeTo,
} from "../bootstrap.ts";
import {
  answers,
  type CaseOptions,
  type DifferentialCase,
  type DifferentialGroup,
  exchange,
  get,
  header,
  noHeader,
} from "../case.ts";

/** PROXY v1 sets the peer address that the vectors of 10.4 need. */
const proxyLine = (peer: string): string => `PROXY TCP4 ${peer} 10.99.99.99 4711 80\r\n`;

const PROXY_PROTOCOL: Message = {
  listener_filters: [
    {
      name: "envoy.filters.listener.proxy_protocol",
      typed_config: any("envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol"),
    },
  ],
};

const TRUST_TEN: Message = {
  internal_address_config: { cidr_ranges: [{ address_prefix: "10.0.0.0", prefix_len: 8 }] },
};

const echoRoute = anyHost([
  {
    ...routeTo({ prefix: "/" }),
    request_headers_to_add: [
      { header: { key: "client", value: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%" } },
      { header: { key: "direct", value: "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%" } },
    ],
  },
]);

const behind = (name: string, fields: Message): Message =>
  listener(name, [hcmWithHosts([echoRoute], fields)], PROXY_PROTOCOL);

/** use_remote, hops, peer, XFF in, client, XFF out, internal when 10/8 is trusted. */
type Vector = readonly [boolean, number, string, string | null, string, string | null, boolean];

const VECTORS: readonly Vector[] = [
  [true, 0, "198.51.100.7", "10.0.0.1", "198.51.100.7", "10.0.0.1,198.51.100.7", false],
  [true, 0, "10.1.1.1", null, "10.1.1.1", "10.1.1.1", true],
  [true, 1, "10.1.1.1", "1.1.1.1, 2.2.2.2", "2.2.2.2", "1.1.1.1, 2.2.2.2,10.1.1.1", false],
  [true, 3, "10.1.1.1", "1.1.1.1", "10.1.1.1", "1.1.1.1,10.1.1.1", false],
  [false, 0, "10.1.1.1", "10.9.9.9", "10.9.9.9", "10.9.9.9", true],
  [false, 0, "10.1.1.1", "1.1.1.1,10.9.9.9", "10.9.9.9", "1.1.1.1,10.9.9.9", false],
  [false, 1, "10.1.1.1", "1.1.1.1,2.2.2.2", "1.1.1.1", "1.1.1.1,2.2.2.2", false],
  [false, 0, "10.1.1.1", "junk", "10.1.1.1", "junk", false],
  // Not in the reference: more of the same rules.
  [false, 0, "10.1.1.1", null, "10.1.1.1", null, false],
  [false, 0, "10.1.1.1", "10.9.9.9 ", "10.9.9.9", "10.9.9.9", true],
  [false, 0, "10.1.1.1", "::1", "::1", "::1", false],
  [false, 0, "10.1.1.1", "10.9.9.9:80", "10.1.1.1", "10.9.9.9:80", false],
  [true, 1, "10.1.1.1", "10.5.5.5", "10.5.5.5", "10.5.5.5,10.1.1.1", false],
  [true, 0, "10.1.1.1", "", "10.1.1.1", "10.1.1.1", false],
];

function vectorCase([remote, hops, peer, xff, client, out, internal]: Vector): DifferentialCase {
  const lines = xff === null ? [] : [`x-forwarded-for: ${xff}`];
  const name = `10.4: use_remote_address ${remote}, hops ${hops}, peer ${peer}, XFF ${xff}`;
  const headers = [
    out === null ? noHeader("x-forwarded-for") : header("x-forwarded-for", out),
    header("client", client),
    internal ? header("x-envoy-internal", "true") : noHeader("x-envoy-internal"),
  ];
  const text = proxyLine(peer) + get("/", ...lines);
  return exchange(name, `xff-${remote}-${hops}`, text, {
    facts: { "upstream.up1.0.headers": headers },
  });
}

const combos = [...new Set(VECTORS.map(([remote, hops]) => `${remote}-${hops}`))];

const xffListeners = combos.map((combo) => {
  const [remote, hops] = combo.split("-");
  return behind(`xff-${combo}`, {
    use_remote_address: remote === "true",
    xff_num_trusted_hops: Number(hops),
    ...TRUST_TEN,
  });
});

const CONTROL = [
  "x-envoy-internal: true",
  "x-envoy-decorator-operation: o",
  "x-envoy-downstream-service-cluster: c",
  "x-envoy-downstream-service-node: n",
  "x-envoy-original-path: /p",
  "x-envoy-original-host: h",
  "x-envoy-retry-on: 5xx",
  "x-envoy-retry-grpc-on: internal",
  "x-envoy-max-retries: 7",
  "x-envoy-upstream-alt-stat-name: alt",
  "x-envoy-upstream-rq-timeout-ms: 5000",
  "x-envoy-upstream-rq-per-try-timeout-ms: 3000",
  "x-envoy-upstream-rq-timeout-alt-response: 1",
  "x-envoy-expected-rq-timeout-ms: 1",
  "x-envoy-force-trace: 1",
  "x-envoy-ip-tags: t",
  "x-envoy-original-url: u",
  "x-envoy-hedge-on-per-try-timeout: false",
  "x-envoy-attempt-count: 9",
  "x-envoy-external-address: 9.9.9.9",
  "x-internal-only: 1",
  "x-envoy-unknown: stays",
];

const internalOnly = { internal_only_headers: ["x-internal-only"] };

const control = (name: string, fields: Message): Message =>
  listener(name, [hcmWithHosts([echoRoute], fields, internalOnly)], PROXY_PROTOCOL);

const edge = (text: string): string => proxyLine("203.0.113.9") + text;
const inside = (text: string): string => proxyLine("10.2.2.2") + text;

const controlCases: readonly DifferentialCase[] = [
  exchange("cleans control headers at the edge", "edge", edge(get("/", ...CONTROL))),
  exchange("cleans control headers of a sidecar", "sidecar", edge(get("/", ...CONTROL))),
  exchange("keeps control headers of internal requests", "edge", inside(get("/", ...CONTROL))),
  exchange("adds the external address at the edge", "edge", edge(get("/")), {
    facts: { "upstream.up1.0.headers": /^x-envoy-external-address: 203\.0\.113\.9$/m },
  }),
  exchange("marks internal requests", "edge", inside(get("/")), {
    facts: { "upstream.up1.0.headers": /^x-envoy-internal: true$/m },
  }),
  exchange("adds user agent and service names", "agent", edge(get("/"))),
  exchange("keeps a user agent", "agent", edge(get("/", "user-agent: mine"))),
  exchange("replaces an empty user agent", "agent", edge(get("/", "user-agent:"))),
  exchange("appends x-forwarded-port", "port", edge(get("/"))),
  exchange(
    "keeps x-forwarded-port of a hop before",
    "port-hop",
    edge(get("/", "x-forwarded-for: 1.1.1.1", "x-forwarded-port: 99", "x-forwarded-proto: https")),
  ),
  exchange(
    "replaces x-forwarded-port without trusted hops",
    "port",
    edge(get("/", "x-forwarded-port: 99", "x-forwarded-proto: https")),
  ),
  exchange(
    "does not append to XFF when told so",
    "skip",
    edge(get("/", "x-forwarded-for: 1.1.1.1")),
  ),
  exchange(
    "takes the local address for a loopback peer",
    "edge",
    proxyLine("127.0.0.3") + get("/"),
  ),
  exchange(
    "removes x-forwarded-proto it cannot believe",
    "edge",
    edge(get("/", "x-forwarded-proto: ftp")),
  ),
  exchange(
    "keeps x-forwarded-proto in a sidecar",
    "sidecar",
    edge(get("/", "x-forwarded-proto: https")),
  ),
  exchange(
    "joins several XFF lines",
    "sidecar",
    edge(get("/", "x-forwarded-for: 1.1.1.1", "x-forwarded-for: 2.2.2.2")),
  ),
  exchange(
    "joins several XFF lines before appending",
    "edge",
    edge(get("/", "x-forwarded-for: 1.1.1.1", "x-forwarded-for: 2.2.2.2")),
  ),
  exchange("rewrites the scheme", "scheme", edge(get("/"))),
  exchange(
    "overwrites x-forwarded-proto with the scheme",
    "scheme",
    edge(get("/", "x-forwarded-proto: http")),
  ),
  exchange(
    "removes XFCC without a client certificate",
    "edge",
    edge(get("/", "x-forwarded-client-cert: By=x")),
  ),
  exchange(
    "keeps XFCC when always forwarding",
    "xfcc",
    edge(get("/", "x-forwarded-client-cert: By=x")),
  ),
  exchange(
    "finds the client in trusted CIDRs",
    "cidrs",
    edge(get("/", "x-forwarded-for: 1.1.1.1, 10.1.1.1, 203.0.113.9")),
  ),
  exchange("reads a custom client header", "custom", edge(get("/", "x-client: 8.8.8.8"))),
  exchange("rejects when a custom client header is absent", "custom", edge(get("/")), {
    facts: { "log.0.details": '"rejecting_because_detection_failed"' },
  }),
  ...["a/b", "/p#frag", "http://u:p@h/x", "http://h/x#f", "http://h/x?q", "not a url"].map(
    (referer) =>
      exchange(`treats referer ${referer}`, "sidecar", edge(get("/", `referer: ${referer}`))),
  ),
  exchange(
    "removes two referers",
    "sidecar",
    edge(get("/", "referer: http://a/", "referer: http://b/")),
  ),
];

const ID = "f47ac10b-58cc-4372-a567-0e02b2c3d479";
const kept: CaseOptions = { keepRequestIds: true };
const id = (value: string): string => `x-request-id: ${value}`;
const given = (value: string): CaseOptions => ({
  ...kept,
  facts: { "upstream.up1.0.headers": header("x-request-id", value) },
});

const requestIdCases: readonly DifferentialCase[] = [
  exchange("generates a request id", "sidecar", edge(get("/")), {
    facts: { "upstream.up1.0.headers": header("x-request-id", "<uuid>") },
  }),
  exchange("generates a request id when it is empty", "sidecar", edge(get("/", "x-request-id:")), {
    facts: { "upstream.up1.0.headers": header("x-request-id", "<uuid>") },
  }),
  exchange("keeps a request id in a sidecar", "sidecar", edge(get("/", id(ID))), given(ID)),
  exchange(
    "keeps a request id that is no UUID",
    "sidecar",
    edge(get("/", id("abc"))),
    given("abc"),
  ),
  exchange("replaces a request id at the edge", "edge", edge(get("/", id("mine"))), {
    facts: { "upstream.up1.0.headers": header("x-request-id", "<uuid>") },
  }),
  exchange("keeps an internal request id at the edge", "edge", inside(get("/", id(ID))), given(ID)),
  exchange(
    "preserves an external request id",
    "preserve",
    edge(get("/", id("mine"))),
    given("mine"),
  ),
  exchange(
    "resets the trace reason of a preserved id",
    "preserve",
    edge(get("/", id(ID.replace("4372", "9372")))),
    given(ID),
  ),
  exchange("returns the request id", "returned", edge(get("/", id(ID))), {
    ...kept,
    facts: { "client.0.response.0.headers": header("x-request-id", ID) },
  }),
  exchange("returns the request id in local replies", "returned", edge(get("/none", id(ID))), kept),
  exchange("returns the id over the upstream's", "returned", edge(get("/", id(ID))), {
    ...kept,
    ...answers(reply(200, "", ["x-request-id: theirs"])),
  }),
  exchange(
    "returns the id for a forced trace",
    "edge",
    inside(get("/", id(ID), "x-envoy-force-trace: 1")),
    kept,
  ),
  exchange("generates no request id when told so", "no-id", edge(get("/"))),
  exchange("keeps a given id when generating none", "no-id", edge(get("/", id(ID))), kept),
  exchange(
    "10.5: samples id 5515 at 55.16 %",
    "sampled",
    edge(get("/", id(ID))),
    given("f47ac10b-58cc-9372-a567-0e02b2c3d479"),
  ),
  exchange(
    "10.5: does not sample id 5515 at 55.15 %",
    "unsampled",
    edge(get("/", id(ID))),
    given(ID),
  ),
  exchange(
    "does not pack the trace reason when told so",
    "unpacked",
    edge(get("/", id(ID))),
    given(ID),
  ),
];

const uuid = (fields: Message): Message => ({
  request_id_extension: {
    typed_config: any("envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig", fields),
  },
});

const detection = (name: string, type: string, fields: Message): Message => ({
  original_ip_detection_extensions: [{ name, typed_config: any(type, fields) }],
});

const useRemote = { use_remote_address: true, ...TRUST_TEN };

export const hcmAddresses: DifferentialGroup = {
  name: "hcm-addresses",
  bootstrap: bootstrap([
    ...xffListeners,
    control("edge", useRemote),
    control("sidecar", {}),
    control("agent", { ...useRemote, add_user_agent: true }),
    control("port", { ...useRemote, append_x_forwarded_port: true }),
    control("port-hop", { ...useRemote, append_x_forwarded_port: true, xff_num_trusted_hops: 1 }),
    control("skip", { ...useRemote, skip_xff_append: true }),
    control("scheme", { scheme_header_transformation: { scheme_to_overwrite: "https" } }),
    control("xfcc", { forward_client_cert_details: "ALWAYS_FORWARD_ONLY" }),
    control(
      "cidrs",
      detection(
        "envoy.http.original_ip_detection.xff",
        "envoy.extensions.http.original_ip_detection.xff.v3.XffConfig",
        {
          xff_trusted_cidrs: {
            cidrs: [
              { address_prefix: "10.0.0.0", prefix_len: 8 },
              { address_prefix: "203.0.113.0", prefix_len: 24 },
            ],
          },
        },
      ),
    ),
    control(
      "custom",
      detection(
        "envoy.http.original_ip_detection.custom_header",
        "envoy.extensions.http.original_ip_detection.custom_header.v3.CustomHeaderConfig",
        { header_name: "x-client", reject_with_status: { code: "Unauthorized" } },
      ),
    ),
    behind("preserve", { ...useRemote, preserve_external_request_id: true }),
    listener(
      "returned",
      [
        hcmWithHosts([anyHost([routeTo({ path: "/" })])], {
          always_set_request_id_in_response: true,
        }),
      ],
      PROXY_PROTOCOL,
    ),
    behind("no-id", { generate_request_id: false }),
    behind("sampled", { tracing: { random_sampling: { value: 55.16 } } }),
    behind("unsampled", { tracing: { random_sampling: { value: 55.15 } } }),
    behind("unpacked", { ...uuid({ pack_trace_reason: false }), tracing: {} }),
  ]),
  cases: [...VECTORS.map(vectorCase), ...controlCases, ...requestIdCases],
};
