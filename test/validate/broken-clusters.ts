// Broken clusters and endpoints.
import { type BrokenConfig, cluster, clusters, EXTENSIONS } from "./broken-config.ts";

const assignment = (endpoint: string): string => `
      type: STATIC
      load_assignment:
        cluster_name: one
        endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: ${endpoint} } } }] }]`;

export const BROKEN_CLUSTERS: readonly BrokenConfig[] = [
  {
    what: "a cluster without a name",
    text: clusters("- »type: STATIC"),
    message: /empty/,
    remedy: /./,
  },
  {
    what: "two clusters of one name",
    text: clusters("- { name: a, type: STATIC }\n- { »name: a, type: STATIC }"),
    message: /"a"/,
    remedy: /name/,
  },
  {
    what: "a timeout of nothing",
    text: cluster("type: STATIC\n»connect_timeout: 0s"),
    message: /connect_timeout|0/,
    remedy: /./,
  },
  {
    what: "ejections that may not last as long as they begin",
    text: cluster(
      "type: STATIC\noutlier_detection: { base_ejection_time: 60s, »max_ejection_time: 30s }",
    ),
    message: /max_ejection_time cannot be smaller than base_ejection_time/,
    remedy: /base_ejection_time/,
  },
  {
    what: "more than all hosts ejected",
    text: cluster("type: STATIC\noutlier_detection: { »max_ejection_percent: 101 }"),
    message: /100/,
    remedy: /./,
  },
  {
    what: "outliers looked for all the time",
    text: cluster("type: STATIC\noutlier_detection: { »interval: 0s }"),
    message: /0|greater/,
    remedy: /./,
  },
  {
    what: "a limit per host that there is not",
    text: cluster(
      "type: STATIC\ncircuit_breakers: { per_host_thresholds: [»{ max_connections: 5, max_requests: 5 }] }",
    ),
    message: /Only max_connections/,
    remedy: /remove/,
  },
  {
    what: "a name in a STATIC cluster",
    text: cluster(assignment("{ »address: db.internal, port_value: 1 }")),
    message: /db\.internal/,
    remedy: /STRICT_DNS/,
  },
  {
    what: "an endpoint whose port does not exist",
    text: cluster(assignment("{ address: 127.0.0.1, »port_value: 65536 }")),
    message: /65536|65535/,
    remedy: /./,
  },
  {
    what: "a weight of nothing",
    text: cluster(`
      type: STATIC
      load_assignment:
        cluster_name: one
        endpoints:
        - lb_endpoints:
          - endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: 1 } } }
            »load_balancing_weight: 0`),
    message: /0|1/,
    remedy: /./,
  },
  {
    what: "a policy that the cluster should bring, but does not",
    text: cluster("type: STATIC\n»lb_policy: CLUSTER_PROVIDED"),
    message: /did not provide one/,
    remedy: /another policy/,
  },
  {
    what: "a local cluster that is not there",
    text: `cluster_manager: { »local_cluster_name: me }\n${cluster("type: STATIC")}`,
    message: /local cluster 'me' must be defined/,
    remedy: /static_resources\.clusters/,
  },
  {
    what: "subsets that fall back to all of their keys",
    text: cluster(`
      type: STATIC
      lb_subset_config:
        subset_selectors:
        - { keys: [a], fallback_policy: KEYS_SUBSET, »fallback_keys_subset: [a] }`),
    message: /cannot be equal to keys/,
    remedy: /leave at least one/,
  },
  {
    what: "a field that peak EWMA does not have",
    text: cluster(`
      type: STATIC
      load_balancing_policy:
        policies:
        - typed_extension_config:
            name: ours
            typed_config:
              "@type": type.googleapis.com/xds.type.v3.TypedStruct
              type_url: type.googleapis.com/outrigger.load_balancing_policies.peak_ewma
              value: { »decay: 5s }`),
    message: /peak_ewma has no field decay/,
    remedy: /decay_time/,
  },
  {
    what: "a maglev table whose size is not prime",
    text: cluster("type: STATIC\nlb_policy: MAGLEV\nmaglev_lb_config: { »table_size: 1000 }"),
    message: /must be prime/,
    remedy: /65537/,
  },
  {
    what: "a ring that is smaller than it must be",
    text: cluster(
      "type: STATIC\nlb_policy: RING_HASH\nring_hash_lb_config: { »minimum_ring_size: 9, maximum_ring_size: 8 }",
    ),
    message: /minimum_ring_size \(9\) > maximum_ring_size \(8\)/,
    remedy: /smaller/,
  },
  {
    what: "hashing by hostname in a static cluster",
    text: cluster(`
      type: STATIC
      lb_policy: RING_HASH
      common_lb_config: { consistent_hashing_lb_config: { »use_hostname_for_hashing: true } }`),
    message: /Cannot use hostname .*envoy\.cluster\.static/,
    remedy: /STRICT_DNS/,
  },
  {
    what: "locality settings beside a typed policy",
    text: cluster(`
      type: STATIC
      common_lb_config: { »locality_weighted_lb_config: {} }
      load_balancing_policy:
        policies:
        - typed_extension_config:
            name: rr
            typed_config: { "@type": type.googleapis.com/envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin }`),
    message: /cannot be combined/,
    remedy: /in the policy/,
  },
  {
    what: "a LOGICAL_DNS cluster of two names",
    text: cluster(`
      type: LOGICAL_DNS
      »load_assignment:
        cluster_name: one
        endpoints:
        - lb_endpoints:
          - endpoint: { address: { socket_address: { address: a.internal, port_value: 1 } } }
          - endpoint: { address: { socket_address: { address: b.internal, port_value: 1 } } }`),
    message: /single/,
    remedy: /STRICT_DNS/,
  },
  {
    what: "an EDS cluster without its source",
    text: clusters("- »name: one\n  type: EDS"),
    message: /eds/i,
    remedy: /eds_config/,
  },
  {
    what: "endpoints over gRPC, which come later",
    text: cluster(`
      type: EDS
      eds_cluster_config:
        »eds_config: { ads: {} }`),
    message: /files only/,
    remedy: /path_config_source/,
  },
  {
    what: "TLS to a service, which comes later",
    text: cluster(`
      type: STATIC
      »transport_socket:
        name: envoy.transport_sockets.tls
        typed_config: { "@type": ${EXTENSIONS}.transport_sockets.tls.v3.UpstreamTlsContext }`),
    message: /tls/i,
    remedy: /./,
  },
  {
    what: "a cluster kind that is not built in",
    text: cluster(`
      cluster_type:
        »name: envoy.clusters.redis
        typed_config: { "@type": ${EXTENSIONS}.clusters.redis.v3.RedisClusterConfig }`),
    message: /redis/i,
    remedy: /./,
  },
  {
    what: "priorities with a gap",
    text: cluster(`
      type: STATIC
      load_assignment:
        cluster_name: one
        endpoints:
        - priority: 0
        - »priority: 200`),
    message: /200|128/,
    remedy: /./,
  },
  {
    what: "a panic threshold above a hundred",
    text: cluster("type: STATIC\ncommon_lb_config: { healthy_panic_threshold: { »value: 120 } }"),
    message: /120|100/,
    remedy: /./,
  },
  {
    what: "a DNS rate of nothing",
    text: cluster("type: STRICT_DNS\n»dns_refresh_rate: 0s"),
    message: /dns_refresh_rate|0/,
    remedy: /./,
  },
  {
    what: "an active health check without its kind",
    text: cluster(`
      type: STATIC
      health_checks:
      - »{ timeout: 1s, interval: 1s, unhealthy_threshold: 1, healthy_threshold: 1 }`),
    message: /health_checker/,
    remedy: /./,
  },
];
