/**
 * What a failed connect is called: the reason word for the router and the transport's own words as
 * Envoy prints them. Envoy: `ClientConnectionImpl` (source/common/network/connection_impl.cc),
 * `errorDetails`.
 */
import {
  formatSocketAddress,
  type SocketAddress,
  type SocketError,
} from "../../platform/sockets.ts";
import type { PoolFailureReason } from "../connection-pool.ts";

export interface ConnectFailure {
  readonly reason: PoolFailureReason;
  /** `transport failure reason: …` text. */
  readonly text: string;
  /** The source address could not be bound. */
  readonly bind: boolean;
}

export const CONNECT_TIMEOUT_FAILURE: ConnectFailure = {
  reason: "connection timeout",
  text: "",
  bind: false,
};

/** We closed it ourselves before it was connected. */
export const LOCAL_CLOSE_FAILURE: ConnectFailure = {
  reason: "local connection failure",
  text: "",
  bind: false,
};

/** The C library's words for what the system reports. */
const SYSTEM_WORDS: Readonly<Record<string, string>> = {
  EACCES: "Permission denied",
  EADDRINUSE: "Address already in use",
  EADDRNOTAVAIL: "Cannot assign requested address",
  ECONNABORTED: "Software caused connection abort",
  ECONNREFUSED: "Connection refused",
  ECONNRESET: "Connection reset by peer",
  EHOSTDOWN: "Host is down",
  EHOSTUNREACH: "No route to host",
  EINVAL: "Invalid argument",
  EMFILE: "Too many open files",
  ENETDOWN: "Network is down",
  ENETUNREACH: "Network is unreachable",
  ENFILE: "Too many open files in system",
  ENOENT: "No such file or directory",
  ENOTCONN: "Transport endpoint is not connected",
  EPERM: "Operation not permitted",
  EPIPE: "Broken pipe",
  EPROTOTYPE: "Protocol wrong type for socket",
  ETIMEDOUT: "Connection timed out",
};

/** Errors that the connect call itself returns, before anything is sent. */
const IMMEDIATE: ReadonlySet<string> = new Set([
  "EACCES",
  "EADDRNOTAVAIL",
  "EINVAL",
  "ENETDOWN",
  "ENETUNREACH",
  "EPERM",
]);
/** No descriptor for the socket. */
const NO_SOCKET: ReadonlySet<string> = new Set(["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"]);
const BIND: ReadonlySet<string> = new Set(["EADDRINUSE", "EADDRNOTAVAIL", "EACCES"]);

/**
 * `boundText` is the source address that was asked for, "" when none. Null error: the peer closed
 * at once.
 */
export function connectFailure(
  error: SocketError | null,
  address: SocketAddress,
  boundText: string,
): ConnectFailure {
  if (error === null) return { reason: "remote connection failure", text: "", bind: false };
  const words = SYSTEM_WORDS[error.code] ?? error.message;
  if (boundText !== "" && BIND.has(error.code)) {
    const text = `failed to bind to ${boundText}: ${words}`;
    return { reason: "local connection failure", text, bind: true };
  }
  if (NO_SOCKET.has(error.code)) {
    return { reason: "local connection failure", text: words, bind: false };
  }
  const immediate = address.path !== undefined || IMMEDIATE.has(error.code);
  const text = immediate
    ? `immediate connect error: ${words}|remote address:${formatSocketAddress(address)}`
    : `delayed connect error: ${words}`;
  return { reason: "remote connection failure", text, bind: false };
}
