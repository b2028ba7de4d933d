/**
 * By which text a host is placed in a ring or table. Envoy: `HashingLoadBalancer::hashKey`
 * (source/extensions/load_balancing_policies/common/thread_aware_lb_impl.h).
 */
import { toByteString } from "../../base/byte-string.ts";
import type { HostDescription } from "../../upstream/host.ts";

/** Metadata `envoy.lb.hash_key` as a string wins; then the hostname if asked for; the address. */
export function hashKey(description: HostDescription, useHostname: boolean): string {
  const key = description.metadata?.["envoy.lb"]?.["hash_key"];
  if (typeof key === "string") return toByteString(key);
  return toByteString(useHostname ? description.hostname : description.addressText);
}
