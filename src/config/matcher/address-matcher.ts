/**
 * Address ranges of configuration, and the matcher of IP text against a list of them. Envoy:
 * `IpList`, `input_matchers.ip`.
 */
import { type CidrRange, parseCidrRange } from "../../base/cidr.ts";
import type { CidrRange as CidrRangeMessage } from "../../proto/generated/xds/core/v3.ts";
import type { CompileContext } from "../compile-context.ts";
import type { StringMatcher } from "./string-matcher.ts";

/** Compiles either CidrRange message; an unset prefix_len is 0. */
export function compileRange(message: CidrRangeMessage, context: CompileContext): CidrRange | null {
  const range = parseCidrRange(message.addressPrefix ?? "", message.prefixLen ?? 0);
  if (range !== null) return range;
  return context
    .at("address_prefix")
    .error(`"${message.addressPrefix ?? ""}" is no IP address`, "write e.g. 10.0.0.0 or fd00::");
}

/** True for IP text inside any of the ranges. */
export class AddressMatcher implements StringMatcher {
  private readonly ranges: readonly CidrRange[];

  constructor(ranges: readonly CidrRange[]) {
    this.ranges = ranges;
  }

  matches(ip: string): boolean {
    for (let index = 0; index < this.ranges.length; index++) {
      if (this.ranges[index]!.contains(ip)) return true;
    }
    return false;
  }
}

/** Compiles `envoy.extensions.matching.input_matchers.ip.v3.Ip`. */
export function compileAddressMatcher(
  message: { readonly cidrRanges?: readonly CidrRangeMessage[]; readonly statPrefix?: string },
  context: CompileContext,
): AddressMatcher | null {
  if ((message.statPrefix ?? "") !== "") {
    context
      .at("stat_prefix")
      .warn("stat_prefix is not obeyed: addresses that do not parse are not counted");
  }
  const ranges: CidrRange[] = [];
  for (const [index, cidr] of (message.cidrRanges ?? []).entries()) {
    const range = compileRange(cidr, context.at("cidr_ranges", index));
    if (range === null) return null;
    ranges.push(range);
  }
  return new AddressMatcher(ranges);
}
