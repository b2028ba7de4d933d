// Promises of the examples about the proxy itself: configuration from files, runtime, stats, admin.
import type { Expectation } from "./expectation.ts";

export const SERVER_EXPECTATIONS: readonly Expectation[] = [
  {
    example: "worker-threads",
    steps: [
      { spread: "GET /", kind: "http", times: 40, counts: { v1: [15, 25], v2: [15, 25] } },
      { admin: "GET /stats?filter=server.concurrency", matches: /^server\.concurrency: 2$/m },
      {
        admin: "GET /stats?filter=worker_.*downstream_cx_total",
        matches: /worker_0\.\S+: [1-9]\d*\n\S+worker_1\.\S+: [1-9]/,
      },
      { admin: "GET /stats?filter=ingress.downstream_rq_total", matches: /: 40\n/ },
      { admin: "GET /clusters", matches: /max_requests::10\n/ },
    ],
  },
  {
    example: "endpoints-from-file",
    steps: [
      { spread: "GET /", kind: "http", times: 8, counts: { v1: [6, 6], v2: [2, 2] } },
      {
        edit: "endpoints.yaml",
        replace: "load_balancing_weight: 3",
        by: "load_balancing_weight: 3\n      health_status: UNHEALTHY",
      },
      { admin: "GET /clusters", matches: /failed_eds_health/ },
      { spread: "GET /", kind: "http", times: 4, counts: { v1: [0, 0], v2: [4, 4] } },
    ],
  },
  {
    example: "dynamic-files",
    steps: [
      { request: "GET /", status: 200, answer: /^v1/ },
      { edit: "routes.yaml", replace: "cluster: v1", by: "cluster: v2" },
      { request: "GET /", status: 200, answer: /^v2/, eventually: true },
      { edit: "clusters.yaml", replace: "name: v2", by: "name: v3" },
      { request: "GET /", status: 503, eventually: true },
      { edit: "listeners.yaml", replace: "stat_prefix: ingress", by: "stat_prefix: renamed" },
      { admin: "GET /stats?filter=renamed", matches: /^http\.renamed\./m },
    ],
  },
  {
    example: "runtime-layers",
    steps: [
      { spread: "GET /", kind: "http", times: 10, counts: { v1: [10, 10], v2: [0, 0] } },
      { admin: "POST /runtime_modify?shop.canary=100" },
      { spread: "GET /", kind: "http", times: 10, counts: { v1: [0, 0], v2: [10, 10] } },
      { admin: "GET /runtime", matches: /"final_value": ?"100"/ },
    ],
  },
  {
    example: "stats-config",
    steps: [
      { request: "GET /", status: 200 },
      {
        admin: "GET /stats/prometheus",
        matches:
          /^envoy_cluster_upstream_rq_total\{(?=[^}]*zone="east")(?=[^}]*shop="7")[^}]*\} 1$/m,
        lacks: /^envoy_listener/m,
      },
      {
        admin: "GET /stats/prometheus?filter=upstream_rq_time",
        matches: /le="25"[\s\S]*le="100"[\s\S]*le="1000"[\s\S]*le="\+Inf"/,
        lacks: /le="50"/,
      },
    ],
  },
  {
    example: "admin",
    steps: [
      { request: "GET /", status: 200 },
      { admin: "GET /ready", matches: /^LIVE\n$/ },
      { admin: "GET /help", matches: /\/config_dump/ },
      { admin: "GET /clusters", matches: /^service::/m },
      { admin: "GET /listeners", matches: /^ingress::127\.0\.0\.1:\d+$/m },
      { admin: "GET /config_dump", matches: /"stat_prefix": "ingress"/ },
      {
        admin: "GET /stats?filter=downstream_rq_2xx",
        matches: /http\.ingress\.downstream_rq_2xx: 1/,
      },
      { admin: "GET /nothing", status: 404 },
    ],
  },
  {
    example: "drop-overload",
    steps: [
      { request: "GET /", status: 200, answer: /^v1/ },
      { edit: "endpoints.yaml", replace: "numerator: 0", by: "numerator: 100" },
      {
        request: "GET /",
        status: 503,
        answer: "unconditional drop overload",
        answerHeaders: { "x-envoy-unconditional-drop-overload": "true" },
        eventually: true,
      },
    ],
  },
];
