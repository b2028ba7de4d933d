/**
 * A retry avoids canary hosts. Envoy: `envoy.retry_host_predicates.omit_canary_hosts`
 * (source/extensions/retry/host/omit_canary_hosts).
 */
import type {
  RetryExtensionType,
  RetryHostPredicate,
} from "../../../upstream/retry-host-predicate.ts";

const predicate: RetryHostPredicate = {
  shouldSelectAnotherHost: (host) => host.description.canary,
  onHostAttempted: () => undefined,
};

export const omitCanaryHosts: RetryExtensionType<RetryHostPredicate> = {
  name: "envoy.retry_host_predicates.omit_canary_hosts",
  messageType: "envoy.extensions.retry.host.omit_canary_hosts.v3.OmitCanaryHostsPredicate",
  compile: () => ({ create: () => predicate }),
};
