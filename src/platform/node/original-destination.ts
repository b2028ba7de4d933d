/**
 * The address a redirected connection was meant for: `getsockopt(SO_ORIGINAL_DST)`, which Node does
 * not offer, by a foreign function call (about 0.1 µs). Linux only.
 */
import { createRequire } from "node:module";
import process from "node:process";
import { ipv6FromBytes } from "../../base/ipv6-text.ts";
import type { SocketAddress } from "../sockets.ts";

const SOL_IP = 0;
const SOL_IPV6 = 41;
/** Same number for IPv4 (SO_ORIGINAL_DST) and IPv6 (IP6T_SO_ORIGINAL_DST). */
const SO_ORIGINAL_DST = 80;
const AF_INET = 2;
const SOCKADDR_BYTES = 28;

type GetSockOpt = (
  fd: number,
  level: number,
  name: number,
  value: Buffer,
  length: Buffer,
) => number;

let getsockopt: GetSockOpt | null | undefined;

/** Loaded at first use: a proxy without `original_dst` never pays for the library. */
function load(): GetSockOpt | null {
  if (process.platform !== "linux") return null;
  try {
    const koffi = createRequire(import.meta.url)("koffi") as typeof import("koffi");
    // The process itself: whichever C library it is linked with.
    const library = koffi.load(null);
    return library.func("int getsockopt(int, int, int, void *, void *)") as unknown as GetSockOpt;
  } catch {
    return null;
  }
}

/** Null when the socket was not redirected or the platform cannot tell. */
export function originalDestination(descriptor: number, ipv6: boolean): SocketAddress | null {
  if (getsockopt === undefined) getsockopt = load();
  if (getsockopt === null || descriptor < 0) return null;
  const address = Buffer.alloc(SOCKADDR_BYTES);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(SOCKADDR_BYTES);
  const level = ipv6 ? SOL_IPV6 : SOL_IP;
  return getsockopt(descriptor, level, SO_ORIGINAL_DST, address, length) === 0
    ? decodeSockaddr(address)
    : null;
}

/** `struct sockaddr_in` / `sockaddr_in6`: family in host order, port in network order. */
export function decodeSockaddr(bytes: Buffer): SocketAddress {
  const port = bytes.readUInt16BE(2);
  if (bytes.readUInt16LE(0) === AF_INET) return { ip: bytes.subarray(4, 8).join("."), port };
  return { ip: ipv6FromBytes(bytes, 8), port };
}
