/**
 * Which DNS servers are asked: three ways to write it, newest first. Envoy:
 * `createDnsResolverFactoryFromProto` (source/common/network/dns_resolver/dns_factory_util.h).
 */
import type { CompileContext } from "../../../config/compile-context.ts";
import { formatSocketAddress } from "../../../platform/sockets.ts";
import type {
  Address,
  DnsResolutionConfig,
  TypedExtensionConfig,
} from "../../../proto/generated/envoy/config/core/v3.ts";
import type { CaresDnsResolverConfig } from "../../../proto/generated/envoy/extensions/network/dns_resolver/cares/v3.ts";
import { compileTargetAddress } from "../../../upstream/upstream-address.ts";

interface ServerFields {
  readonly typedDnsResolverConfig?: TypedExtensionConfig;
  readonly dnsResolutionConfig?: DnsResolutionConfig;
  readonly dnsResolvers?: readonly Address[];
}

/** The newest of three ways to say it counts, as in Envoy. */
export function legacyServers(message: ServerFields, context: CompileContext): readonly string[] {
  if (message.typedDnsResolverConfig !== undefined) {
    return typedServers(message.typedDnsResolverConfig, context);
  }
  const { dnsResolutionConfig: config } = message;
  if (config !== undefined) {
    if (config.dnsResolverOptions !== undefined) {
      context
        .at("dns_resolution_config")
        .at("dns_resolver_options")
        .warn("The resolver of the platform decides how it asks");
    }
    return serverTexts(config.resolvers, context.at("dns_resolution_config"), "resolvers");
  }
  return serverTexts(message.dnsResolvers, context, "dns_resolvers");
}

export function typedServers(
  message: TypedExtensionConfig | undefined,
  context: CompileContext,
): readonly string[] {
  const any = message?.typedConfig;
  if (any === undefined) return [];
  const at = context.at("typed_dns_resolver_config").at("typed_config");
  if (any.typeUrl.endsWith(".getaddrinfo.v3.GetAddrInfoDnsResolverConfig")) return [];
  if (!any.typeUrl.endsWith(".cares.v3.CaresDnsResolverConfig")) {
    at.error(
      `DNS resolver "${message?.name ?? ""}" is not supported`,
      "use c-ares or leave it out",
    );
    return [];
  }
  const { resolvers, ...rest } = any.value as CaresDnsResolverConfig;
  const others = Object.keys(rest);
  if (others.length > 0) {
    at.warn(`Of the c-ares settings only resolvers are obeyed; ignored: ${others.join(", ")}`);
  }
  return serverTexts(resolvers, at, "resolvers");
}

function serverTexts(
  addresses: readonly Address[] | undefined,
  context: CompileContext,
  field: string,
): readonly string[] {
  return (addresses ?? []).flatMap((message, index) => {
    const at = context.at(field, index);
    const address = compileTargetAddress(message, false, at);
    if (address?.path !== undefined) at.error("A DNS server has an IP address", "use it");
    return address === null ? [] : [formatSocketAddress(address)];
  });
}
