/** Every retry host predicate, in one list. */
import type {
  RetryExtensionType,
  RetryHostPredicate,
} from "../../upstream/retry-host-predicate.ts";
import { omitCanaryHosts } from "./omit-canary-hosts/omit-canary-hosts.ts";
import { omitHostMetadata } from "./omit-host-metadata/omit-host-metadata.ts";
import { previousHosts } from "./previous-hosts/previous-hosts.ts";

export function retryHostPredicates(): readonly RetryExtensionType<RetryHostPredicate>[] {
  return [previousHosts, omitHostMetadata, omitCanaryHosts];
}
