/**
 * Compiles `stats_config`: which stats exist, how names become tags, and the buckets of histograms.
 * Envoy: envoy.config.metrics.v3.StatsConfig.
 */
import type {
  HistogramBucketSettings,
  StatsConfig as StatsConfigMessage,
  StatsMatcher as StatsMatcherMessage,
  TagSpecifier,
} from "../proto/generated/envoy/config/metrics/v3.ts";
import type { ListStringMatcher } from "../proto/generated/envoy/type/matcher/v3.ts";
import { type HistogramBucketSetting, HistogramBuckets } from "../stats/histogram-buckets.ts";
import { ACCEPT_ALL_STATS, REJECT_ALL_STATS, type StatsMatcher } from "../stats/stats-store.ts";
import { compileTagPattern } from "../stats/tag-pattern.ts";
import { type CustomTag, hasDefaultTag, type Tag, type TagConfig } from "../stats/tags.ts";
import type { CompileContext } from "./compile-context.ts";
import { compileStringMatcher, type StringMatcher } from "./matcher/string-matcher.ts";

export interface StatsConfig {
  readonly matcher: StatsMatcher;
  readonly tags: TagConfig;
  readonly buckets: HistogramBuckets;
}

/**
 * `message` is undefined when the bootstrap has no stats_config; `commandLineTags` come from
 * `--stats-tag`.
 */
export function compileStatsConfig(
  message: StatsConfigMessage | undefined,
  commandLineTags: readonly Tag[],
  context: CompileContext,
): StatsConfig {
  const settings = message?.histogramBucketSettings ?? [];
  const customTags = message?.statsTags ?? [];
  return {
    matcher: compileMatcher(message?.statsMatcher, context.at("stats_matcher")),
    tags: {
      useAllDefaultTags: message?.useAllDefaultTags ?? true,
      customTags: customTags.flatMap((tag, i) => compileTag(tag, context.at("stats_tags", i))),
      commandLineTags,
    },
    buckets: new HistogramBuckets(
      settings.flatMap((setting, i) =>
        compileBuckets(setting, context.at("histogram_bucket_settings", i)),
      ),
    ),
  };
}

function compileMatcher(
  message: StatsMatcherMessage | undefined,
  context: CompileContext,
): StatsMatcher {
  if (message?.rejectAll === true) return REJECT_ALL_STATS;
  if (message?.exclusionList !== undefined) {
    const excluded = compileList(message.exclusionList, context.at("exclusion_list"));
    return { accepts: (name) => !excluded.some((matcher) => matcher.matches(name)) };
  }
  if (message?.inclusionList !== undefined) {
    const included = compileList(message.inclusionList, context.at("inclusion_list"));
    return { accepts: (name) => included.some((matcher) => matcher.matches(name)) };
  }
  return ACCEPT_ALL_STATS;
}

function compileList(message: ListStringMatcher, context: CompileContext): StringMatcher[] {
  const patterns = message.patterns ?? [];
  return patterns.flatMap((pattern, i) => {
    const matcher = compileStringMatcher(pattern, context.at("patterns", i));
    return matcher === null ? [] : [matcher];
  });
}

/** No element when the tag is wrong; the reason is in the context. */
function compileTag(message: TagSpecifier, context: CompileContext): CustomTag[] {
  const name = message.tagName ?? "";
  if (name === "") {
    context.at("tag_name").error("A tag needs a name", "set tag_name");
    return [];
  }
  if (message.fixedValue !== undefined) {
    return [{ name, kind: "fixed", value: message.fixedValue }];
  }
  if (message.regex === undefined || message.regex === "") {
    if (hasDefaultTag(name)) return [{ name, kind: "default" }];
    context.error(
      `No regex specified for tag specifier and no default regex for name: '${name}'`,
      "set regex or fixed_value, or name one of Envoy's default tags",
    );
    return [];
  }
  const pattern = compileTagPattern(message.regex);
  if (typeof pattern !== "string") return [{ name, kind: "pattern", pattern }];
  context.at("regex").error(pattern, "use RE2 syntax: lookaheads are not supported");
  return [];
}

/**
 * `bins` only sizes memory in advance, which here is never needed. Bounds are sorted, as in Envoy.
 */
function compileBuckets(
  message: HistogramBucketSettings,
  context: CompileContext,
): HistogramBucketSetting[] {
  const matcher = compileStringMatcher(message.match ?? {}, context.at("match"));
  const bounds = [...(message.buckets ?? [])].sort((a, b) => a - b);
  if (matcher === null || bounds.length === 0) return [];
  return [{ matches: (name) => matcher.matches(name), bounds }];
}
