// Active health checks: what upstreams receive, what results mean, who gets traffic, what is
// counted and logged. Scripts end with an answer that never comes, so that the number of checks is
// known; `stat` waits for the check that stays open.
import { reply, type UpstreamReply, type UpstreamScript } from "../../kit/scripted-upstream.ts";
import {
  any,
  anyHost,
  bootstrap,
  hcm,
  listener,
  type Message,
  ROUTER,
  routeTo,
  socketAddress,
} from "../bootstrap.ts";
import {
  adminLines,
  type DifferentialCase,
  type DifferentialGroup,
  fileLines,
  get,
  pageLines,
  publish,
  response,
  type Step,
  send,
  stat,
} from "../case.ts";

const HANG: UpstreamReply = {};
const RESET: UpstreamReply = { after: "reset" };
const OK = reply(200, "ok");
const NEVER = "3600s";
const SOON = "0.02s";

/** One cluster under checks, and the case about it. */
interface Subject {
  readonly name: string;
  /** A fact. */
  readonly fact: string;
  readonly check?: Message;
  readonly http?: Message;
  readonly tcp?: Message;
  /** Answers of its upstream, in order; the last repeats. */
  readonly replies?: readonly UpstreamReply[];
  /** Answers to ordinary requests; default 200 with its name. */
  readonly traffic?: readonly UpstreamReply[];
  readonly script?: UpstreamScript;
  /** Endpoints; default: its own upstream. */
  readonly endpoints?: readonly Message[];
  readonly cluster?: Message;
  /** Waits for these stats, named below `cluster.<name>.health_check.`. */
  readonly until?: Readonly<Record<string, number>>;
  /** Lines of the event log. */
  readonly events?: number;
  /** Requests through the cluster after that. */
  readonly requests?: number;
  readonly facts?: DifferentialCase["facts"];
  readonly note?: string;
  /** Steps between two requests. */
  readonly between?: readonly Step[];
  /** Steps after the requests. */
  readonly afterwards?: readonly Step[];
}

function endpoint(upstream: string, more: Message = {}, lb: Message = {}): Message {
  return { endpoint: { address: socketAddress(`@upstream:${upstream}@`), ...more }, ...lb };
}

function clusterOf(subject: Subject): Message {
  const { name, check, http, tcp, events } = subject;
  return {
    name,
    type: "STATIC",
    connect_timeout: "2s",
    common_lb_config: { healthy_panic_threshold: { value: 0 } },
    health_checks: [
      {
        timeout: NEVER,
        interval: SOON,
        no_traffic_interval: SOON,
        unhealthy_threshold: 3,
        healthy_threshold: 2,
        ...(tcp === undefined
          ? { http_health_check: { path: "/hc", ...http } }
          : { tcp_health_check: tcp }),
        ...(events === undefined ? {} : { event_log_path: `@file:${name}.events@` }),
        ...check,
      },
    ],
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: subject.endpoints ?? [endpoint(name)] }],
    },
    ...subject.cluster,
  };
}

const COMPARED = "health_check|membership|lb_healthy_panic|upstream_(cx|rq)_total|upstream_cx_none";

function caseOf(subject: Subject): DifferentialCase {
  const { name, until = {}, events, requests = 1, facts, note } = subject;
  const waits = Object.entries(until).map(([key, value]) =>
    stat(`cluster.${name}.health_check.${key}`, value),
  );
  const asked: Step[] = Array.from({ length: requests }, (_, index) => [
    ...(index === 0 ? [] : (subject.between ?? [])),
    send(get(`/${name}`)),
    response,
  ]).flat();
  return {
    name: `${name}: ${subject.fact}`,
    on: "main",
    logs: requests,
    counters: false,
    standing: [name],
    steps: [
      ...waits,
      ...asked,
      ...(subject.afterwards ?? []),
      ...(events === undefined ? [] : [fileLines(`${name}.events`, events)]),
      adminLines(`/stats?filter=^cluster.${name}.`, new RegExp(COMPARED)),
      pageLines("/clusters", new RegExp(`^${name}::[^:]*:\\d+::(health_flags|cx_total|rq_total)`)),
    ],
    ...(facts === undefined ? {} : { facts }),
    ...(note === undefined ? {} : { note }),
  };
}

