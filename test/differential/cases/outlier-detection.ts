// Outlier detection: every case has a cluster of its own, since an ejection outlives its case. The
// first priority is one host, the second another: requests show which of them is out.
import { reply, type UpstreamReply } from "../../kit/scripted-upstream.ts";
import {
  any,
  anyHost,
  bootstrap,
  cluster,
  hcmWithHosts,
  listener,
  type Message,
  routeTo,
  socketAddress,
} from "../bootstrap.ts";
import {
  adminGet,
  adminLines,
  adminPost,
  type CaseOptions,
  connectTo,
  type DifferentialCase,
  type DifferentialGroup,
  finish,
  get,
  pause,
  response,
  type Step,
  send,
  stat,
} from "../case.ts";

const OK: UpstreamReply = reply(200, "up1");
const status = (code: number): UpstreamReply => reply(code, "up1");
const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);

/** A watched cluster; nothing happens by time unless a case says so. */
function watched(name: string, detection: Message, first: string, fields: Message = {}): Message {
  const hosts = [first, "@upstream:up2@"];
  return {
    ...cluster(name, []),
    common_lb_config: { healthy_panic_threshold: { value: 0 }, update_merge_window: "0s" },
    outlier_detection: {
      interval: "3600s",
      max_ejection_percent: 100,
      consecutive_5xx: 3,
      ...detection,
    },
    load_assignment: {
      cluster_name: name,
      endpoints: hosts.map((port, priority) => ({
        priority,
        lb_endpoints: [{ endpoint: { address: socketAddress(port) } }],
      })),
    },
    ...fields,
  };
}

interface Watched {
  readonly name: string;
  readonly cluster: Message;
  readonly route: Message;
  readonly testCase: DifferentialCase;
}

const names = new Set<string>();

interface Plan {
  readonly detection?: Message;
  /** Placeholder of the first host. */
  readonly host?: string;
  readonly cluster?: Message;
  readonly route?: Message;
  readonly replies?: readonly UpstreamReply[];
  readonly requests?: number;
  readonly headers?: readonly string[];
  /** Wait until so many hosts are out, then ask once more. */
  readonly out?: number;
  readonly afterwards?: readonly Step[];
  readonly logs?: number;
  readonly facts?: CaseOptions["facts"];
}

const ask = (path: string, headers: readonly string[] = []): Step[] => [
  send(get(`/${path}`, ...headers)),
  response,
];

/** Everything that Envoy tells of the outliers of a cluster. */
const state = (name: string): Step[] => [
  adminLines("/stats", new RegExp(`^cluster\\.${name}\\.(outlier_detection|membership)`)),
  adminLines("/clusters", new RegExp(`^${name}::.*(outlier|flags|success_rate)`)),
];

function watch(sentence: string, plan: Plan): Watched {
  const name = `c${names.size}`;
  names.add(name);
  const { requests = 3, out = 0, headers = [] } = plan;
  const ejected = stat(`cluster.${name}.outlier_detection.ejections_active`, out);
  const steps = [
    ...times(requests, ask(name, headers)).flat(),
    ...(out > 0 ? [ejected] : []),
    ...(plan.afterwards ?? ask(name, headers)),
    ...state(name),
  ];
  return {
    name,
    cluster: watched(name, plan.detection ?? {}, plan.host ?? "@upstream:up1@", plan.cluster),
    route: routeTo({ path: `/${name}` }, name, plan.route),
    testCase: {
      name: sentence,
      on: "main",
      steps,
      logs: plan.logs ?? requests + 1,
      upstreams: {
        up1: { replies: plan.replies ?? [status(500)] },
        up2: { replies: [reply(200, "up2")] },
      },
      ...(plan.facts === undefined ? {} : { facts: plan.facts }),
    },
  };
}

const served = (index: number, by: string): CaseOptions["facts"] => ({
  [`client.0.response.${index}.body`]: by,
});

const GRPC = ["content-type: application/grpc", "te: trailers"];
const grpcHead = (code: number): UpstreamReply => ({
  send: `HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ngrpc-status: ${code}\r\ncontent-length: 0\r\n\r\n`,
});

