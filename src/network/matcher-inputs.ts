/**
 * What a matcher tree may ask about a connection. Envoy:
 * `envoy.extensions.matching.common_inputs.network.v3`
 * (source/extensions/matching/network/common/inputs.h). Null means the connection has no such
 * value.
 */
import type { CompileContext } from "../config/compile-context.ts";
import type { InputCompiler } from "../config/matcher/compile-match-tree.ts";
import type { SocketAddress } from "../platform/sockets.ts";
import { isSameIpOrLoopback } from "./filter-chain-match.ts";
import type { StreamInfo } from "./stream-info.ts";

const PREFIX = "envoy.extensions.matching.common_inputs.network.v3.";

function fixed(get: (streamInfo: StreamInfo) => string | null): InputCompiler<StreamInfo> {
  const input = { get };
  return () => input;
}

function ipText({ path, ip }: SocketAddress): string | null {
  return path === undefined ? ip : null;
}

function portText({ path, port }: SocketAddress): string | null {
  return path === undefined ? String(port) : null;
}

function filterState(
  message: object,
  context: CompileContext,
): ReturnType<InputCompiler<StreamInfo>> {
  const { key = "", field = "" } = message as { key?: string; field?: string };
  if (key === "") return context.at("key").error("The filter state key is empty", "write a key");
  return {
    get: (streamInfo) => {
      const object = streamInfo.filterState(key);
      if (object === undefined) return null;
      if (field === "") return object.serializeAsString();
      const value = object.field?.(field);
      return value === undefined ? null : String(value);
    },
  };
}

/** Inputs by full message name. */
export const NETWORK_INPUTS: Readonly<Record<string, InputCompiler<StreamInfo>>> = {
  [`${PREFIX}DestinationIPInput`]: fixed(({ connection }) => ipText(connection.localAddress)),
  [`${PREFIX}DestinationPortInput`]: fixed(({ connection }) => portText(connection.localAddress)),
  [`${PREFIX}SourceIPInput`]: fixed(({ connection }) => ipText(connection.remoteAddress)),
  [`${PREFIX}SourcePortInput`]: fixed(({ connection }) => portText(connection.remoteAddress)),
  [`${PREFIX}DirectSourceIPInput`]: fixed(({ connection }) =>
    ipText(connection.directRemoteAddress),
  ),
  [`${PREFIX}SourceTypeInput`]: fixed(({ connection }) =>
    isSameIpOrLoopback(connection) ? "local" : null,
  ),
  [`${PREFIX}ServerNameInput`]: fixed(({ connection }) => connection.requestedServerName || null),
  [`${PREFIX}TransportProtocolInput`]: fixed(
    ({ connection }) => connection.transportProtocol || null,
  ),
  [`${PREFIX}ApplicationProtocolInput`]: fixed(({ connection }) =>
    connection.applicationProtocols.length === 0
      ? null
      : connection.applicationProtocols.map((protocol) => `'${protocol}'`).join(","),
  ),
  // Listeners in other network namespaces are refused, so that no connection has one.
  [`${PREFIX}NetworkNamespaceInput`]: fixed(() => null),
  [`${PREFIX}FilterStateInput`]: filterState,
};
