import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  DEFAULT_TAG_CONFIG,
  hasDefaultTag,
  type TagPattern,
  TagProducer,
} from "../../src/stats/tags.ts";

/** `family{tag=value,…}` with the envoy. prefix left out. */
function tagged(name: string, producer: TagProducer = new TagProducer()): string {
  const { family, tags } = producer.produce(name);
  const list = tags.map((tag) => `${tag.name.replace(/^envoy\./, "")}=${tag.value}`);
  return `${family}{${list.join(",")}}`;
}

function pattern(source: string): TagPattern {
  const regex = new RegExp(source, "d");
  return {
    source,
    find(name) {
      const match = regex.exec(name);
      const range = match?.indices?.[1];
      if (range === undefined || match === null) return null;
      return { start: range[0], end: range[1], value: match[2] ?? match[1] ?? "" };
    },
  };
}

describe("TagProducer", () => {
  it("extracts Envoy's default tags in Envoy's order", () => {
    const cases: [string, string][] = [
      ["server.live", "server.live{}"],
      ["nodots", "nodots{}"],
      ["cluster.foo.upstream_rq_200", "cluster.upstream_rq{response_code=200,cluster_name=foo}"],
      [
        "cluster.foo.upstream_rq_2xx",
        "cluster.upstream_rq_xx{response_code_class=2,cluster_name=foo}",
      ],
      [
        "cluster.foo.external.upstream_rq_503",
        "cluster.external.upstream_rq{response_code=503,cluster_name=foo}",
      ],
      [
        "http.ingress.downstream_rq_2xx",
        "http.downstream_rq_xx{response_code_class=2,http_conn_manager_prefix=ingress}",
      ],
      [
        "listener.0.0.0.0_80.http.ingress.downstream_rq_2xx",
        "listener.http.downstream_rq_xx{response_code_class=2,http_conn_manager_prefix=ingress,listener_address=0.0.0.0_80}",
      ],
      [
        "listener.[__1]_80.downstream_cx_total",
        "listener.downstream_cx_total{listener_address=[__1]_80}",
      ],
      [
        "listener.my_name.downstream_cx_total",
        "listener.downstream_cx_total{listener_address=my_name}",
      ],
      ["listener.admin.downstream_cx_total", "listener.admin.downstream_cx_total{}"],
      [
        "listener.admin.http.admin.downstream_rq_2xx",
        "listener.admin.http.downstream_rq_xx{response_code_class=2,http_conn_manager_prefix=admin}",
      ],
      [
        "listener.127.0.0.1_0.worker_12.downstream_cx_total",
        "listener.worker_downstream_cx_total{worker_id=12,listener_address=127.0.0.1_0}",
      ],
      ["server.worker_0.watchdog_miss", "server.worker_watchdog_miss{worker_id=0}"],
      [
        "listener.0.0.0.0_1.ssl.ciphers.AES-128",
        "listener.ssl.ciphers{ssl_cipher=AES-128,listener_address=0.0.0.0_1}",
      ],
      ["cluster.c.ssl.ciphers.AES-128", "cluster.ssl.ciphers{cipher_suite=AES-128,cluster_name=c}"],
      [
        "cluster.c.ssl.versions.TLSv1.3",
        "cluster.ssl.versions{ssl_version=TLSv1.3,cluster_name=c}",
      ],
      ["listener.l.ssl.curves.X25519", "listener.ssl.curves{ssl_curve=X25519,listener_address=l}"],
      [
        "listener.l.ssl.sigalgs.rsa_pss",
        "listener.ssl.sigalgs{ssl_sigalg=rsa_pss,listener_address=l}",
      ],
      [
        "listener.l.ssl.certificate.cert1.expiration",
        "listener.ssl.certificate.expiration{tls_certificate=cert1,listener_address=l}",
      ],
      ["tcp.p.downstream_cx_total", "tcp.downstream_cx_total{tcp_prefix=p}"],
      [
        "vhost.v.vcluster.c.upstream_rq_200",
        "vhost.vcluster.upstream_rq{response_code=200,virtual_cluster=c,virtual_host=v}",
      ],
      [
        "vhost.v.route.r.upstream_rq_2xx",
        "vhost.route.upstream_rq_xx{response_code_class=2,virtual_host=v,route=r}",
      ],
      [
        "http.p.user_agent.ios.downstream_cx_total",
        "http.user_agent.downstream_cx_total{http_user_agent=ios,http_conn_manager_prefix=p}",
      ],
      [
        "http.p.fault.down.aborts_injected",
        "http.fault.aborts_injected{fault_downstream_cluster=down,http_conn_manager_prefix=p}",
      ],
      ["http.p.fault.aborts_injected", "http.fault.aborts_injected{http_conn_manager_prefix=p}"],
      [
        "cluster.c.grpc.svc.Method.success",
        "cluster.grpc.success{grpc_bridge_method=Method,grpc_bridge_service=svc,cluster_name=c}",
      ],
      [
        "cluster.c.grpc.svc.success",
        "cluster.grpc.success{grpc_bridge_service=svc,cluster_name=c}",
      ],
      [
        "http.p.rds.route.v1.config_reload",
        "http.rds.config_reload{rds_route_config=route.v1,http_conn_manager_prefix=p}",
      ],
      [
        "http.p.scoped_rds.a/b.c.config_reload",
        "http.scoped_rds.config_reload{scoped_rds_config=a/b.c,http_conn_manager_prefix=p}",
      ],
      ["cluster.c.ext_authz.x.ok", "cluster.ext_authz.ok{cluster_name=c,ext_authz_prefix=x}"],
      ["http.p.ext_authz.x.ok", "http.ext_authz.ok{ext_authz_prefix=x,http_conn_manager_prefix=p}"],
      [
        "p.http_local_rate_limit.enabled",
        "http_local_rate_limit.enabled{local_http_ratelimit_prefix=p}",
      ],
      [
        "local_rate_limit.p.rate_limited",
        "local_rate_limit.rate_limited{local_network_ratelimit_prefix=p}",
      ],
      [
        "listener_local_ratelimit.p.rate_limited",
        "listener_local_ratelimit.rate_limited{local_listener_ratelimit_prefix=p}",
      ],
      ["connection_limit.p.limited", "connection_limit.limited{connection_limit_prefix=p}"],
      ["p.rbac.allowed", "rbac.allowed{rbac_prefix=p}"],
      ["http.p.rbac.allowed", "http.rbac.allowed{http_conn_manager_prefix=p}"],
      ["http.p.rbac.x.allowed", "http.rbac.allowed{rbac_http_prefix=x,http_conn_manager_prefix=p}"],
      [
        "http.p.rbac.policy.admin.allowed",
        "http.rbac.policy.allowed{rbac_policy_name=admin,http_conn_manager_prefix=p}",
      ],
      ["proxy_proto.versions.v2.found", "proxy_proto.found{proxy_protocol_version=2}"],
      ["proxy_proto.p.not_found_allowed", "proxy_proto.not_found_allowed{proxy_protocol_prefix=p}"],
      [
        "mongo.p.collection.users.callsite.get.query.total",
        "mongo.collection.callsite.query.total{mongo_callsite=get,mongo_collection=users,mongo_prefix=p}",
      ],
      ["mongo.p.cmd.isMaster.total", "mongo.cmd.total{mongo_cmd=isMaster,mongo_prefix=p}"],
      [
        "http.p.dynamodb.table.t.capacity.GetItem.__partition_id=ABC1234",
        "http.dynamodb.table.capacity{dynamo_partition_id=ABC1234,dynamo_operation=GetItem,dynamo_table=t,http_conn_manager_prefix=p}",
      ],
      ["sds.secret.update_attempt", "sds.update_attempt{xds_resource_name=secret}"],
      ["auth.clientssl.p.update_success", "auth.clientssl.update_success{clientssl_prefix=p}"],
      ["ratelimit.p.ok", "ratelimit.ok{ratelimit_prefix=p}"],
      ["redis.p.command.get.total", "redis.command.get.total{redis_prefix=p}"],
      ["grpc.google.x.streams_total", "grpc.x.streams_total{google_grpc_client_prefix=google}"],
      [
        "thread_local_cluster_manager.worker_0.clusters_inflated",
        "thread_local_cluster_manager.worker_clusters_inflated{worker_id=0}",
      ],
    ];
    for (const [name, expected] of cases) assert.equal(tagged(name), expected);
  });

  it("leaves a name alone that ends where a value would need a follower", () => {
    assert.equal(tagged("cluster.foo"), "cluster.foo{}");
    assert.equal(tagged("tcp.p"), "tcp.p{}");
  });

  it("puts command-line and fixed tags behind the rules for any name and before the rest", () => {
    const producer = new TagProducer({
      ...DEFAULT_TAG_CONFIG,
      commandLineTags: [{ name: "cli", value: "1" }],
      customTags: [{ name: "fixed", kind: "fixed", value: "2" }],
    });
    assert.equal(
      tagged("cluster.c.upstream_rq_200", producer),
      "cluster.upstream_rq{response_code=200,cli=1,fixed=2,cluster_name=c}",
    );
    assert.equal(tagged("server.live", producer), "server.live{cli=1,fixed=2}");
  });

  it("uses only the named default rules when all defaults are off", () => {
    const producer = new TagProducer({
      useAllDefaultTags: false,
      commandLineTags: [],
      customTags: [{ name: "envoy.cluster_name", kind: "default" }],
    });
    assert.equal(
      tagged("cluster.c.upstream_rq_200", producer),
      "cluster.upstream_rq_200{cluster_name=c}",
    );
    assert.equal(tagged("http.p.downstream_rq_total", producer), "http.p.downstream_rq_total{}");
    assert.ok(hasDefaultTag("envoy.http_conn_manager_prefix"));
    assert.ok(!hasDefaultTag("envoy.nothing"));
  });

  it("lets a custom rule cut an overlapping part, as Istio's cluster names need", () => {
    const producer = new TagProducer({
      useAllDefaultTags: false,
      commandLineTags: [],
      customTags: [
        {
          name: "cluster_name",
          kind: "pattern",
          pattern: pattern(String.raw`^cluster\.((.+?(\..+?\.svc\.cluster\.local)?)\.)`),
        },
        {
          name: "response_code",
          kind: "pattern",
          pattern: pattern(String.raw`(response_code=\.=(.+?);\.;)`),
        },
      ],
    });
    assert.equal(
      tagged("cluster.outbound|80||svc.ns.svc.cluster.local.upstream_rq_total", producer),
      "cluster.upstream_rq_total{cluster_name=outbound|80||svc.ns.svc.cluster.local}",
    );
    assert.equal(
      tagged("istio.response_code=.=200;.;total", producer),
      "istio.total{response_code=200}",
    );
  });

  it("keeps the first value when two rules name the same tag", () => {
    const producer = new TagProducer({
      ...DEFAULT_TAG_CONFIG,
      customTags: [
        { name: "envoy.response_code", kind: "pattern", pattern: pattern("(upstream)") },
      ],
    });
    assert.equal(tagged("x.upstream_rq_200", producer), "x.upstream_rq{response_code=200}");
    assert.equal(tagged("x.upstream_other", producer), "x._other{response_code=upstream}");
  });

  it("takes time linear in the length of a hostile name", () => {
    const producer = new TagProducer();
    const hostile = `listener.${"a.http".repeat(20_000)}.ssl.ciphers.x!`;
    assert.equal(producer.produce(hostile).tags.length, 2);
  });
});