const inRow: readonly Watched[] = [
  watch("three 5xx in a row", { out: 1, facts: served(3, "up2") }),
  watch("two 5xx are not enough", { requests: 2, facts: served(2, "up1") }),
  watch("the default is five", {
    detection: { consecutive_5xx: undefined },
    requests: 5,
    out: 1,
    facts: served(5, "up2"),
  }),
  watch("a success ends the row", {
    replies: [status(500), status(500), OK, status(500)],
    requests: 4,
    facts: served(4, "up1"),
  }),
  watch("4xx are successes", {
    replies: [status(500), status(500), status(404), status(429), status(500)],
    requests: 5,
    facts: served(5, "up1"),
  }),
  watch("statuses up to 599 count", {
    replies: [status(505), status(511), status(599)],
    out: 1,
    facts: served(3, "up2"),
  }),
  watch("enforcing_consecutive_5xx 0 only detects", {
    detection: { enforcing_consecutive_5xx: 0 },
    requests: 7,
    facts: served(7, "up1"),
  }),
  watch("max_ejection_percent of two hosts", {
    detection: { max_ejection_percent: 49 },
    requests: 6,
    facts: served(6, "up1"),
  }),
  watch("half of two hosts", {
    detection: { max_ejection_percent: 50 },
    out: 1,
    facts: served(3, "up2"),
  }),
  watch("max_ejection_percent is 10 by default", {
    detection: { max_ejection_percent: undefined },
    facts: served(3, "up1"),
  }),
  watch("always_eject_one_host", {
    detection: { max_ejection_percent: 0, always_eject_one_host: true },
    out: 1,
    facts: served(3, "up2"),
  }),
  watch("gateway failures are only detected", {
    detection: { consecutive_5xx: 100, consecutive_gateway_failure: 3 },
    replies: [status(502), status(503), status(504)],
    facts: served(3, "up1"),
  }),
  watch("gateway failures enforced", {
    detection: {
      consecutive_5xx: 100,
      consecutive_gateway_failure: 3,
      enforcing_consecutive_gateway_failure: 100,
    },
    replies: [status(502), status(503), status(504)],
    out: 1,
    facts: served(3, "up2"),
  }),
  watch("another 5xx ends a row of gateway failures", {
    detection: {
      consecutive_5xx: 100,
      consecutive_gateway_failure: 3,
      enforcing_consecutive_gateway_failure: 100,
    },
    replies: [status(503), status(503), status(500), status(503)],
    requests: 4,
    facts: served(4, "up1"),
  }),
  watch("gateway failures come before 5xx", {
    detection: { consecutive_gateway_failure: 3, enforcing_consecutive_gateway_failure: 100 },
    replies: [status(503)],
    out: 1,
    facts: served(3, "up2"),
  }),
  watch("an ejection that is not enforced leaves the other detector its turn", {
    detection: { consecutive_gateway_failure: 3 },
    replies: [status(503)],
    out: 1,
    facts: served(3, "up2"),
  }),
  watch("gRPC: a status in the head counts", {
    headers: GRPC,
    replies: [grpcHead(14), grpcHead(13), grpcHead(2)],
    out: 1,
  }),
  watch("gRPC: what blames the client is a success", {
    headers: GRPC,
    replies: [grpcHead(14), grpcHead(14), grpcHead(5), grpcHead(8), grpcHead(99)],
    requests: 5,
  }),
  watch("a gRPC status counts only for gRPC requests", { replies: [grpcHead(14)] }),
];

