// What the examples about choosing hosts promise.
import type { Expectation, RequestStep } from "./expectation.ts";

const user = (name: string, answer: string): RequestStep => ({
  request: "GET /",
  headers: { "x-user": name },
  status: 200,
  answer: new RegExp(answer),
});

export const BALANCING_EXPECTATIONS: readonly Expectation[] = [
  {
    example: "ring-hash",
    steps: [
      ...["v2", "v2", "v2"].map((answer) => user("anna", answer)),
      ...["v1", "v1", "v1"].map((answer) => user("ben", answer)),
      { admin: "GET /stats?filter=ring_hash", matches: /ring_hash_lb\.size: 1024/ },
    ],
  },
  {
    example: "maglev",
    steps: [
      {
        request: "GET /",
        status: 200,
        answerHeaders: {
          "set-cookie": /^session="[0-9a-f]{16}"; Max-Age=3600; Path=\/; HttpOnly$/,
        },
      },
      {
        request: "GET /",
        headers: { cookie: "session=anna" },
        status: 200,
        answerHeaders: { "set-cookie": null },
      },
    ],
  },
  {
    example: "locality-weights",
    steps: [{ spread: "GET /", kind: "http", times: 40, counts: { v1: [30, 30], v2: [10, 10] } }],
  },
  {
    example: "peak-ewma",
    steps: [{ spread: "GET /", kind: "http", times: 20, counts: { v1: [1, 19], v2: [1, 19] } }],
  },
  {
    example: "subset-canary",
    steps: [
      { request: "GET /", headers: { "x-canary": "yes" }, status: 200, answer: /v2/ },
      { request: "GET /", status: 200, answer: /v1/ },
      { admin: "GET /stats?filter=lb_subsets", matches: /lb_subsets_selected: 2/ },
    ],
  },
  {
    example: "zone-aware",
    steps: [
      { spread: "GET /", kind: "http", times: 20, counts: { v1: [20, 20], v2: [0, 0] } },
      { admin: "GET /stats?filter=lb_zone", matches: /lb_zone_routing_all_directly: 20/ },
    ],
  },
  {
    example: "load-reports",
    steps: [{ spread: "GET /", kind: "http", times: 40, counts: { v1: [29, 31], v2: [9, 11] } }],
  },
  {
    example: "slow-start",
    steps: [{ spread: "GET /", kind: "http", times: 20, counts: { v1: [5, 15], v2: [5, 15] } }],
  },
];
