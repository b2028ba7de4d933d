// hot: per request
/**
 * The buckets of one limit, and who takes from which. Envoy: `LocalRateLimiterImpl`
 * (source/extensions/filters/common/local_ratelimit/local_ratelimit_impl.cc).
 */
import type { DescriptorEntry } from "../../../route/rate-limit-actions.ts";
import type { RateLimitDescriptor } from "../../../route/rate-limit-policy.ts";
import type { SharedTokenBucket, TokenBucketRate } from "../../../upstream/limiter-slots.ts";
import { type DescriptorConfig, descriptorText, type LimitConfig } from "./config.ts";

/** Makes the buckets: shared ones, or those of one connection. */
export type BucketMaker = (key: string, rate: TokenBucketRate) => SharedTokenBucket;

/** What became of a request. */
export interface LimitOutcome {
  readonly allowed: boolean;
  /** The bucket that clients are told of; null when none counted. */
  readonly bucket: SharedTokenBucket | null;
}

const UNLIMITED: LimitOutcome = { allowed: true, bucket: null };

interface Match {
  readonly bucket: SharedTokenBucket;
  readonly hits: number;
}

export class RateLimiter {
  private readonly defaultBucket: SharedTokenBucket | null;
  private readonly alwaysConsumesDefault: boolean;
  private readonly exact = new Map<string, SharedTokenBucket>();
  private readonly dynamic: DynamicBuckets[] = [];

  constructor(config: LimitConfig, make: BucketMaker) {
    this.defaultBucket = config.bucket === null ? null : make("", config.bucket);
    this.alwaysConsumesDefault = config.alwaysConsumesDefault;
    for (const descriptor of config.descriptors) {
      const text = descriptorText(descriptor.entries);
      if (descriptor.entries.some(({ value }) => value === "")) {
        this.dynamic.push(new DynamicBuckets(descriptor, config.maxDynamicDescriptors, make));
      } else this.exact.set(text, make(text, descriptor.bucket));
    }
  }

  /**
   * Takes from every bucket that a descriptor of the request has, slowest first, then from the
   * default one. What was taken before a refusal is not given back. Each of `shares` proxies may
   * use its part: a request costs so many times as much.
   */
  request(descriptors: readonly RateLimitDescriptor[], shares: number = 1): LimitOutcome {
    const matches = this.matches(descriptors);
    for (let index = 0; index < matches.length; index++) {
      const { bucket, hits } = matches[index] as Match;
      if (!bucket.tryConsume(hits * shares)) return { allowed: false, bucket };
    }
    const [first] = matches;
    const { defaultBucket } = this;
    if (defaultBucket !== null && (first === undefined || this.alwaysConsumesDefault)) {
      if (!defaultBucket.tryConsume(shares)) return { allowed: false, bucket: defaultBucket };
    }
    const bucket = first?.bucket ?? defaultBucket;
    return bucket === null ? UNLIMITED : { allowed: true, bucket };
  }

  /** Gives the buckets back. */
  close(): void {
    this.defaultBucket?.close();
    for (const bucket of this.exact.values()) bucket.close();
    for (const dynamic of this.dynamic) dynamic.close();
  }

  private matches(descriptors: readonly RateLimitDescriptor[]): Match[] {
    const matches: Match[] = [];
    for (let index = 0; index < descriptors.length; index++) {
      const { entries, hits } = descriptors[index] as RateLimitDescriptor;
      const bucket = this.find(entries);
      if (bucket !== null) matches.push({ bucket, hits });
    }
    if (matches.length > 1) matches.sort((a, b) => a.bucket.tokensPerMs - b.bucket.tokensPerMs);
    return matches;
  }

  private find(entries: readonly DescriptorEntry[]): SharedTokenBucket | null {
    const text = descriptorText(entries);
    const exact = this.exact.get(text);
    if (exact !== undefined) return exact;
    for (let index = 0; index < this.dynamic.length; index++) {
      const dynamic = this.dynamic[index] as DynamicBuckets;
      if (dynamic.covers(entries)) return dynamic.bucket(text);
    }
    return null;
  }
}

/** One bucket per value of a descriptor, for those seen last. */
class DynamicBuckets {
  private readonly config: DescriptorConfig;
  private readonly max: number;
  private readonly make: BucketMaker;
  /** By descriptor, the one used longest ago first. */
  private readonly buckets = new Map<string, SharedTokenBucket>();

  constructor(config: DescriptorConfig, max: number, make: BucketMaker) {
    this.config = config;
    this.max = max;
    this.make = make;
  }

  covers(entries: readonly DescriptorEntry[]): boolean {
    const own = this.config.entries;
    if (entries.length !== own.length) return false;
    for (let index = 0; index < own.length; index++) {
      const { key, value } = own[index] as DescriptorEntry;
      const entry = entries[index] as DescriptorEntry;
      if (entry.key !== key || (value !== "" && entry.value !== value)) return false;
    }
    return true;
  }

  bucket(text: string): SharedTokenBucket {
    const known = this.buckets.get(text);
    if (known !== undefined) this.buckets.delete(text);
    const bucket = known ?? this.make(text, this.config.bucket);
    this.buckets.set(text, bucket);
    if (this.buckets.size > this.max) this.forgetOldest();
    return bucket;
  }

  close(): void {
    for (const bucket of this.buckets.values()) bucket.close();
  }

  private forgetOldest(): void {
    for (const [text, bucket] of this.buckets) {
      this.buckets.delete(text);
      bucket.close();
      return;
    }
  }
}