const local: readonly Watched[] = [
  watch("a refused connection is a 503", {
    host: "@refused:none@",
    out: 1,
    facts: served(3, "up2"),
  }),
  watch("an upstream that closes without an answer is a 503", {
    replies: [{ after: "close" }],
    out: 1,
    facts: served(3, "up2"),
  }),
  watch("an upstream that talks nonsense is a 503", {
    replies: [{ send: "NONSENSE\r\n\r\n", after: "close" }],
    out: 1,
    facts: served(3, "up2"),
  }),
  watch("a time-out is a 504", {
    detection: {
      consecutive_5xx: 100,
      consecutive_gateway_failure: 2,
      enforcing_consecutive_gateway_failure: 100,
    },
    route: { timeout: "0.1s" },
    replies: [{}],
    requests: 2,
    out: 1,
    facts: served(2, "up2"),
  }),
  watch("a full circuit breaker is not the fault of the host", {
    cluster: { circuit_breakers: { thresholds: [{ max_requests: 0 }] } },
    requests: 4,
  }),
  watch("split: a refused connection", {
    detection: { split_external_local_origin_errors: true, consecutive_local_origin_failure: 3 },
    host: "@refused:none@",
    out: 1,
    facts: served(3, "up2"),
  }),
  watch("split: only detected", {
    detection: {
      split_external_local_origin_errors: true,
      consecutive_local_origin_failure: 2,
      enforcing_consecutive_local_origin_failure: 0,
    },
    host: "@refused:none@",
    // Envoy starts its row anew when the main thread gets to it, not at once: no second row here.
    requests: 2,
  }),
  watch("split: a connection ends the row", {
    detection: { split_external_local_origin_errors: true, consecutive_local_origin_failure: 2 },
    replies: [{ after: "close" }, { ...OK, after: "close" }, { after: "close" }],
    requests: 3,
  }),
  watch("split: answers count apart", {
    detection: { split_external_local_origin_errors: true, consecutive_local_origin_failure: 1 },
    out: 1,
    facts: served(3, "up2"),
  }),
  watch("split: a refused connection is no 5xx", {
    detection: {
      split_external_local_origin_errors: true,
      consecutive_local_origin_failure: 100,
      consecutive_5xx: 1,
    },
    host: "@refused:none@",
  }),
  watch("split: a time-out", {
    detection: { split_external_local_origin_errors: true, consecutive_local_origin_failure: 1 },
    route: { timeout: "0.1s" },
    replies: [{}],
    requests: 1,
    out: 1,
    facts: served(1, "up2"),
  }),
];

const panicking = (threshold: number): Message => ({
  common_lb_config: {
    healthy_panic_threshold: { value: threshold },
    update_merge_window: "0s",
  },
});

const alone = (name: string): Message => ({
  load_assignment: {
    cluster_name: name,
    endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress("@upstream:up1@") } }] }],
  },
});

const all: readonly Watched[] = [
  watch("the only host is ejected: panic uses it", {
    cluster: { ...alone(`c${names.size}`), ...panicking(50) },
    replies: [status(500), status(500), status(500), OK],
    out: 1,
    facts: served(3, "up1"),
  }),
  watch("the only host is ejected, without panic", {
    cluster: { ...alone(`c${names.size}`), ...panicking(0) },
    out: 1,
    facts: { "client.0.response.3.body": "no healthy upstream" },
  }),
];

/** Ejected hosts come back at an interval. */
const BRIEF: Message = { interval: "0.5s", base_ejection_time: "0.001s" };

function returning(name: string, ejections: number): Step[] {
  const stats = `cluster.${name}`;
  const failures = (): Step[] => [
    ...times(3, ask(name)).flat(),
    stat(`${stats}.outlier_detection.ejections_enforced_total`, 0),
  ];
  return times(ejections, 0).flatMap((_, index) => [
    ...failures().slice(0, -1),
    stat(`${stats}.outlier_detection.ejections_enforced_total`, index + 1),
    stat(`${stats}.outlier_detection.ejections_active`, 0),
    stat(`${stats}.membership_healthy`, 2),
  ]);
}

const back: readonly Watched[] = [
  watch("an ejected host comes back", {
    detection: BRIEF,
    requests: 0,
    replies: [status(500), status(500), status(500), OK],
    afterwards: [...returning(`c${names.size}`, 1), ...ask(`c${names.size}`)],
    logs: 4,
    facts: served(3, "up1"),
  }),
  watch("it may be ejected again", {
    detection: BRIEF,
    requests: 0,
    afterwards: returning(`c${names.size}`, 2),
    logs: 6,
  }),
];

const tried: readonly Watched[] = [
  watch("each retry counts", {
    route: { timeout: "0s", retry_policy: { retry_on: "5xx", num_retries: 2 } },
    requests: 1,
    out: 1,
    facts: served(1, "up2"),
  }),
];

const cases = [...inRow, ...local, ...all, ...back, ...tried];

/** Routes choose the host; the third one, ejected and back again, tells when an interval begins. */
function compared(name: string, detection: Message, first = "@upstream:up1@"): Message {
  const hosts = [first, "@upstream:up2@", "@upstream:up3@"];
  return {
    ...watched(
      name,
      {
        interval: "3s",
        base_ejection_time: "0.001s",
        consecutive_5xx: 1000,
        consecutive_gateway_failure: 1,
        enforcing_consecutive_gateway_failure: 100,
        success_rate_minimum_hosts: 2,
        success_rate_request_volume: 4,
        success_rate_stdev_factor: 500,
        ...detection,
      },
      "@upstream:up1@",
    ),
    lb_subset_config: { subset_selectors: [{ keys: ["host"] }] },
    load_assignment: {
      cluster_name: name,
      endpoints: [
        {
          lb_endpoints: hosts.map((port, index) => ({
            endpoint: { address: socketAddress(port) },
            metadata: { filter_metadata: { "envoy.lb": { host: `up${index + 1}` } } },
          })),
        },
      ],
    },
  };
}