/** The answer to a request when the only host is healthy, or not. */
const SERVED = { "client.0.response.0.start": /200/ };
const UNSERVED = { "client.0.response.0.start": /503/ };
const flags = (name: string, wanted: RegExp): DifferentialCase["facts"] => ({
  [`admin /clusters ^${name}::[^:]*:\\d+::(health_flags|cx_total|rq_total)`]: wanted,
});

const HEX = (text: string): string => Buffer.from(text, "latin1").toString("hex");

const WIRE: readonly Subject[] = [
  {
    name: "plain",
    fact: "a check is a GET with the name of the cluster, and the first success admits",
    replies: [OK, OK, HANG],
    until: { attempt: 3 },
    events: 1,
    facts: { ...SERVED, "upstream.plain.0.start": "GET /hc HTTP/1.1" },
  },
  {
    name: "dressed",
    fact: "host, method and headers are configured",
    http: {
      host: "h.example",
      method: "HEAD",
      request_headers_to_add: [
        { header: { key: "x-one", value: "1" } },
        { header: { key: "x-one", value: "2" } },
        {
          header: { key: "user-agent", value: "mine" },
          append_action: "OVERWRITE_IF_EXISTS_OR_ADD",
        },
        { header: { key: "x-format", value: "%UPSTREAM_HOST%|%PROTOCOL%|%UPSTREAM_CLUSTER%" } },
        { header: { key: "x-local", value: "%DOWNSTREAM_LOCAL_ADDRESS%|%REQ(:PATH)%" } },
      ],
    },
    replies: [{ send: "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n" }, HANG],
    until: { attempt: 2 },
  },
  {
    name: "posting",
    fact: "a check may carry a body",
    http: {
      method: "POST",
      send: { text: HEX("are you well?") },
      request_headers_to_add: [{ header: { key: "x-a", value: "b" } }],
    },
    replies: [OK, HANG],
    until: { attempt: 2 },
    facts: { ...SERVED, "upstream.posting.0.body": "are you well?" },
  },
  {
    name: "putting",
    fact: "a method that may have a body, but has none",
    http: { method: "PUT" },
    replies: [OK, HANG],
    until: { attempt: 2 },
    facts: SERVED,
  },
  {
    name: "bare",
    fact: "headers can be removed",
    http: { request_headers_to_remove: ["user-agent"] },
    replies: [OK, HANG],
    until: { attempt: 2 },
  },
  {
    name: "hostname",
    fact: "the host name of the endpoint's check wins over that of the check",
    http: { host: "h.example" },
    endpoints: [endpoint("hostname", { health_check_config: { hostname: "e.example" } })],
    replies: [OK, HANG],
    until: { attempt: 2 },
  },
  {
    name: "port",
    fact: "health_check_config.port_value is where the check goes, traffic goes to the address",
    endpoints: [endpoint("up1", { health_check_config: { port_value: "@upstream:port@" } })],
    replies: [OK, HANG],
    until: { attempt: 2 },
    facts: SERVED,
  },
  {
    name: "address",
    fact: "health_check_config.address is where the check goes",
    endpoints: [
      endpoint("up1", {
        health_check_config: { address: socketAddress("@upstream:address@", "127.0.0.1") },
      }),
    ],
    replies: [OK, HANG],
    until: { attempt: 2 },
    facts: SERVED,
  },
  {
    name: "altport",
    fact: "alt_port changes nothing",
    check: { alt_port: 1 },
    replies: [OK, HANG],
    until: { attempt: 2 },
  },
  {
    name: "single",
    fact: "without reuse_connection each check has a connection of its own",
    check: { reuse_connection: false },
    replies: [OK, OK, HANG],
    until: { attempt: 3 },
    facts: { "upstream.single.1.connection": "1", "upstream.single.2.connection": "2" },
  },
  {
    name: "closing",
    fact: "connection: close ends the connection, not the health",
    replies: [reply(200, "ok", ["connection: close"]), OK, HANG],
    until: { attempt: 3 },
    facts: { ...SERVED, "upstream.closing.1.connection": "1" },
  },
  {
    name: "disabled",
    fact: "an endpoint that is not checked counts as healthy",
    endpoints: [endpoint("up1", { health_check_config: { disable_active_health_check: true } })],
    facts: { ...SERVED, ...flags("disabled", /health_flags::healthy/) },
  },
];

