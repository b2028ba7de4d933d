// Broken retry policies, hedge policies, internal redirects and retry budgets.
import { type BrokenConfig, cluster, EXTENSIONS, routes } from "./broken-config.ts";

const ONE = "  clusters: [{ name: one, type: STATIC }]\n";

/** Fields of the action of the one route. */
const action = (fields: string): string =>
  `${routes(`- match: { prefix: / }\n  route:\n    cluster: one\n    ${fields}`)}${ONE}`;

const policy = (fields: string): string => action(`retry_policy: { retry_on: 5xx, ${fields} }`);

const typed = (name: string, fields = ""): string =>
  `typed_config: { "@type": ${EXTENSIONS}.${name}${fields} }`;

export const BROKEN_RETRIES: readonly BrokenConfig[] = [
  {
    what: "a back-off whose maximum is below its base",
    text: policy("retry_back_off: { base_interval: 1s, »max_interval: 0.5s }"),
    message: /shorter than base_interval/,
    remedy: /as long/,
  },
  {
    what: "a back-off of nothing",
    text: policy("retry_back_off: { »base_interval: 0s }"),
    message: /base_interval|0/,
    remedy: /./,
  },
  {
    what: "a back-off without a base",
    text: policy("»retry_back_off: { max_interval: 1s }"),
    message: /required/,
    remedy: /./,
  },
  {
    what: "a rate-limited back-off without headers",
    text: policy("»rate_limited_retry_back_off: { max_interval: 1s }"),
    message: /at least 1/,
    remedy: /./,
  },
  {
    what: "a retry host predicate that does not exist",
    text: policy("retry_host_predicate: [»{ name: envoy.retry_host_predicates.previous_host }]"),
    message: /previous_host/,
    remedy: /envoy\.retry_host_predicates\.previous_hosts/,
  },
  {
    what: "a retry host predicate of another kind",
    text: policy(
      `retry_host_predicate: [»{ name: x, ${typed("internal_redirect.previous_routes.v3.PreviousRoutesConfig")} }]`,
    ),
    message: /No retry host predicate/,
    remedy: /use/,
  },
  {
    what: "a retry priority that does not exist",
    text: policy("»retry_priority: { name: previous }"),
    message: /No retry priority/,
    remedy: /previous_priorities/,
  },
  {
    what: "a matcher of retriable headers without a name",
    text: policy("retriable_headers: [{ »name: '' }]"),
    message: /empty/,
    remedy: /./,
  },
  {
    what: "hedging with no request at all",
    text: action("hedge_policy: { »initial_requests: 0 }"),
    message: /initial_requests|0/,
    remedy: /./,
  },
  {
    what: "an internal redirect predicate of another kind",
    text: action(
      `internal_redirect_policy: { predicates: [»{ name: x, ${typed("retry.host.previous_hosts.v3.PreviousHostsPredicate")} }] }`,
    ),
    message: /No internal redirect predicate/,
    remedy: /use/,
  },
  {
    what: "a header of a redirect that its location decides",
    text: action("internal_redirect_policy: { response_headers_to_copy: [x-a, »host] }"),
    message: /host cannot be copied/,
    remedy: /remove/,
  },
  {
    what: "a retry budget above all requests",
    text: cluster(`
      type: STATIC
      circuit_breakers:
        thresholds: [{ retry_budget: { budget_percent: { »value: 101 } } }]`),
    message: /100|101/,
    remedy: /./,
  },
];