const toHost = (name: string, host: string): Message =>
  routeTo({ path: `/${name}/${host}` }, name, {
    metadata_match: { filter_metadata: { "envoy.lb": { host } } },
  });

function compareCase(sentence: string, name: string, detected: string): DifferentialCase {
  const stats = `cluster.${name}.outlier_detection`;
  return {
    name: sentence,
    on: "main",
    steps: [
      ...ask(`${name}/up3`),
      stat(`${stats}.ejections_enforced_total`, 1),
      stat(`${stats}.ejections_active`, 0),
      ...times(4, [...ask(`${name}/up1`), ...ask(`${name}/up2`)]).flat(),
      stat(`${stats}.${detected}`, 1),
      ...state(name),
    ],
    logs: 9,
    upstreams: {
      up1: { replies: [status(500)] },
      up2: { replies: [OK] },
      up3: { replies: [status(503)] },
    },
  };
}

const RATES: readonly { name: string; cluster: Message; testCase: DifferentialCase }[] = [
  {
    name: "rates",
    cluster: compared("rates", {}),
    testCase: compareCase(
      "the success rate of one host is below the others'",
      "rates",
      "ejections_detected_success_rate",
    ),
  },
  {
    name: "percentage",
    cluster: compared("percentage", {
      success_rate_minimum_hosts: 100,
      failure_percentage_minimum_hosts: 2,
      failure_percentage_request_volume: 4,
      enforcing_failure_percentage: 100,
    }),
    testCase: compareCase(
      "the failure percentage of one host",
      "percentage",
      "ejections_enforced_failure_percentage",
    ),
  },
  {
    name: "local",
    cluster: compared(
      "local",
      {
        split_external_local_origin_errors: true,
        consecutive_local_origin_failure: 1000,
        success_rate_minimum_hosts: 100,
        failure_percentage_minimum_hosts: 2,
        failure_percentage_request_volume: 4,
        enforcing_failure_percentage_local_origin: 100,
      },
      "@refused:none@",
    ),
    testCase: compareCase(
      "the failure percentage of connections to one host",
      "local",
      "ejections_enforced_local_origin_failure_percentage",
    ),
  },
  {
    name: "local_rates",
    cluster: compared(
      "local_rates",
      { split_external_local_origin_errors: true, consecutive_local_origin_failure: 1000 },
      "@refused:none@",
    ),
    testCase: compareCase(
      "the success rate of connections to one host",
      "local_rates",
      "ejections_enforced_local_origin_success_rate",
    ),
  },
  {
    name: "twice",
    cluster: compared("twice", {
      failure_percentage_minimum_hosts: 2,
      failure_percentage_request_volume: 4,
      enforcing_failure_percentage: 100,
    }),
    testCase: compareCase(
      "two detectors find one host in one interval",
      "twice",
      "ejections_detected_failure_percentage",
    ),
  },
];

const JSON_PAGE: DifferentialCase = {
  name: "the rates and flags on /clusters?format=json",
  on: "main",
  steps: [adminGet("/clusters?format=json")],
  logs: 0,
};

const EVENT_LOG: Message = {
  cluster_manager: { outlier_detection: { event_log_path: "@file:events.json@" } },
};

export const outliers: DifferentialGroup = {
  name: "outlier-detection",
  bootstrap: bootstrap(
    [listener("main", [hcmWithHosts([anyHost(cases.map(({ route }) => route))])])],
    cases.map((one) => one.cluster),
    EVENT_LOG,
  ),
  cases: cases.map(({ testCase }) => testCase).concat(JSON_PAGE),
};

/** Each alone: what another cluster does at its interval would stand between the events. */
export const outlierRates: readonly DifferentialGroup[] = RATES.map(
  ({ name, cluster, testCase }) => ({
    name: `outlier-${name}`,
    bootstrap: bootstrap(
      [
        listener("main", [
          hcmWithHosts([anyHost(["up1", "up2", "up3"].map((host) => toHost(name, host)))]),
        ]),
      ],
      [cluster],
      EVENT_LOG,
    ),
    cases: [testCase, { ...JSON_PAGE, name: `${JSON_PAGE.name} with ${name}` }],
    ordered: true,
  }),
);

