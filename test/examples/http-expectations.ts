// Promises of the examples about HTTP.
import type { Expectation } from "./expectation.ts";

export const HTTP_EXPECTATIONS: readonly Expectation[] = [
  {
    example: "quickstart",
    steps: [
      { spread: "GET /", kind: "http", times: 200, counts: { v1: [155, 199], v2: [1, 45] } },
      { request: "GET /", headers: { "x-version": "v2" }, status: 200, answer: /^v2 GET \// },
    ],
  },
  {
    example: "weighted-split",
    steps: [
      { spread: "GET /", kind: "http", times: 200, counts: { v1: [125, 190], v2: [10, 75] } },
      {
        request: "GET /",
        headers: { "x-canary": "always" },
        status: 200,
        answer: /^v2/,
        answerHeaders: { "x-served-by": null },
      },
    ],
  },
  {
    example: "header-routing",
    steps: [
      { request: "GET /", status: 200, answer: /^v1/ },
      { request: "GET /", headers: { "user-agent": "A Mobile B" }, status: 200, answer: /^v2/ },
      { request: "GET /?preview", status: 200, answer: /^v2/ },
      { request: "DELETE /", status: 405, answer: "deleting is not offered\n" },
    ],
  },
  {
    example: "regex-routing",
    steps: [
      { request: "GET /users/42/orders", status: 200, answer: /^v1 GET \/orders\?user=42\n/ },
      { request: "GET /users/me/orders", status: 404 },
      { request: "GET /users/42/orders/7", status: 404 },
    ],
  },
  {
    example: "redirects",
    steps: [
      {
        request: "GET /old/a?b=1",
        headers: { host: "h" },
        status: 301,
        answerHeaders: { location: "http://h/new/a?b=1" },
      },
      {
        request: "GET /secure",
        headers: { host: "h" },
        status: 308,
        answerHeaders: { location: "https://h/secure" },
      },
      {
        request: "GET /search?q=x",
        status: 302,
        answerHeaders: { location: "http://search.example.com/" },
      },
      {
        request: "GET /blog/12",
        status: 302,
        answerHeaders: { location: "http://blog.example.com/post-12" },
      },
    ],
  },
  {
    example: "rewrites",
    steps: [
      { request: "GET /api/v1/x?q=1", status: 200, answer: /^v1 GET \/x\?q=1\n/ },
      { request: "GET /api/v1/x", status: 200, answer: /^host: backend\.internal$/m },
      { request: "GET /api/v1/x", status: 200, answer: /^x-envoy-original-path: \/api\/v1\/x$/m },
      {
        request: "GET /tenant",
        headers: { "x-tenant-host": "blue.internal" },
        status: 200,
        answer: /^host: blue\.internal$/m,
      },
    ],
  },
  {
    example: "http-direct-response",
    steps: [
      {
        request: "GET /robots.txt",
        status: 200,
        answer: "User-agent: *\nDisallow: /\n",
        answerHeaders: { "cache-control": "max-age=3600" },
      },
      { request: "GET /robots", status: 503, answer: "back at noon\n" },
    ],
  },
  {
    example: "virtual-hosts",
    steps: [
      { request: "GET /", headers: { host: "shop.example.com:81" }, status: 200, answer: "exact" },
      { request: "GET /", headers: { host: "blog.example.com" }, status: 200, answer: "suffix" },
      { request: "GET /", headers: { host: "shop.example.org" }, status: 200, answer: "prefix" },
      { request: "GET /", headers: { host: "example.org" }, status: 404, answer: "nobody" },
    ],
  },
  {
    example: "header-mutation",
    steps: [
      {
        request: "GET /",
        headers: { "x-debug": "1", "x-client": "forged" },
        status: 200,
        answer: /^(?![\s\S]*x-debug)[\s\S]*x-client: 127\.0\.0\.1\n$/,
        answerHeaders: { "server-version": null, "x-took-ms": /^\d+$/ },
      },
      { request: "GET /", status: 200, answer: /^x-request-start: t=\d+$/m },
    ],
  },
  {
    example: "cors",
    steps: [
      {
        request: "OPTIONS /",
        headers: { origin: "https://app.example.com", "access-control-request-method": "PUT" },
        status: 200,
        answer: "",
        answerHeaders: {
          "access-control-allow-origin": "https://app.example.com",
          "access-control-allow-methods": "GET, PUT",
          "access-control-max-age": "600",
        },
      },
      {
        request: "GET /",
        headers: { origin: "https://app.example.com" },
        status: 200,
        answer: /^v1/,
        answerHeaders: { "access-control-allow-origin": "https://app.example.com" },
      },
      {
        request: "GET /",
        headers: { origin: "https://evil.example.com" },
        status: 200,
        answerHeaders: { "access-control-allow-origin": null },
      },
    ],
  },
  {
    example: "csrf",
    steps: [
      {
        request: "POST /",
        headers: { host: "shop.example.com", origin: "https://shop.example.com" },
        status: 200,
      },
      {
        request: "POST /",
        headers: { host: "shop.example.com", origin: "https://partner.example.com" },
        status: 200,
      },
      {
        request: "POST /",
        headers: { host: "shop.example.com", origin: "https://evil.example.com" },
        status: 403,
        answer: "Invalid origin",
      },
      { request: "GET /", headers: { origin: "https://evil.example.com" }, status: 200 },
    ],
  },
  {
    example: "fault-injection",
    steps: [
      { request: "GET /", status: 200, answer: /^v1/ },
      { request: "GET /broken", status: 503, answer: "fault filter abort" },
      { request: "GET /", headers: { "x-envoy-fault-abort-request": "418" }, status: 418 },
      { request: "GET /", headers: { "x-envoy-fault-delay-request": "50" }, status: 200 },
      {
        admin: "GET /stats?filter=fault",
        matches:
          /^http\.ingress\.fault\.aborts_injected: 2\n(?:.*\n)*?http\.ingress\.fault\.delays_injected: 1$/m,
      },
    ],
  },
  {
    example: "local-rate-limit",
    steps: [
      { request: "GET /", headers: { "x-user": "me" }, status: 200 },
      { request: "GET /", headers: { "x-user": "me" }, status: 200 },
      { request: "GET /", headers: { "x-user": "me" }, status: 200 },
      {
        request: "GET /",
        headers: { "x-user": "me" },
        status: 429,
        answer: "local_rate_limited",
        answerHeaders: { "x-ratelimit-limit": "3", "x-ratelimit-reset": /^\d\d$/ },
      },
      { request: "GET /", headers: { "x-user": "batch" }, status: 200 },
      { request: "GET /", status: 200, answerHeaders: { "x-ratelimit-limit": "1000" } },
    ],
  },
  {
    example: "sticky-sessions",
    steps: [
      {
        request: "GET /",
        status: 200,
        answerHeaders: { "set-cookie": /^shop="Cg[^"]+"; Max-Age=3600; Path=\/; HttpOnly$/ },
      },
      { request: "GET /api", status: 200, answerHeaders: { "x-session": /^[\w+/]+=*$/ } },
      {
        // 10.9.8.7:1
        request: "GET /api",
        headers: { "x-session": "MTAuOS44Ljc6MQ==" },
        status: 503,
        answer: "no healthy upstream",
      },
      {
        request: "GET /mcp",
        headers: { "mcp-session-id": "MTAuOS44Ljc6MQ==;UV:aWQ=" },
        status: 200,
        answer: /^mcp-session-id: id$/m,
      },
    ],
  },
  {
    example: "mirroring",
    steps: [
      { request: "GET /", status: 200, answer: /^v1/ },
      { request: "POST /x", body: "hello", status: 200, answer: /^v1/ },
      {
        admin: "GET /stats?filter=cluster.next-version.upstream_rq_200",
        matches: /^cluster\.next-version\.upstream_rq_200: 2$/m,
      },
    ],
  },
  {
    example: "access-log-text",
    steps: [
      { request: "GET /some?x=1", status: 200 },
      { log: /^GET \/some\?x=1 200 - via_upstream \d+ service\n$/ },
    ],
  },
  {
    example: "access-log-json",
    steps: [
      { request: "GET /fine", status: 200 },
      { request: "GET /missing", headers: { "user-agent": "test" }, status: 404 },
      {
        log: /^\{"client":\{"agent":"test"\},"details":"direct_response","host":null,"path":"\/missing","status":404\}\n$/,
      },
    ],
  },
  {
    example: "access-logs",
    steps: [
      { request: "GET /a?secret", status: 200 },
      { log: /^\{"ms":[^\n]*"code":200[^\n]*\}\n$/ },
      { log: /"path":"\/a"/ },
    ],
  },
  {
    example: "local-replies",
    steps: [
      {
        request: "GET /nowhere",
        status: 404,
        answer: "<h1>no such page</h1>",
        answerHeaders: { "content-type": "text/html; charset=UTF-8" },
      },
      {
        request: "GET /app",
        status: 503,
        answer: /^\{"code":503,"why":"no_healthy_upstream"\}\n?$/,
        answerHeaders: { "content-type": "application/json" },
      },
    ],
  },
  {
    example: "timeouts",
    steps: [
      { request: "GET /", status: 200 },
      { request: "GET /slow", status: 504, answer: "upstream request timeout" },
      { send: "GET / HTTP/1.1\r\nhost: a\r\n", receive: /^HTTP\/1\.1 408 /, ends: true },
    ],
  },
  {
    example: "active-health-checks",
    steps: [
      { spread: "GET /", kind: "http", times: 6, counts: { v1: [6, 6], v2: [0, 0] } },
      { admin: "GET /clusters", matches: /health_flags::\/failed_active_hc$/m },
      { log: /"health_check_failure_event":\{"failure_type":"ACTIVE","first_check":true\}/ },
    ],
  },
  {
    example: "health-check",
    steps: [
      { request: "GET /healthz", status: 200, answer: "" },
      { request: "GET /other", status: 200, answer: /^v1/ },
      { admin: "POST /healthcheck/fail" },
      { request: "GET /healthz", status: 503 },
      { request: "GET /other", status: 200, answer: /^v1/ },
    ],
  },
  {
    example: "request-limits",
    steps: [
      { request: "POST /", body: "x".repeat(1024), status: 200 },
      { request: "POST /", body: "x".repeat(1025), status: 413 },
      { request: "GET /", headers: { long: "x".repeat(9000) }, status: 431 },
      {
        request: "GET /",
        headers: Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`h${i}`, "v"])),
        status: 431,
      },
      { request: "GET /", headers: { under_score: "v" }, status: 400 },
    ],
  },
  {
    example: "buffer",
    steps: [
      {
        send: "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        receive: "content-length: 3\n",
      },
      {
        send: "POST /upload HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        receive: "transfer-encoding: chunked\n",
      },
      { request: "POST /", body: "x".repeat(1_048_577), status: 413 },
    ],
  },
  {
    example: "cluster-header",
    steps: [
      { request: "GET /", headers: { "x-cluster": "v2" }, status: 200, answer: /^v2/ },
      { request: "GET /", headers: { "x-cluster": "v9" }, status: 503 },
      { request: "GET /", status: 503 },
    ],
  },
  {
    example: "set-metadata",
    steps: [
      {
        request: "GET /p",
        headers: { "x-api-key": "acme" },
        status: 200,
        answer: /x-tenant: acme/,
      },
      { log: /^team=checkout \/p\n$/ },
    ],
  },
  {
    example: "client-address",
    steps: [
      {
        request: "GET /",
        headers: { "x-forwarded-for": "1.1.1.1, 8.8.8.8" },
        status: 200,
        answer: /x-client: 8\.8\.8\.8/,
      },
    ],
  },
  {
    example: "path-normalization",
    steps: [
      { request: "GET /a/../b", status: 200, answer: /^v1 GET \/b\n/ },
      { request: "GET //b", status: 200, answer: /^v1 GET \/b\n/ },
      { request: "GET /a/../private/x", status: 403 },
      { request: "GET /a%2fb", status: 400 },
    ],
  },
  {
    example: "matcher-tree",
    steps: [
      { request: "GET /", headers: { "x-version": "two" }, status: 200, answer: /^v2/ },
      { request: "GET /", headers: { "x-version": "three" }, status: 200, answer: /^v1/ },
      { request: "GET /", status: 200, answer: /^v1/ },
    ],
  },
  {
    example: "websocket-upgrade",
    steps: [
      {
        send: "GET /chat HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
        receive: "\r\n\r\n",
        thenSend: "hello",
        thenReceive: "v1:hello",
      },
      {
        send: "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
        receive: "HTTP/1.1 403 Forbidden\r\n",
      },
    ],
  },
  {
    example: "connect-tunnel",
    steps: [
      {
        send: "CONNECT any.example.com:443 HTTP/1.1\r\nhost: any.example.com:443\r\n\r\n",
        receive: "\r\n\r\n",
        thenSend: "hello",
        thenReceive: "v1:hello",
      },
    ],
  },
  {
    example: "retries",
    steps: [
      { spread: "GET /", kind: "http", times: 10, counts: { v1: [10, 10] } },
      {
        request: "GET /backup",
        status: 200,
        answer: /^v2 [\s\S]*x-envoy-attempt-count: 2\n/,
        answerHeaders: { "x-envoy-attempt-count": "2" },
      },
      {
        request: "POST /slow",
        body: "again",
        status: 504,
        answer: "upstream request timeout",
        answerHeaders: { "x-envoy-attempt-count": "4" },
      },
    ],
  },
  {
    example: "hedging",
    steps: [
      { request: "GET /", status: 200, answerHeaders: { "x-envoy-attempt-count": "1" } },
      { request: "GET /slow", status: 504, answerHeaders: { "x-envoy-attempt-count": "2" } },
    ],
  },
  {
    example: "internal-redirects",
    steps: [
      {
        request: "GET /moved/found",
        headers: { host: "h" },
        status: 200,
        answer:
          /^v2 GET \/found\n[\s\S]*x-trail: v1\nx-envoy-original-url: http:\/\/h\/moved\/found/,
      },
      {
        request: "GET /moved/elsewhere",
        headers: { host: "h" },
        status: 302,
        answerHeaders: { location: "http://h/elsewhere" },
      },
    ],
  },
  {
    example: "circuit-breakers",
    steps: [
      { request: "GET /", status: 200, answer: /^v1/ },
      {
        admin: "GET /stats?filter=cluster.service.circuit_breakers.default.remaining",
        matches: /remaining_pending: 10\n/,
      },
      {
        request: "GET /closed",
        status: 503,
        answer: /overflow/,
        answerHeaders: { "x-envoy-overloaded": "true" },
      },
    ],
  },
  {
    example: "outlier-detection",
    steps: [
      { request: "GET /", status: 503 },
      { request: "GET /", status: 503 },
      { request: "GET /", status: 503 },
      { request: "GET /", status: 200, answer: /^v2/ },
      { admin: "GET /clusters", matches: /:1::health_flags::\/failed_outlier_check/ },
      {
        admin: "GET /stats?filter=cluster.service.outlier_detection",
        matches: /ejections_active: 1\n/,
      },
      { log: /"type":"CONSECUTIVE_5XX".*"action":"EJECT".*"enforced":true/ },
    ],
  },
  {
    example: "dns-clusters",
    steps: [
      { request: "GET /", status: 200, answer: /^v1/ },
      { request: "GET /logical", status: 200, answer: /^v1/ },
      { request: "GET /typed", status: 200, answer: /^v2/ },
    ],
  },
  {
    example: "load-balancing",
    steps: [
      { spread: "GET /turn", kind: "http", times: 10, counts: { v1: [8, 8], v2: [2, 2] } },
      { spread: "GET /least", kind: "http", times: 60, counts: { v1: [1, 59], v2: [1, 59] } },
      { spread: "GET /any", kind: "http", times: 60, counts: { v1: [1, 59], v2: [1, 59] } },
    ],
  },
  {
    example: "priorities",
    steps: [{ spread: "GET /", kind: "http", times: 10, counts: { v1: [0, 0], v2: [10, 10] } }],
  },
  {
    example: "aggregate-failover",
    steps: [{ spread: "GET /", kind: "http", times: 10, counts: { v1: [0, 0], v2: [10, 10] } }],
  },
  {
    example: "original-dst",
    steps: [
      {
        request: "GET /",
        headers: { "x-envoy-original-dst-host": "127.0.0.1:1" },
        status: 200,
        answer: /^v2/,
      },
      { request: "GET /", status: 503, answer: "no healthy upstream" },
    ],
  },
  {
    example: "dynamic-forward-proxy",
    steps: [
      { request: "GET /second", status: 200, answer: /^v2/ },
      { request: "GET /", headers: { host: "127.0.0.1:1" }, status: 503, answer: /refused/ },
      { admin: "GET /stats?filter=dns_cache.names.num_hosts", matches: /num_hosts: 2/ },
    ],
  },
];
