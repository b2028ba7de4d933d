// hot: per request
/** Commands that print addresses of both sides. Envoy: `StreamInfoAddressFormatterProvider`. */
import type { StreamInfo } from "../../network/stream-info.ts";
import { formatSocketAddress, type SocketAddress } from "../../platform/sockets.ts";
import { numberOperator, type OperatorTable, textOperator } from "./operator.ts";

type AddressOf = (info: StreamInfo) => SocketAddress | null;

/** An upstream log has no downstream addresses: they are empty. */
function known(address: SocketAddress | null): SocketAddress | null {
  return address === null || (address.ip === "" && address.path === undefined) ? null : address;
}

/** `X_ADDRESS`, `X_ADDRESS_WITHOUT_PORT`, `X_PORT`. */
function family(prefix: string, addressOf: AddressOf): OperatorTable {
  return {
    [`${prefix}_ADDRESS`]: textOperator(({ streamInfo }) => {
      const address = known(addressOf(streamInfo));
      return address === null ? null : formatSocketAddress(address);
    }),
    [`${prefix}_ADDRESS_WITHOUT_PORT`]: textOperator(({ streamInfo }) => {
      const address = known(addressOf(streamInfo));
      return address === null ? null : (address.path ?? address.ip);
    }),
    [`${prefix}_PORT`]: numberOperator(({ streamInfo }) => {
      const address = known(addressOf(streamInfo));
      return address === null ? null : portOf(address);
    }),
    // Only Envoy's internal listeners have one.
    [`${prefix}_ADDRESS_ENDPOINT_ID`]: textOperator(() => null),
  };
}

function portOf(address: SocketAddress): number | null {
  return address.path === undefined ? address.port : null;
}

/** Of a connection that came to be. */
function connectedHost(info: StreamInfo): string | null {
  return (info.upstream?.localAddress ?? null) === null ? null : upstreamHost(info);
}

/** The upstream's address is kept as text. */
function upstreamHost({ upstream }: StreamInfo): string | null {
  return upstream === null || upstream.hostAddress === "" ? null : upstream.hostAddress;
}

function hostWithoutPort(address: string | null): string | null {
  if (address === null || address.startsWith("/") || address.startsWith("@")) return address;
  const colon = address.lastIndexOf(":");
  const host = colon < 0 ? address : address.slice(0, colon);
  return host.startsWith("[") ? host.slice(1, -1) : host;
}

function hostPort(address: string | null): number | null {
  const port = Number(address === null ? Number.NaN : address.slice(address.lastIndexOf(":") + 1));
  return Number.isInteger(port) ? port : null;
}

export const ADDRESS_OPERATORS: OperatorTable = {
  ...family("DOWNSTREAM_REMOTE", (info) => info.remoteAddress),
  ...family("DOWNSTREAM_DIRECT_REMOTE", (info) => info.connection.directRemoteAddress),
  ...family("DOWNSTREAM_LOCAL", (info) => info.connection.localAddress),
  ...family("DOWNSTREAM_DIRECT_LOCAL", (info) => info.connection.directLocalAddress),
  ...family("UPSTREAM_LOCAL", (info) => info.upstream?.localAddress ?? null),
  UPSTREAM_HOST: textOperator(({ streamInfo }) => upstreamHost(streamInfo)),
  UPSTREAM_REMOTE_ADDRESS: textOperator(({ streamInfo }) => connectedHost(streamInfo)),
  UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: textOperator(({ streamInfo }) =>
    hostWithoutPort(connectedHost(streamInfo)),
  ),
  UPSTREAM_REMOTE_PORT: numberOperator(({ streamInfo }) => hostPort(connectedHost(streamInfo))),
};