const TCP: readonly { name: string; detection: Message; out: boolean; host?: string }[] = [
  { name: "refused", detection: {}, out: true, host: "@refused:none@" },
  {
    name: "split",
    detection: { split_external_local_origin_errors: true, consecutive_local_origin_failure: 3 },
    out: true,
    host: "@refused:none@",
  },
  { name: "connected", detection: { consecutive_5xx: 1 }, out: false },
];

const tcpProxy = (to: string): Message => ({
  name: "envoy.filters.network.tcp_proxy",
  typed_config: any("envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", {
    stat_prefix: to,
    cluster: to,
  }),
});

function tcpCase({ name, out }: (typeof TCP)[number]): DifferentialCase {
  const failing: Step[] = times(3, 0).flatMap((_, index): Step[] => [
    ...(index === 0 ? [] : [connectTo(name)]),
    { do: "closed" },
  ]);
  const working: Step[] = [send("hello"), { do: "until", text: "hello" }, finish, { do: "closed" }];
  return {
    name: `tcp_proxy: ${name}`,
    on: name,
    steps: out
      ? [
          ...failing,
          stat(`cluster.${name}.outlier_detection.ejections_active`, 1),
          connectTo(name),
          ...working,
          ...state(name),
        ]
      : [...working, ...state(name)],
    logs: 0,
    upstreams: { up1: { tcp: "echo" }, up2: { tcp: "echo" } },
  };
}

export const tcpOutliers: DifferentialGroup = {
  name: "outlier-tcp",
  bootstrap: bootstrap(
    TCP.map(({ name }) => listener(name, [tcpProxy(name)])),
    TCP.map(({ name, detection, host }) => watched(name, detection, host ?? "@upstream:up1@")),
  ),
  cases: TCP.map(tcpCase),
};

const RUNTIME = [
  "consecutive_5xx",
  "max_ejection_percent",
  "enforcing_consecutive_5xx",
  "consecutive_gateway_failure",
  "enforcing_consecutive_gateway_failure",
] as const;

/** Values that hold for one request row, then none. */
function overridden(
  name: string,
  values: Partial<Record<(typeof RUNTIME)[number], number>>,
  requests: number,
  out: number,
): DifferentialCase {
  const query = Object.entries(values).map(([key, value]) => `outlier_detection.${key}=${value}`);
  const undo = Object.keys(values).map((key) => `outlier_detection.${key}=`);
  return {
    name: `runtime: ${query.join(" ")}`,
    on: "main",
    steps: [
      adminPost(`/runtime_modify?${query.join("&")}`),
      // Workers learn of new values a moment later.
      pause(300),
      ...times(requests, ask(name)).flat(),
      ...(out > 0 ? [stat(`cluster.${name}.outlier_detection.ejections_active`, out)] : []),
      ...ask(name),
      ...state(name),
      adminPost(`/runtime_modify?${undo.join("&")}`),
    ],
    logs: requests + 1,
    upstreams: {
      up1: { replies: [reply(503, "up1")] },
      up2: { replies: [reply(200, "up2")] },
    },
  };
}

const runtimeCases: readonly DifferentialCase[] = [
  overridden("r0", { consecutive_5xx: 1 }, 1, 1),
  overridden("r1", { max_ejection_percent: 49 }, 3, 0),
  overridden("r2", { enforcing_consecutive_5xx: 0 }, 3, 0),
  overridden(
    "r3",
    {
      consecutive_5xx: 100,
      consecutive_gateway_failure: 1,
      enforcing_consecutive_gateway_failure: 100,
    },
    1,
    1,
  ),
];

export const runtimeOutliers: DifferentialGroup = {
  name: "outlier-runtime",
  bootstrap: bootstrap(
    [
      listener("main", [
        hcmWithHosts([
          anyHost(["r0", "r1", "r2", "r3"].map((name) => routeTo({ path: `/${name}` }, name))),
        ]),
      ]),
    ],
    ["r0", "r1", "r2", "r3"].map((name) => watched(name, {}, "@upstream:up1@")),
    { layered_runtime: { layers: [{ name: "admin", admin_layer: {} }] } },
  ),
  cases: runtimeCases,
};
