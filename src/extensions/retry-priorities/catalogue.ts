/** Every retry priority, in one list. */
import type { RetryExtensionType, RetryPriority } from "../../upstream/retry-host-predicate.ts";
import { previousPriorities } from "./previous-priorities/previous-priorities.ts";

export function retryPriorities(): readonly RetryExtensionType<RetryPriority>[] {
  return [previousPriorities];
}
