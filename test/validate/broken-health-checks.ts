// Broken health checks of clusters.
import { type BrokenConfig, cluster } from "./broken-config.ts";

const TIMES = "timeout: 1s, interval: 1s, unhealthy_threshold: 1, healthy_threshold: 1";

const check = (fields: string): string =>
  cluster(`
      type: STATIC
      health_checks:
      - { ${TIMES}, ${fields} }`);

const http = (fields: string): string => check(`http_health_check: { path: /hc, ${fields} }`);

export const BROKEN_HEALTH_CHECKS: readonly BrokenConfig[] = [
  {
    what: "a health check without an interval",
    text: cluster(`
      type: STATIC
      health_checks:
      - »timeout: 1s
        unhealthy_threshold: 1
        healthy_threshold: 1
        tcp_health_check: {}`),
    message: /required/i,
    remedy: /./,
  },
  {
    what: "a health check that lasts no time",
    text: cluster(`
      type: STATIC
      health_checks:
      - { interval: 1s, »timeout: 0s, unhealthy_threshold: 1, healthy_threshold: 1, tcp_health_check: {} }`),
    message: /timeout|0/,
    remedy: /./,
  },
  {
    what: "two health checks",
    text: cluster(`
      type: STATIC
      health_checks:
      - { ${TIMES}, tcp_health_check: {} }
      - »{ ${TIMES}, tcp_health_check: {} }`),
    message: /Multiple health checks/,
    remedy: /one/,
  },
  {
    what: "a gRPC health check",
    text: check("»grpc_health_check: {}"),
    message: /gRPC/,
    remedy: /http_health_check/,
  },
  {
    what: "a Redis health check",
    text: check("»custom_health_check: { name: envoy.health_checkers.redis }"),
    message: /Redis/,
    remedy: /tcp_health_check/,
  },
  {
    what: "an HTTP health check without a path",
    text: check("http_health_check: { »path: '' }"),
    message: /path|empty|length/,
    remedy: /./,
  },
  {
    what: "a range of statuses upside down",
    text: http("expected_statuses: [»{ start: 300, end: 200 }]"),
    message: /start < end/,
    remedy: /200 and 300/,
  },
  {
    what: "a payload that is no hex",
    text: http("receive: [{ »text: OK }]"),
    message: /invalid hex string 'OK'/,
    remedy: /hex/,
  },
  {
    what: "more expected bytes than are looked at",
    text: http("receive: [{ text: '010203' }], »response_buffer_size: 2"),
    message: /'3' is over than/,
    remedy: /0/,
  },
  {
    what: "a body in a GET check",
    text: http("»send: { text: '01' }"),
    message: /GET/,
    remedy: /POST/,
  },
  {
    what: "health checks over HTTP/3",
    text: http("»codec_client_type: HTTP3"),
    message: /HTTP\/3/,
    remedy: /HTTP2/,
  },
  {
    what: "a PROXY header in a TCP check",
    text: check("tcp_health_check: { »proxy_protocol_config: {} }"),
    message: /PROXY/,
    remedy: /remove/,
  },
  {
    what: "TLS options of a health check",
    text: check("»tls_options: {}, tcp_health_check: {}"),
    message: /TLS/,
    remedy: /remove/,
  },
  {
    what: "an event sink that is not there",
    text: check(
      "event_logger: [»{ name: x, typed_config: { '@type': type.googleapis.com/google.protobuf.Struct } }], tcp_health_check: {}",
    ),
    message: /'x'/,
    remedy: /envoy\.health_check\.event_sinks\.file/,
  },
];
