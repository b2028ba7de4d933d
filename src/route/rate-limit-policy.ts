// hot: per request
/**
 * `rate_limits` of a route, a virtual host or a filter: lists of actions that make descriptors of a
 * request. Envoy: `RateLimitPolicyImpl` (source/common/router/router_ratelimit.cc) and
 * `RateLimitConfig` (source/extensions/filters/common/ratelimit_config).
 */
import type { CompileContext } from "../config/compile-context.ts";
import type { RateLimit } from "../proto/generated/envoy/config/route/v3.ts";
import type { FormatParser, Formatter } from "./formatter.ts";
import {
  compileRateLimitAction,
  type DescriptorEntry,
  type RateLimitAction,
  type RateLimitInput,
} from "./rate-limit-actions.ts";
import { type RouteClock, requestFormatContext } from "./route-format.ts";

/** What a request is counted under. */
export interface RateLimitDescriptor {
  readonly entries: readonly DescriptorEntry[];
  /** How much it counts. */
  readonly hits: number;
}

interface Entry {
  readonly stage: number;
  readonly actions: readonly RateLimitAction[];
  readonly hits: number;
  /** Computes the hits; null for the fixed number. */
  readonly hitsFormat: Formatter | null;
}

export interface RateLimitCompilation {
  readonly formats: FormatParser;
  readonly time: RouteClock;
  /** The list stands in a filter: what only routes may say is refused. */
  readonly inFilter: boolean;
}

/** The descriptors that one list makes of a request. */
export class RateLimitPolicy {
  private readonly entries: readonly Entry[];
  private readonly time: RouteClock;

  constructor(entries: readonly Entry[], time: RouteClock) {
    this.entries = entries;
    this.time = time;
  }

  get empty(): boolean {
    return this.entries.length === 0;
  }

  /** Adds the descriptors of a stage. */
  collect(stage: number, input: RateLimitInput, into: RateLimitDescriptor[]): void {
    for (let index = 0; index < this.entries.length; index++) {
      const entry = this.entries[index] as Entry;
      if (entry.stage !== stage) continue;
      const descriptor = this.describe(entry, input);
      if (descriptor !== null) into.push(descriptor);
    }
  }

  private describe(entry: Entry, input: RateLimitInput): RateLimitDescriptor | null {
    const entries: DescriptorEntry[] = [];
    for (let index = 0; index < entry.actions.length; index++) {
      const found = (entry.actions[index] as RateLimitAction).entry(input);
      if (found === undefined) return null;
      if (found !== null) entries.push(found);
    }
    const hits = entry.hitsFormat === null ? entry.hits : this.format(entry.hitsFormat, input);
    return hits === null ? null : { entries, hits };
  }

  /** Null for what is no number: the entry then counts nothing. */
  private format(format: Formatter, { headers, streamInfo }: RateLimitInput): number | null {
    const text = format.format(requestFormatContext(headers, streamInfo, this.time));
    return /^[0-9]+$/.test(text) ? Number(text) : null;
  }
}

/** What a route and its virtual host say. */
export interface RouteRateLimits {
  readonly route: RateLimitPolicy | null;
  readonly virtualHost: RateLimitPolicy | null;
  /** `include_vh_rate_limits`. */
  readonly includeVirtualHost: boolean;
}

/** Null for an empty list; problems are in the context. */
export function compileRateLimits(
  messages: readonly RateLimit[] | undefined,
  compilation: RateLimitCompilation,
  context: CompileContext,
): RateLimitPolicy | null {
  if (messages === undefined || messages.length === 0) return null;
  const entries: Entry[] = [];
  for (const [index, message] of messages.entries()) {
    const at = context.at("rate_limits", index);
    const entry = compileEntry(message, compilation, at);
    if (isCounted(message, compilation, at)) entries.push(entry);
  }
  return new RateLimitPolicy(entries, compilation.time);
}

/**
 * Envoy: a filter leaves what is to be charged at the end of a stream to the rate limit service. An
 * entry of a route is switched off by any disable_key; more of what it says is for the service.
 */
function isCounted(
  message: RateLimit,
  { inFilter }: RateLimitCompilation,
  context: CompileContext,
): boolean {
  if (inFilter) {
    refuseRouteFields(message, context);
    return message.applyOnStreamDone !== true;
  }
  for (const field of ["hitsAddend", "applyOnStreamDone", "limit"] as const) {
    if (message[field] === undefined || message[field] === false) continue;
    const name = field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    context.at(name).warn(`${name} of a route has no effect on local rate limits`);
  }
  return (message.disableKey ?? "") === "";
}

function compileEntry(
  message: RateLimit,
  { formats, inFilter }: RateLimitCompilation,
  context: CompileContext,
): Entry {
  const actions = (message.actions ?? []).flatMap((action, index) => {
    const at = context.at("actions", index);
    if (inFilter && action.dynamicMetadata !== undefined) {
      at.at("dynamic_metadata").error("dynamic_metadata is for routes", "use metadata");
    }
    const compiled = compileRateLimitAction(action, at);
    return compiled === null ? [] : [compiled];
  });
  const { number, format = "" } = message.hitsAddend ?? {};
  const at = context.at("hits_addend");
  if (number !== undefined && format !== "" && inFilter) {
    at.error("hits_addend has both a number and a format", "keep one of them");
  }
  const options = { omitEmptyValues: true };
  return {
    stage: message.stage ?? 0,
    actions,
    hits: inFilter ? Number(number ?? 1) : 1,
    hitsFormat:
      format === "" || !inFilter ? null : formats.parseText(format, options, at.at("format")),
  };
}

function refuseRouteFields(message: RateLimit, context: CompileContext): void {
  const fields = [
    ["stage", message.stage],
    ["disable_key", message.disableKey],
    ["limit", message.limit],
  ] as const;
  for (const [field, value] of fields) {
    if (value === undefined || value === "") continue;
    context.at(field).error(`${field} is for routes, not for filters`, "remove it");
  }
}
