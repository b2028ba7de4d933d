/**
 * `internal_redirect_policy` of a route, compiled: redirects of the upstream that the proxy follows
 * itself. Envoy: `InternalRedirectPolicyImpl` (source/common/router/config_impl.cc).
 */
import { type HeaderName, headerName } from "../codec/header-names.ts";
import type { CompileContext } from "../config/compile-context.ts";
import type { StreamInfo } from "../network/stream-info.ts";
import type {
  InternalRedirectPolicy as InternalRedirectPolicyMessage,
  RouteAction,
} from "../proto/generated/envoy/config/route/v3.ts";
import type { RetryExtensionMessage } from "./retry-policy.ts";

/** What a predicate decides about. */
export interface RedirectTarget {
  /** Of the request that was answered with the redirect. Its filter state goes on with the next. */
  readonly streamInfo: StreamInfo;
  /** The route whose policy this is, and the one that the location leads to. */
  readonly routeName: string;
  readonly targetRouteName: string;
  readonly https: boolean;
  readonly targetHttps: boolean;
}

export interface InternalRedirectPredicate {
  /** False: the redirect goes to the client. */
  accepts(target: RedirectTarget): boolean;
}

/** Compiles predicates by name; null after an error was reported. */
export interface RedirectPredicateTypes {
  redirectPredicate(
    message: RetryExtensionMessage,
    context: CompileContext,
  ): InternalRedirectPredicate | null;
}

export interface InternalRedirectPolicy {
  /** One request follows at most so many. */
  readonly maxRedirects: number;
  readonly statuses: readonly number[];
  readonly predicates: readonly InternalRedirectPredicate[];
  /** From http to https or back. */
  readonly crossScheme: boolean;
  /** Of the redirect, for the next request. */
  readonly copiedHeaders: readonly HeaderName[];
}

const STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Null without policy: redirects are answers like others. */
export function compileInternalRedirects(
  action: RouteAction,
  types: RedirectPredicateTypes,
  context: CompileContext,
): InternalRedirectPolicy | null {
  const message = policyMessage(action);
  if (message === null) return null;
  const at = context.at("internal_redirect_policy");
  const statuses = message.redirectResponseCodes ?? [];
  const predicates = (message.predicates ?? []).flatMap((predicate, index) => {
    const made = types.redirectPredicate(predicate, at.at("predicates", index));
    return made === null ? [] : [made];
  });
  return {
    maxRedirects: message.maxInternalRedirects ?? 1,
    // Others are ignored, as in Envoy.
    statuses: statuses.length === 0 ? [302] : statuses.filter((status) => STATUSES.has(status)),
    predicates,
    crossScheme: message.allowCrossSchemeRedirect === true,
    copiedHeaders: copiedHeaders(message, at),
  };
}

/** The policy, or the fields that came before it. */
function policyMessage(action: RouteAction): InternalRedirectPolicyMessage | null {
  if (action.internalRedirectPolicy !== undefined) return action.internalRedirectPolicy;
  if (action.internalRedirectAction !== "HANDLE_INTERNAL_REDIRECT") return null;
  const { maxInternalRedirects } = action;
  return maxInternalRedirects === undefined ? {} : { maxInternalRedirects };
}

function copiedHeaders(
  message: InternalRedirectPolicyMessage,
  context: CompileContext,
): readonly HeaderName[] {
  const names = message.responseHeadersToCopy ?? [];
  for (const [index, name] of names.entries()) {
    if (name.startsWith(":") || name.toLowerCase() === "host") {
      context
        .at("response_headers_to_copy", index)
        .error(`${name} cannot be copied: the location decides it`, "remove the entry");
    }
  }
  return names.map(headerName);
}
