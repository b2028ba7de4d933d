/**
 * A retry avoids hosts whose `envoy.lb` metadata has all the given values. Envoy:
 * `envoy.retry_host_predicates.omit_host_metadata` (source/extensions/retry/host).
 */
import type { Metadata } from "../../../network/stream-info.ts";
import type { OmitHostMetadataConfig } from "../../../proto/generated/envoy/extensions/retry/host/omit_host_metadata/v3.ts";
import type { Host } from "../../../upstream/host.ts";
import type {
  RetryExtensionType,
  RetryHostPredicate,
} from "../../../upstream/retry-host-predicate.ts";

const NAMESPACE = "envoy.lb";

export const omitHostMetadata: RetryExtensionType<RetryHostPredicate> = {
  name: "envoy.retry_host_predicates.omit_host_metadata",
  messageType: "envoy.extensions.retry.host.omit_host_metadata.v3.OmitHostMetadataConfig",
  compile(message) {
    const { metadataMatch } = message as OmitHostMetadataConfig;
    const predicate = new OmitHostMetadata(metadataMatch?.filterMetadata?.[NAMESPACE] ?? {});
    return { create: () => predicate };
  },
};

class OmitHostMetadata implements RetryHostPredicate {
  private readonly wanted: readonly (readonly [key: string, value: unknown])[];

  constructor(wanted: Metadata[string]) {
    this.wanted = Object.entries(wanted);
  }

  shouldSelectAnotherHost(host: Host): boolean {
    // Nothing to look for: no host has it.
    if (this.wanted.length === 0) return false;
    const own = host.description.metadata?.[NAMESPACE];
    if (own === undefined) return false;
    return this.wanted.every(([key, value]) => Object.hasOwn(own, key) && equal(own[key], value));
  }

  onHostAttempted(): void {
    // Only metadata counts.
  }
}

/** Values of google.protobuf.Struct. */
function equal(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((one, index) => equal(one, right[index]));
  }
  if (!isObject(left) || !isObject(right)) return false;
  const keys = Object.keys(left);
  return (
    keys.length === Object.keys(right).length &&
    keys.every((key) => Object.hasOwn(right, key) && equal(left[key], right[key]))
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
