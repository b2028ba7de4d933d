/** What compiling a route table needs from the layers around it. */
import type { CompileContext } from "../config/compile-context.ts";
import type { RuntimeSnapshot } from "../config/runtime.ts";
import type { DataSource } from "../proto/generated/envoy/config/core/v3.ts";
import type { FormatParser } from "./formatter.ts";
import type { RedirectPredicateTypes } from "./internal-redirect.ts";
import type { RouteFilterTypes } from "./per-filter-config.ts";
import type { RetryExtensionTypes } from "./retry-policy.ts";

export interface RouteServices {
  readonly runtime: RuntimeSnapshot;
  readonly formats: FormatParser;
  /** Retry predicates, retry priorities, redirect predicates. */
  readonly extensions: RetryExtensionTypes & RedirectPredicateTypes;
  /** HTTP filters that take typed_per_filter_config. */
  readonly filters: RouteFilterTypes;
  /** Monotonic clock, for durations in header formats. */
  readonly time: { monotonicMs(): number };
  /**
   * Reads a file or an environment variable (inline sources never come here); null after reporting.
   */
  readDataSource(source: DataSource, context: CompileContext): Uint8Array | null;
  /** Known clusters, for validate_clusters; null when they cannot be known (CDS). */
  readonly clusterNames: ReadonlySet<string> | null;
  /** Default of validate_clusters: true for a static route_config, false for RDS. */
  readonly validateClusters: boolean;
}
