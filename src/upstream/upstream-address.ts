/**
 * Compiles addresses that we connect to or bind as source. Envoy:
 * `Network::Address::resolveProtoAddress`.
 */
import { parseIpv4, parseIpv6 } from "../base/ip-address.ts";
import type { CompileContext } from "../config/compile-context.ts";
import type { SocketAddress } from "../platform/sockets.ts";
import type {
  Address,
  SocketAddress as SocketAddressMessage,
} from "../proto/generated/envoy/config/core/v3.ts";

/** `ip` is a DNS name where names are allowed. Null after an error was reported. */
export function compileTargetAddress(
  message: Address | undefined,
  names: boolean,
  context: CompileContext,
): SocketAddress | null {
  if (message?.pipe !== undefined) {
    const path = message.pipe.path ?? "";
    if (path !== "" && !names) return { ip: "", port: 0, path };
    const remedy = names ? "use a cluster of type STATIC" : "write a path";
    return context.at("pipe").error("A pipe cannot be used here", remedy);
  }
  if (message?.envoyInternalAddress !== undefined) {
    return context
      .at("envoy_internal_address")
      .error("Internal addresses are not supported", "use socket_address");
  }
  if (message?.socketAddress === undefined) {
    return context.error("An address is needed", "set socket_address or pipe");
  }
  const at = context.at("socket_address");
  if (!reportSocketAddressFields(message.socketAddress, at)) return null;
  const ip = message.socketAddress.address ?? "";
  if (!names && !isIpAddress(ip)) {
    return at
      .at("address")
      .error(
        `malformed IP address: ${ip}`,
        "write an IP address, or set the cluster's type to STRICT_DNS or LOGICAL_DNS",
      );
  }
  return { ip, port: message.socketAddress.portValue ?? 0 };
}

/** An address to bind before connecting; port 0 lets the system choose. */
export function compileSourceAddress(
  message: SocketAddressMessage,
  context: CompileContext,
): SocketAddress | null {
  if (!reportSocketAddressFields(message, context)) return null;
  const ip = message.address ?? "";
  if (!isIpAddress(ip)) {
    return context.at("address").error(`malformed IP address: ${ip}`, "write an IP address");
  }
  return { ip, port: message.portValue ?? 0 };
}

function reportSocketAddressFields(
  message: SocketAddressMessage,
  context: CompileContext,
): boolean {
  if (message.protocol === "UDP") {
    context.at("protocol").error("UDP upstreams are not supported", "use TCP");
    return false;
  }
  if (message.namedPort !== undefined) {
    context.at("named_port").error("named_port is not supported", "write port_value");
    return false;
  }
  if ((message.resolverName ?? "") !== "") {
    context
      .at("resolver_name")
      .error("Custom resolvers are not supported", "remove it; STRICT_DNS resolves names");
    return false;
  }
  if ((message.networkNamespaceFilepath ?? "") !== "") {
    context
      .at("network_namespace_filepath")
      .error("Connecting from another network namespace is not supported", "remove the field");
    return false;
  }
  return true;
}

/** Text of an IPv4 or IPv6 address, without zone. */
export function isIpAddress(text: string): boolean {
  return parseIpv4(text) >= 0 || parseIpv6(text, words);
}

const words = new Uint32Array(4);
