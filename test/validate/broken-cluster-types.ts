// Broken clusters that choose their hosts themselves, and broken rules of endpoints.
import { type BrokenConfig, cluster, EXTENSIONS } from "./broken-config.ts";

const custom = (
  name: string,
  message: string,
  fields: string,
  policy = "CLUSTER_PROVIDED",
): string =>
  cluster(`
    lb_policy: ${policy}
    cluster_type:
      name: envoy.clusters.${name}
      typed_config: { "@type": ${EXTENSIONS}.clusters.${message}, ${fields} }`);

const aggregate = (fields: string, policy?: string): string =>
  custom("aggregate", "aggregate.v3.ClusterConfig", fields, policy);

const dynamic = (fields: string): string =>
  custom("dynamic_forward_proxy", "dynamic_forward_proxy.v3.ClusterConfig", fields);

export const BROKEN_CLUSTER_TYPES: readonly BrokenConfig[] = [
  {
    what: "an aggregate without clusters",
    text: aggregate("»clusters: []"),
    message: /clusters|1/,
    remedy: /./,
  },
  {
    what: "an aggregate with a policy of its own",
    text: aggregate("clusters: [a]", "ROUND_ROBIN").replace("lb_policy", "»lb_policy"),
    message: /not valid for Cluster type/,
    remedy: /CLUSTER_PROVIDED/,
  },
  {
    what: "endpoints of an ORIGINAL_DST cluster",
    text: cluster(
      "type: ORIGINAL_DST\nlb_policy: CLUSTER_PROVIDED\n»load_assignment: { cluster_name: one }",
    ),
    message: /no load assignment/,
    remedy: /come with the requests/,
  },
  {
    what: "an ORIGINAL_DST cluster with a policy of its own",
    text: cluster("type: ORIGINAL_DST\n»lb_policy: ROUND_ROBIN"),
    message: /not valid for Cluster type ORIGINAL_DST/,
    remedy: /CLUSTER_PROVIDED/,
  },
  {
    what: "the name of a header that is not used",
    text: cluster(
      "type: ORIGINAL_DST\nlb_policy: CLUSTER_PROVIDED\noriginal_dst_lb_config: { »http_header_name: x }",
    ),
    message: /use_http_header is false/,
    remedy: /use_http_header: true/,
  },
  {
    what: "a port override that is no port",
    text: cluster(
      "type: ORIGINAL_DST\nlb_policy: CLUSTER_PROVIDED\noriginal_dst_lb_config: { »upstream_port_override: 65536 }",
    ),
    message: /65535|65536/,
    remedy: /./,
  },
  {
    what: "a cluster per name",
    text: dynamic("»sub_clusters_config: {}"),
    message: /A cluster per name/,
    remedy: /dns_cache_config/,
  },
  {
    what: "a DNS cache without a name",
    text: dynamic("»dns_cache_config: {}"),
    message: /empty/,
    remedy: /./,
  },
  {
    what: "more names resolved beforehand than fit",
    text: dynamic(
      "dns_cache_config: { name: main, max_hosts: 1, »preresolve_hostnames: [{ address: a, port_value: 1 }, { address: b, port_value: 1 }] }",
    ),
    message: /larger than max_hosts=1/,
    remedy: /max_hosts/,
  },
  {
    what: "a DNS cache that holds nothing",
    text: dynamic("dns_cache_config: { name: main, »max_hosts: 0 }"),
    message: /max_hosts|0/,
    remedy: /./,
  },
  {
    what: "two kinds of overload",
    text: cluster(`
      type: STATIC
      load_assignment:
        cluster_name: one
        policy:
          »drop_overloads:
          - { category: a, drop_percentage: { numerator: 1 } }
          - { category: b, drop_percentage: { numerator: 1 } }`),
    message: /2 categories/,
    remedy: /one category/,
  },
  {
    what: "an endpoint that goes by a name only",
    text: cluster(`
      type: STATIC
      load_assignment:
        cluster_name: one
        endpoints: [{ lb_endpoints: [{ »endpoint_name: a }] }]`),
    message: /Named endpoints are not supported/,
    remedy: /itself/,
  },
  {
    what: "endpoints of a locality from elsewhere",
    text: cluster(`
      type: STATIC
      load_assignment:
        cluster_name: one
        endpoints: [{ »leds_cluster_locality_config: { leds_collection_name: a } }]`),
    message: /Locality endpoint discovery/,
    remedy: /lb_endpoints/,
  },
];
