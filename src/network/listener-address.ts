/** Compiles the addresses of a listener. Envoy: `Network::Address::resolveProtoAddress`. */
import { parseCidrRange } from "../base/cidr.ts";
import type { CompileContext } from "../config/compile-context.ts";
import { formatSocketAddress, type SocketAddress } from "../platform/sockets.ts";
import type {
  Address,
  SocketAddress as SocketAddressMessage,
} from "../proto/generated/envoy/config/core/v3.ts";

/** Where a listener accepts. */
export interface ListenAddress {
  readonly address: SocketAddress;
  /** `ip:port` or the path: identity of the listening socket. */
  readonly text: string;
  /** `::` without ipv4_compat does not take IPv4. */
  readonly ipv6Only: boolean;
  /** Permission bits of a Unix socket; undefined leaves them to the umask. */
  readonly mode: number | undefined;
}

/** Null after reporting what is wrong. */
export function compileListenAddress(
  message: Address | undefined,
  context: CompileContext,
): ListenAddress | null {
  if (message?.envoyInternalAddress !== undefined) {
    return context
      .at("envoy_internal_address")
      .error("Internal listeners are not supported", "use socket_address");
  }
  if (message?.pipe !== undefined) {
    const path = message.pipe.path ?? "";
    if (path === "")
      return context.at("pipe").at("path").error("The path is empty", "write a path");
    return {
      address: { ip: "", port: 0, path },
      text: path,
      ipv6Only: false,
      mode: message.pipe.mode === 0 ? undefined : message.pipe.mode,
    };
  }
  if (message?.socketAddress === undefined) {
    return context.error("A listener needs an address", "set socket_address");
  }
  return compileSocketAddress(message.socketAddress, context.at("socket_address"));
}

function compileSocketAddress(
  message: SocketAddressMessage,
  context: CompileContext,
): ListenAddress | null {
  if (refuseFields(message, context)) return null;
  const ip = message.address ?? "";
  const range = parseCidrRange(ip, 128);
  if (range === null) {
    return context
      .at("address")
      .error(
        `"${ip}" is no IP address`,
        "a listener binds to an IP address: 0.0.0.0, ::, 127.0.0.1",
      );
  }
  const address = { ip, port: message.portValue ?? 0 };
  return {
    address,
    text: formatSocketAddress(address),
    ipv6Only: range.ipv6 && message.ipv4Compat !== true,
    mode: undefined,
  };
}

function refuseFields(message: SocketAddressMessage, context: CompileContext): boolean {
  const before = context.diagnostics.length;
  if (message.protocol === "UDP") {
    context.at("protocol").error("UDP listeners are not supported", "use TCP");
  }
  if (message.namedPort !== undefined) {
    context.at("named_port").error("named_port is not supported", "write port_value");
  }
  if ((message.resolverName ?? "") !== "") {
    context.at("resolver_name").error("resolver_name is not supported", "write an IP address");
  }
  if ((message.networkNamespaceFilepath ?? "") !== "") {
    context
      .at("network_namespace_filepath")
      .error("Listening in another network namespace is not supported", "start the proxy in it");
  }
  return context.diagnostics.length > before;
}
