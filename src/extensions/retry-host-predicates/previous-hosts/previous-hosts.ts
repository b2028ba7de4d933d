/**
 * A retry avoids the hosts that were tried before. Envoy:
 * `envoy.retry_host_predicates.previous_hosts` (source/extensions/retry/host/previous_hosts).
 */
import type { Host } from "../../../upstream/host.ts";
import type {
  RetryExtensionType,
  RetryHostPredicate,
} from "../../../upstream/retry-host-predicate.ts";

export const previousHosts: RetryExtensionType<RetryHostPredicate> = {
  name: "envoy.retry_host_predicates.previous_hosts",
  messageType: "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
  compile: () => ({ create: () => new PreviousHosts() }),
};

class PreviousHosts implements RetryHostPredicate {
  /** By address: a host that was replaced meanwhile is still the same place. */
  private readonly attempted: string[] = [];

  shouldSelectAnotherHost(host: Host): boolean {
    return this.attempted.includes(host.addressText);
  }

  onHostAttempted(host: Host): void {
    this.attempted.push(host.addressText);
  }
}
