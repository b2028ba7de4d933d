import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CompileContext } from "../../src/config/compile-context.ts";
import { compileStatsConfig, type StatsConfig } from "../../src/config/stats-config.ts";
import type { StatsConfig as StatsConfigMessage } from "../../src/proto/generated/envoy/config/metrics/v3.ts";
import { DEFAULT_HISTOGRAM_BOUNDS } from "../../src/stats/histogram-buckets.ts";
import { TagProducer } from "../../src/stats/tags.ts";

function compiled(message: StatsConfigMessage | undefined): StatsConfig {
  const context = new CompileContext("stats_config");
  const config = compileStatsConfig(message, [], context);
  assert.deepEqual(context.diagnostics, []);
  return config;
}

function problems(message: StatsConfigMessage): string[] {
  const context = new CompileContext("stats_config");
  compileStatsConfig(message, [], context);
  return context.diagnostics.map(({ path, message: text }) => `${path}: ${text}`);
}

/** `family{name=value}` by one custom tag, defaults off. */
function tagged(regex: string, name: string): string {
  const message = { useAllDefaultTags: false, statsTags: [{ tagName: "t", regex }] };
  const { family, tags } = new TagProducer(compiled(message).tags).produce(name);
  return `${family}{${tags.map((tag) => `${tag.name}=${tag.value}`).join(",")}}`;
}

describe("compileStatsConfig", () => {
  it("accepts every stat by default, with default tags and buckets", () => {
    const config = compiled(undefined);
    assert.ok(config.matcher.accepts("anything"));
    assert.ok(config.tags.useAllDefaultTags);
    assert.equal(config.buckets.boundsFor("x"), DEFAULT_HISTOGRAM_BOUNDS);
  });

  it("rejects all, or what a list excludes, or what a list does not include", () => {
    const patterns = [{ prefix: "cluster." }, { suffix: "_total" }];
    const accepted = (statsMatcher: object): string[] => {
      const { matcher } = compiled({ statsMatcher });
      return ["cluster.a", "b_total", "c"].filter((name) => matcher.accepts(name));
    };
    assert.deepEqual(accepted({ rejectAll: true }), []);
    assert.deepEqual(accepted({ exclusionList: { patterns } }), ["c"]);
    assert.deepEqual(accepted({ inclusionList: { patterns } }), ["cluster.a", "b_total"]);
    assert.deepEqual(accepted({}), ["cluster.a", "b_total", "c"]);
  });

  it("takes the first bucket setting that matches, in ascending order", () => {
    const { buckets } = compiled({
      histogramBucketSettings: [
        { match: { suffix: "_ms" }, buckets: [10, 1, 5] },
        { match: { prefix: "cluster" }, buckets: [2] },
      ],
    });
    assert.deepEqual(buckets.boundsFor("cluster.x_ms"), [1, 5, 10]);
    assert.deepEqual(buckets.boundsFor("cluster.x"), [2]);
    assert.deepEqual(buckets.boundsFor("http.x"), DEFAULT_HISTOGRAM_BOUNDS);
  });

  it("extracts the tags of Istio's bootstrap, its lookahead included", () => {
    assert.equal(
      tagged(
        String.raw`^cluster\.((.+?(\..+?\.svc\.cluster\.local)?)\.)`,
        "cluster.outbound|80||svc.ns.svc.cluster.local.upstream_rq_total",
      ),
      "cluster.upstream_rq_total{t=outbound|80||svc.ns.svc.cluster.local}",
    );
    const listener = String.raw`^listener(?=\.).*?\.http\.(((?:[_.[:digit:]]*|[_\[\]aAbBcCdDeEfF[:digit:]]*))\.)`;
    assert.equal(
      tagged(listener, "listener.0.0.0.0_80.http.0.0.0.0_80.downstream_rq_2xx"),
      "listener.0.0.0.0_80.http.downstream_rq_2xx{t=0.0.0.0_80}",
    );
    assert.equal(tagged(listener, "listenerx.http.0.0_80.x"), "listenerx.http.0.0_80.x{}");
    assert.equal(tagged(String.raw`_rq(_(\dxx))$`, "a.b_rq_2xx"), "a.b_rq{t=2xx}");
    assert.equal(
      tagged(String.raw`^mongo\.(.+?)\.(collection|cmd)(.*?)$`, "mongo.p.cmd.x"),
      "mongo..cmd.x{t=cmd}",
    );
  });

  it("uses group 1 as value without a second group, and nothing without groups", () => {
    assert.equal(tagged("^a(b)", "abc"), "ac{t=b}");
    assert.equal(tagged("^ab", "abc"), "abc{}");
    assert.equal(tagged("(x)|c", "abc"), "abc{t=}");
  });

  it("names default tags and fixed values", () => {
    const { tags } = compiled({
      useAllDefaultTags: false,
      statsTags: [{ tagName: "envoy.cluster_name" }, { tagName: "zone", fixedValue: "z1" }],
    });
    const { family, tags: found } = new TagProducer(tags).produce("cluster.c.x");
    assert.deepEqual([family, found.map((tag) => tag.value)], ["cluster.x", ["z1", "c"]]);
  });

  it("reports what is wrong, with its place", () => {
    assert.deepEqual(problems({ statsTags: [{ tagName: "nobody" }] }), [
      "stats_config.stats_tags[0]: No regex specified for tag specifier and no default regex for name: 'nobody'",
    ]);
    const [regex] = problems({ statsTags: [{ tagName: "t", regex: "a(?=b)" }] });
    assert.match(regex ?? "", /^stats_config\.stats_tags\[0\]\.regex: /);
    const [matcher] = problems({ statsMatcher: { exclusionList: { patterns: [{}] } } });
    assert.match(matcher ?? "", /^stats_config\.stats_matcher\.exclusion_list\.patterns\[0\]: /);
    const [match] = problems({ histogramBucketSettings: [{ buckets: [1] }] });
    assert.match(match ?? "", /^stats_config\.histogram_bucket_settings\[0\]\.match: /);
  });
});
