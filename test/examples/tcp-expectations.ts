// Promises of the examples about connections.
import { clientHello } from "../kit/client-hello.ts";
import type { Expectation } from "./expectation.ts";

const hello = (serverName: string): string => clientHello({ serverName }).toString("latin1");

export const TCP_EXPECTATIONS: readonly Expectation[] = [
  {
    example: "tcp-health-checks",
    steps: [
      { send: "hello", receive: "v2:hello" },
      { send: "again", receive: "v2:again" },
      { admin: "GET /clusters", matches: /health_flags::\/failed_active_hc\/active_hc_timeout$/m },
    ],
  },
  {
    example: "tcp-proxy",
    steps: [
      // Nine of ten go to blue, whose two hosts are v1 and v2.
      {
        spread: "ping",
        kind: "tcp",
        times: 100,
        counts: { v1: [25, 65], v2: [25, 65], v3: [1, 30] },
      },
      { log: /127\.0\.0\.1:\d+ > 127\.0\.0\.1:\d+ 4\/7 \d+ ms -\n/ },
    ],
  },
  {
    example: "tcp-weighted",
    steps: [{ spread: "ping", kind: "tcp", times: 100, counts: { v1: [50, 95], v2: [5, 50] } }],
  },
  {
    example: "direct-response",
    steps: [{ send: "", receive: /^closed for maintenance\n$/, ends: true }],
  },
  {
    example: "connection-guards",
    steps: [
      { send: "hi", receive: "hi" },
      { admin: "GET /stats?filter=guarded", matches: /^connection_limit\.guarded\./m },
    ],
  },
  {
    example: "connection-limit",
    steps: [
      { send: "one", receive: "one", keep: true },
      { send: "two", receive: /^$/, ends: true },
      { admin: "GET /stats?filter=door", matches: /door\.limited_connections: 1\n/ },
    ],
  },
  {
    example: "tcp-rate-limit",
    steps: [
      { send: "one", receive: "v1:one" },
      { send: "two", receive: "v1:two" },
      { send: "three", receive: /^$/, ends: true },
      { admin: "GET /stats?filter=door", matches: /door\.rate_limited: 1\n/ },
    ],
  },
  {
    example: "filter-chain-match",
    steps: [
      { send: "echo", from: "127.0.0.2", receive: "echo" },
      { send: "ping", from: "127.0.0.3", receive: "v1:ping" },
      { send: "", receive: /^go away\n$/, ends: true },
    ],
  },
  {
    example: "proxy-protocol",
    steps: [
      { send: "PROXY TCP4 10.0.0.9 127.0.0.1 4000 80\r\nping", receive: "v1:ping" },
      { send: "PROXY TCP4 11.0.0.9 127.0.0.1 4000 80\r\nping", receive: /^$/, ends: true },
      { send: "no header at all\r\n", receive: /^$/, ends: true },
    ],
  },
  {
    example: "sni-routing",
    steps: [
      { send: hello("shop.example.com"), receive: "v1:" },
      { send: hello("eu.shop.example.com"), receive: "v1:" },
      { send: hello("blog.example.com"), receive: "v2:" },
      { send: hello("unknown.example.com"), receive: /^$/, ends: true },
      { send: "GET / HTTP/1.1\r\n\r\n", receive: /^this port speaks TLS\n$/, ends: true },
    ],
  },
  {
    example: "transparent-interception",
    // Without the iptables rule nothing is redirected: the connection passes through.
    steps: [{ listener: "outbound", send: "ping", receive: "v2:ping" }],
  },
];