const RESULTS: readonly Subject[] = [
  {
    name: "refusing",
    fact: "a first bad status leaves the host failed",
    replies: [reply(500), HANG],
    until: { attempt: 2 },
    events: 1,
    facts: { ...UNSERVED, ...flags("refusing", /failed_active_hc/) },
  },
  {
    name: "fails",
    fact: "one bad status fails a healthy host, whatever the threshold",
    replies: [OK, reply(500), HANG],
    until: { attempt: 3 },
    events: 2,
    facts: { ...UNSERVED, "fails.events.1": /eject_unhealthy_event":\{"failure_type":"ACTIVE"\}/ },
  },
  {
    name: "twice",
    fact: "two of three network failures are tolerated",
    replies: [OK, RESET, RESET, HANG],
    until: { attempt: 4 },
    events: 1,
    facts: SERVED,
  },
  {
    name: "thrice",
    fact: "the third network failure fails the host",
    replies: [OK, RESET, RESET, RESET, HANG],
    until: { attempt: 5 },
    events: 2,
    facts: UNSERVED,
  },
  {
    name: "reprieve",
    fact: "a success between network failures starts the count anew",
    replies: [OK, RESET, RESET, OK, RESET, RESET, HANG],
    until: { attempt: 7 },
    facts: SERVED,
  },
  {
    name: "retriable",
    fact: "retriable statuses count like network failures",
    http: { retriable_statuses: [{ start: 500, end: 501 }] },
    replies: [OK, reply(500), reply(500), reply(500), HANG],
    until: { attempt: 5 },
    events: 2,
    facts: UNSERVED,
  },
  {
    name: "oneretry",
    fact: "one retriable status is tolerated",
    http: { retriable_statuses: [{ start: 500, end: 501 }] },
    replies: [OK, reply(500), HANG],
    until: { attempt: 3 },
    facts: SERVED,
  },
  {
    name: "recovery",
    fact: "after a first failure healthy_threshold successes are needed",
    replies: [reply(503), OK, HANG],
    until: { attempt: 3 },
    facts: UNSERVED,
  },
  {
    name: "recovered",
    fact: "and are enough",
    replies: [reply(503), OK, OK, HANG],
    until: { attempt: 4 },
    events: 2,
    facts: SERVED,
  },
  {
    name: "chatty",
    fact: "every result is logged when asked to",
    check: { always_log_health_check_failures: true, always_log_health_check_success: true },
    replies: [OK, OK, reply(500), OK, OK, HANG],
    until: { attempt: 6 },
    events: 6,
  },
  {
    name: "expected",
    fact: "expected statuses replace 200",
    http: {
      expected_statuses: [
        { start: 204, end: 206 },
        { start: 301, end: 302 },
      ],
    },
    replies: [reply(301), { send: "HTTP/1.1 204 X\r\n\r\n" }, reply(205), HANG],
    until: { attempt: 4 },
    facts: SERVED,
  },
  {
    name: "unexpected",
    fact: "200 is bad when others are expected",
    http: { expected_statuses: [{ start: 204, end: 206 }] },
    replies: [OK, HANG],
    until: { attempt: 2 },
    facts: UNSERVED,
  },
  {
    name: "body",
    fact: "payloads are found in order, with anything between",
    http: { receive: [{ text: HEX("all") }, { text: HEX("well") }] },
    replies: [reply(200, "is all really well?"), HANG],
    until: { attempt: 2 },
    facts: SERVED,
  },
  {
    name: "wrongbody",
    fact: "a body without them is a bad answer",
    http: { receive: [{ text: HEX("well") }, { text: HEX("all") }] },
    replies: [reply(200, "is all really well?"), HANG],
    until: { attempt: 2 },
    facts: UNSERVED,
  },
  {
    name: "farbody",
    fact: "what stands beyond the buffer is not seen",
    http: { receive: [{ text: HEX("well") }], response_buffer_size: 8 },
    replies: [reply(200, "12345678well"), HANG],
    until: { attempt: 2 },
    facts: UNSERVED,
  },
  {
    name: "edgebody",
    fact: "what stands just within it is",
    http: { receive: [{ text: HEX("well") }], response_buffer_size: 12 },
    replies: [reply(200, "12345678well!!!"), HANG],
    until: { attempt: 2 },
    facts: SERVED,
  },
  {
    name: "service",
    fact: "the name of the service is compared",
    http: { service_name_matcher: { prefix: "web" } },
    replies: [
      reply(200, "", ["x-envoy-upstream-healthchecked-cluster: web-1"]),
      reply(200, "", ["x-envoy-upstream-healthchecked-cluster: db"]),
      HANG,
    ],
    until: { attempt: 3 },
    facts: UNSERVED,
  },
  {
    name: "degraded",
    fact: "x-envoy-degraded makes a host degraded, which still serves alone",
    replies: [reply(200, "", ["x-envoy-degraded: true"]), HANG],
    until: { attempt: 2 },
    events: 2,
    facts: { ...SERVED, ...flags("degraded", /degraded_active_hc/) },
  },
  {
    name: "restored",
    fact: "a plain success takes that back",
    replies: [reply(200, "", ["x-envoy-degraded: true"]), OK, HANG],
    until: { attempt: 3 },
    events: 3,
    facts: SERVED,
  },
  {
    name: "excluded",
    fact: "x-envoy-immediate-health-check-fail on a bad answer excludes the host",
    replies: [OK, reply(503, "", ["x-envoy-immediate-health-check-fail: true"]), HANG],
    until: { attempt: 3 },
    facts: { ...UNSERVED, ...flags("excluded", /excluded_via_immediate_hc_fail/) },
  },
  {
    name: "notexcluded",
    fact: "on a good answer it says nothing",
    replies: [reply(200, "", ["x-envoy-immediate-health-check-fail: true"]), HANG],
    until: { attempt: 2 },
    facts: { ...SERVED, ...flags("notexcluded", /health_flags::healthy/) },
  },
  {
    name: "readmitted",
    fact: "enough successes end the exclusion",
    replies: [OK, reply(503, "", ["x-envoy-immediate-health-check-fail: true"]), OK, OK, HANG],
    until: { attempt: 5 },
    facts: { ...SERVED, ...flags("readmitted", /health_flags::healthy/) },
  },
  {
    name: "timeout",
    fact: "a check that is not answered in time marks the failed host",
    check: { timeout: "0.1s", no_traffic_interval: NEVER },
    replies: [HANG],
    until: { network_failure: 1 },
    events: 1,
    facts: { ...UNSERVED, ...flags("timeout", /failed_active_hc\/active_hc_timeout/) },
  },
  {
    name: "garbage",
    fact: "what is not HTTP is a network failure",
    check: { no_traffic_interval: NEVER },
    replies: [{ send: "SSH-2.0-OpenSSH_9.0\r\n" }],
    until: { network_failure: 1 },
    facts: UNSERVED,
  },
  {
    name: "cut",
    fact: "a response that is cut short is a network failure",
    check: { no_traffic_interval: NEVER },
    replies: [{ send: "HTTP/1.1 200 X\r\ncontent-length: 9\r\n\r\nshort", after: "close" }],
    until: { network_failure: 1 },
    facts: UNSERVED,
  },
  {
    name: "early",
    fact: "an informational head says nothing",
    replies: [{ send: "HTTP/1.1 103 X\r\n\r\nHTTP/1.1 200 X\r\ncontent-length: 0\r\n\r\n" }, HANG],
    until: { attempt: 2 },
    facts: SERVED,
  },
  {
    name: "untilclose",
    fact: "a response may end with its connection",
    replies: [{ send: "HTTP/1.1 200 X\r\n\r\nok", after: "close" }, HANG],
    until: { attempt: 2 },
    facts: SERVED,
  },
  {
    name: "old",
    fact: "HTTP/1.0 closes after each answer",
    replies: [{ send: "HTTP/1.0 200 X\r\ncontent-length: 0\r\n\r\n" }, OK, HANG],
    until: { attempt: 3 },
    facts: { ...SERVED, "upstream.old.1.connection": "1" },
  },
];

const TCP: readonly Subject[] = [
  {
    name: "tcpconnect",
    fact: "a TCP check without payloads only connects",
    tcp: { send: { text: HEX("unsent") } },
    check: { no_traffic_interval: NEVER },
    script: { tcp: "sink" },
    until: { success: 1 },
    requests: 0,
    events: 1,
    facts: { ...flags("tcpconnect", /health_flags::healthy/) },
  },
  {
    name: "tcprefused",
    fact: "a refused connection is a network failure",
    tcp: {},
    check: { no_traffic_interval: NEVER },
    endpoints: [{ endpoint: { address: socketAddress("@refused:refused@") } }],
    until: { network_failure: 1 },
    events: 1,
    facts: UNSERVED,
  },
  {
    name: "tcpecho",
    fact: "bytes are sent, and expected in order",
    tcp: { send: { text: HEX("ping pong") }, receive: [{ text: HEX("in") }, { text: HEX("on") }] },
    check: { no_traffic_interval: NEVER },
    script: { tcp: "echo" },
    until: { success: 1 },
    requests: 0,
    facts: { "upstream.tcpecho.bytes.0": "ping pong" },
  },
  {
    name: "tcpwrong",
    fact: "other bytes are waited out",
    tcp: { send: { text: HEX("ping") }, receive: [{ text: HEX("pong") }] },
    check: { timeout: "0.1s", no_traffic_interval: NEVER },
    script: { tcp: "echo" },
    until: { network_failure: 1 },
    facts: { ...UNSERVED, ...flags("tcpwrong", /failed_active_hc\/active_hc_timeout/) },
  },
  {
    name: "tcpgreets",
    fact: "a host may speak first",
    tcp: { receive: [{ text: HEX("220 ") }] },
    check: { no_traffic_interval: NEVER },
    script: { onConnect: { send: "220 ready\r\n" }, tcp: "sink" },
    until: { success: 1 },
    requests: 0,
    facts: { ...flags("tcpgreets", /health_flags::healthy/) },
  },
  {
    name: "tcpbinary",
    fact: "bytes may be written in base64",
    tcp: { send: { binary: "cGluZw==" }, receive: [{ binary: "cG9uZw==" }] },
    check: { no_traffic_interval: NEVER },
    script: { onConnect: { send: "pong" }, tcp: "sink" },
    until: { success: 1 },
    requests: 0,
    note: "Envoy finds expected bytes in base64, but sends none that are written so",
  },
  {
    name: "tcpcloses",
    fact: "a host that closes instead of answering fails",
    tcp: { send: { text: HEX("ping") }, receive: [{ text: HEX("pong") }] },
    check: { no_traffic_interval: NEVER },
    script: { onConnect: { after: "close" } },
    until: { network_failure: 1 },
    facts: UNSERVED,
  },
  {
    name: "tcpleaves",
    fact: "so does one that closes between checks",
    tcp: { receive: [{ text: HEX("hi") }] },
    check: { no_traffic_interval: NEVER, unhealthy_threshold: 1 },
    script: { onConnect: { send: ["hi", ""], pieceMs: 100, after: "close" } },
    until: { network_failure: 1 },
    events: 2,
    facts: UNSERVED,
  },
];

const pair = (good: string, bad: string): readonly Message[] => [endpoint(good), endpoint(bad)];
const PANIC = { common_lb_config: {} };

const SPREAD: readonly Subject[] = [
  {
    name: "halfgood",
    fact: "traffic goes to the host that passes",
    endpoints: pair("up1", "halfgood"),
    check: { no_traffic_interval: NEVER },
    http: { path: "/hc" },
    replies: [reply(500), HANG],
    until: { attempt: 2 },
    requests: 4,
    facts: { "client.0.response.3.body": "up1" },
  },
  {
    name: "allfailed",
    fact: "with all hosts failing a cluster panics and uses them",
    endpoints: [endpoint("allfailed")],
    cluster: PANIC,
    replies: [reply(500), HANG],
    traffic: [reply(200, "in panic")],
    check: { no_traffic_interval: NEVER, unhealthy_interval: NEVER, interval: NEVER },
    until: { failure: 1 },
    facts: { "client.0.response.0.body": "in panic" },
  },
  {
    name: "failover",
    fact: "the next priority takes over from hosts that fail",
    cluster: {
      load_assignment: {
        cluster_name: "failover",
        endpoints: [
          { priority: 0, lb_endpoints: [endpoint("failover")] },
          { priority: 1, lb_endpoints: [endpoint("up2")] },
        ],
      },
    },
    check: { no_traffic_interval: NEVER },
    replies: [reply(500), HANG],
    until: { attempt: 2 },
    requests: 4,
    facts: { "client.0.response.3.body": "up2" },
  },
  {
    name: "passive",
    fact: "x-envoy-immediate-health-check-fail on traffic fails the host",
    check: { no_traffic_interval: NEVER, interval: NEVER },
    replies: [OK, HANG],
    traffic: [reply(200, "last", ["x-envoy-immediate-health-check-fail: true"])],
    until: { success: 1 },
    requests: 2,
    between: [stat("cluster.passive.membership_healthy", 0)],
    afterwards: [
      stat("cluster.passive.upstream_cx_active", 0),
      adminLines("/stats?filter=^cluster.passive.upstream_cx", /upstream_cx_destroy/),
    ],
    events: 2,
    facts: { "client.0.response.0.body": "last", "client.0.response.1.start": /503/ },
  },
];

const RUNTIME: readonly Subject[] = [
  {
    name: "hurried",
    fact: "runtime bounds the interval from above",
    check: { no_traffic_interval: NEVER, interval: NEVER },
    replies: [OK, OK, HANG],
    until: { attempt: 3 },
    facts: SERVED,
  },
  {
    name: "unverified",
    fact: "runtime turns the comparison of service names off",
    http: { service_name_matcher: { exact: "web" } },
    replies: [OK, HANG],
    until: { attempt: 2 },
    facts: SERVED,
  },
];

/** Standing upstreams, one per subject that checks its own. */
function scripts(subjects: readonly Subject[]): Record<string, UpstreamScript> {
  return Object.fromEntries(
    subjects
      .filter(({ replies, script }) => replies !== undefined || script !== undefined)
      .map(({ name, replies = [], script, traffic = [] }) => [
        name,
        script ?? { checks: { path: "/hc", replies }, replies: traffic },
      ]),
  );
}

function group(
  name: string,
  subjects: readonly Subject[],
  fields: Message = {},
): DifferentialGroup {
  const routes = subjects.map((one) => routeTo({ path: `/${one.name}` }, one.name));
  return {
    name,
    bootstrap: bootstrap(
      [
        listener("main", [
          hcm({ route_config: { name: "local", virtual_hosts: [anyHost(routes)] } }),
        ]),
      ],
      subjects.map(clusterOf),
      fields,
    ),
    standing: scripts(subjects),
    cases: subjects.map(caseOf),
  };
}

const LAYERS: Message = {
  layered_runtime: {
    layers: [
      {
        name: "static",
        static_layer: {
          health_check: { max_interval: 20, verify_cluster: 0 },
          "envoy.deprecated_features:envoy.config.core.v3.HealthCheck.event_log_path": true,
        },
      },
    ],
  },
};

const EJECTED: Subject = {
  name: "ejected",
  fact: "a success takes an ejected host back",
  replies: [OK],
  traffic: [reply(500), reply(200, "back")],
  cluster: {
    // Envoy would tell its workers of the second change a second after the first.
    common_lb_config: { healthy_panic_threshold: { value: 0 }, update_merge_window: "0s" },
    outlier_detection: {
      consecutive_5xx: 1,
      max_ejection_percent: 100,
      interval: NEVER,
      base_ejection_time: NEVER,
    },
  },
};

/** It is checked all the time: only what does not depend on how often is compared. */
const ejection: DifferentialGroup = {
  ...group("health-check-ejection", [EJECTED]),
  cases: [
    {
      name: EJECTED.fact,
      on: "main",
      logs: 2,
      counters: false,
      steps: [
        send(get("/ejected")),
        response,
        stat("cluster.ejected.outlier_detection.ejections_enforced_total", 1),
        stat("cluster.ejected.outlier_detection.ejections_active", 0),
        stat("cluster.ejected.membership_healthy", 1),
        send(get("/ejected")),
        response,
      ],
      facts: { "client.0.response.0.start": /500/, "client.0.response.1.body": "back" },
    },
  ],
};

const assignment = (members: readonly Message[]): Message => ({
  resources: [
    any("envoy.config.endpoint.v3.ClusterLoadAssignment", {
      cluster_name: "leaving",
      endpoints: [{ lb_endpoints: members }],
    }),
  ],
});

const LEAVING: Subject = {
  name: "leaving",
  fact: "a healthy host that discovery names no more stays until it fails",
  check: { no_traffic_interval: NEVER, interval: NEVER },
  cluster: {
    type: "EDS",
    load_assignment: undefined,
    eds_cluster_config: {
      eds_config: { resource_api_version: "V3", path_config_source: { path: "@source:eds.json@" } },
    },
  },
  replies: [OK, HANG],
  traffic: [
    reply(200, "still here"),
    reply(200, "last", ["x-envoy-immediate-health-check-fail: true"]),
  ],
};

const HEALTH = /^leaving::[^:]*:\d+::health_flags/;

const removal: DifferentialGroup = {
  ...group("health-check-removal", [LEAVING]),
  files: { "eds.json": assignment([endpoint("leaving")]) },
  cases: [
    {
      ...caseOf(LEAVING),
      logs: 3,
      steps: [
        stat("cluster.leaving.health_check.success", 1),
        publish("eds.json", "cluster.leaving.", assignment([])),
        pageLines("/clusters", HEALTH),
        send(get("/leaving")),
        response,
        send(get("/leaving")),
        response,
        stat("cluster.leaving.membership_total", 0),
        send(get("/leaving")),
        response,
        adminLines("/stats?filter=^cluster.leaving.", new RegExp(COMPARED)),
      ],
      facts: {
        [`admin /clusters ${HEALTH.source}`]: /::\/pending_dynamic_removal$/,
        "client.0.response.1.body": "last",
        "client.0.response.2.start": /503/,
      },
    },
  ],
};

/** The health_check filter on clusters whose hosts are checked. */
function filterOf(name: string, percent: number): Message {
  return listener(`${name}-${percent}`, [
    hcm({
      http_filters: [
        {
          name: "envoy.filters.http.health_check",
          typed_config: any("envoy.extensions.filters.http.health_check.v3.HealthCheck", {
            pass_through_mode: false,
            headers: [{ name: ":path", string_match: { exact: "/healthz" } }],
            cluster_min_healthy_percentages: { [name]: { value: percent } },
          }),
        },
        ROUTER,
      ],
      route_config: { name: "local", virtual_hosts: [anyHost([routeTo({ prefix: "/" }, "half")])] },
    }),
  ]);
}

const ONCE = { check: { no_traffic_interval: NEVER } };
const FILTERED: readonly Subject[] = [
  {
    name: "half",
    fact: "",
    ...ONCE,
    endpoints: pair("half", "up1"),
    replies: [reply(500), HANG],
  },
  {
    name: "lesser",
    fact: "",
    ...ONCE,
    endpoints: pair("lesser", "up1"),
    replies: [reply(200, "", ["x-envoy-degraded: 1"]), HANG],
  },
  {
    name: "apart",
    fact: "",
    ...ONCE,
    endpoints: pair("apart", "up1"),
    replies: [reply(500, "", ["x-envoy-immediate-health-check-fail: 1"]), HANG],
  },
];

function healthz(name: string, percent: number, status: RegExp): DifferentialCase {
  return {
    name: `${name} hosts and a minimum of ${percent} %`,
    on: `${name}-${percent}`,
    counters: false,
    steps: [send(get("/healthz")), response],
    facts: { "client.0.response.0.start": status },
  };
}

const filtered: DifferentialGroup = {
  name: "health-check-filter",
  bootstrap: bootstrap(
    FILTERED.flatMap(({ name }) => [50, 51, 100].map((percent) => filterOf(name, percent))),
    FILTERED.map(clusterOf),
  ),
  standing: scripts(FILTERED),
  cases: [
    healthz("half", 50, /200/),
    healthz("half", 51, /503/),
    healthz("half", 100, /503/),
    healthz("lesser", 50, /200/),
    healthz("lesser", 100, /200/),
    healthz("apart", 50, /200/),
    healthz("apart", 51, /503/),
  ],
};

export const healthChecks: readonly DifferentialGroup[] = [
  group("health-check-wire", WIRE),
  group("health-check-results", RESULTS),
  group("health-check-tcp", TCP),
  group("health-check-spread", SPREAD),
  group("health-check-runtime", RUNTIME, LAYERS),
  removal,
  filtered,
  ejection,
];
