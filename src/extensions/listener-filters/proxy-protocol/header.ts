// hot: per connection
/**
 * Reads a PROXY protocol header, version 1 (text) or 2 (binary), as HAProxy's specification has it.
 * Never throws. Envoy: source/extensions/filters/listener/proxy_protocol/proxy_protocol.cc.
 */
import { parseIpv4 } from "../../../base/ip-address.ts";
import { canonicalIpv6, ipv6FromBytes } from "../../../base/ipv6-text.ts";
import { latin1Slice } from "../../../base/latin1.ts";
import type { SocketAddress } from "../../../platform/sockets.ts";

export interface ProxyTlv {
  readonly type: number;
  readonly value: Buffer;
}

/** A complete header. */
export interface ProxyHeader {
  readonly version: 1 | 2;
  /** Bytes of the header, to be consumed. */
  readonly length: number;
  /** Null for LOCAL and UNKNOWN: the socket's own addresses hold. */
  readonly addresses: {
    readonly source: SocketAddress;
    readonly destination: SocketAddress;
  } | null;
  readonly tlvs: readonly ProxyTlv[];
}

/** `none`: the bytes are no PROXY header. `version` is 0 while it cannot be told. */
export type ProxyHeaderResult =
  | { readonly kind: "header"; readonly header: ProxyHeader }
  | { readonly kind: "need-more" }
  | { readonly kind: "none" }
  | { readonly kind: "error"; readonly version: 1 | 2 };

const V1_START = "PROXY ";
/** Longest line with its CRLF. */
const V1_MAX_BYTES = 108;
const V2_START = "\r\n\r\n\0\r\nQUIT\n";
const V2_FIXED_BYTES = 16;
const V2_LOCAL = 0;
const V2_PROXY = 1;
const UNSPECIFIED = 0;
const INET = 1;
const INET6 = 2;
const STREAM = 1;
const DATAGRAM = 2;
const INET_BYTES = 12;
const INET6_BYTES = 36;

/** The most that a header can need. */
export const PROXY_HEADER_MAX_BYTES: number = V2_FIXED_BYTES + 65535;

const NEED_MORE: ProxyHeaderResult = { kind: "need-more" };
const NONE: ProxyHeaderResult = { kind: "none" };
const V1_ERROR: ProxyHeaderResult = { kind: "error", version: 1 };
const V2_ERROR: ProxyHeaderResult = { kind: "error", version: 2 };

/** Looks at everything received so far. */
export function parseProxyHeader(bytes: Buffer): ProxyHeaderResult {
  const start = latin1Slice(bytes, 0, Math.min(bytes.length, V2_START.length));
  if (start === V2_START) return parseV2(bytes);
  if (start.startsWith(V1_START)) return parseV1(bytes);
  return V2_START.startsWith(start) || V1_START.startsWith(start) ? NEED_MORE : NONE;
}

function parseV1(bytes: Buffer): ProxyHeaderResult {
  const text = latin1Slice(bytes, 0, Math.min(bytes.length, V1_MAX_BYTES));
  const end = text.indexOf("\r\n");
  if (end < 0) return text.length < V1_MAX_BYTES ? NEED_MORE : V1_ERROR;
  const length = end + 2;
  const words = text.slice(V1_START.length, end).split(" ");
  if (words[0] === "UNKNOWN") {
    return { kind: "header", header: { version: 1, length, addresses: null, tlvs: [] } };
  }
  const addresses = v1Addresses(words);
  if (addresses === null) return V1_ERROR;
  return { kind: "header", header: { version: 1, length, addresses, tlvs: [] } };
}

function v1Addresses(words: readonly string[]): ProxyHeader["addresses"] {
  const [family, sourceIp, destinationIp, sourcePort, destinationPort] = words;
  if (words.length !== 5 || (family !== "TCP4" && family !== "TCP6")) return null;
  const source = v1Address(sourceIp, sourcePort, family === "TCP6");
  const destination = v1Address(destinationIp, destinationPort, family === "TCP6");
  return source === null || destination === null ? null : { source, destination };
}

function v1Address(
  ip: string | undefined,
  portText: string | undefined,
  ipv6: boolean,
): SocketAddress | null {
  if (ip === undefined || portText === undefined || !/^\d{1,5}$/.test(portText)) return null;
  const canonical = ipv6 ? canonicalIpv6(ip) : canonicalIpv4(ip);
  const port = Number(portText);
  return canonical === null || port > 65535 ? null : { ip: canonical, port };
}

function canonicalIpv4(ip: string): string | null {
  return parseIpv4(ip) < 0 ? null : ip;
}

function parseV2(bytes: Buffer): ProxyHeaderResult {
  if (bytes.length < V2_FIXED_BYTES) return NEED_MORE;
  const versionAndCommand = bytes[12] as number;
  const command = versionAndCommand & 15;
  if (versionAndCommand >> 4 !== 2 || command > V2_PROXY) return V2_ERROR;
  const length = V2_FIXED_BYTES + bytes.readUInt16BE(14);
  const local = command === V2_LOCAL;
  const addressBytes = local ? 0 : v2AddressBytes(bytes[13] as number);
  if (addressBytes < 0 || V2_FIXED_BYTES + addressBytes > length) return V2_ERROR;
  if (bytes.length < length) return NEED_MORE;
  const addresses = addressBytes === 0 ? null : v2Addresses(bytes, addressBytes);
  // What follows LOCAL is for nobody.
  const tlvs = local ? [] : parseTlvs(bytes.subarray(V2_FIXED_BYTES + addressBytes, length));
  if (tlvs === null) return V2_ERROR;
  return { kind: "header", header: { version: 2, length, addresses, tlvs } };
}

/** 0 = the sender does not know; negative = not supported. */
function v2AddressBytes(familyAndTransport: number): number {
  const family = familyAndTransport >> 4;
  const transport = familyAndTransport & 15;
  if (family === UNSPECIFIED || transport === UNSPECIFIED) return 0;
  if (transport !== STREAM && transport !== DATAGRAM) return -1;
  if (family === INET) return INET_BYTES;
  return family === INET6 ? INET6_BYTES : -1;
}

function v2Addresses(bytes: Buffer, addressBytes: number): ProxyHeader["addresses"] {
  const ipBytes = addressBytes === INET_BYTES ? 4 : 16;
  const ports = V2_FIXED_BYTES + 2 * ipBytes;
  return {
    source: { ip: ipText(bytes, V2_FIXED_BYTES, ipBytes), port: bytes.readUInt16BE(ports) },
    destination: {
      ip: ipText(bytes, V2_FIXED_BYTES + ipBytes, ipBytes),
      port: bytes.readUInt16BE(ports + 2),
    },
  };
}

function ipText(bytes: Buffer, at: number, length: number): string {
  if (length === 4) return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
  return ipv6FromBytes(bytes, at);
}

/** Null when a length does not fit. */
function parseTlvs(bytes: Buffer): ProxyTlv[] | null {
  const tlvs: ProxyTlv[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (at + 3 > bytes.length) return null;
    const end = at + 3 + bytes.readUInt16BE(at + 1);
    if (end > bytes.length) return null;
    tlvs.push({ type: bytes[at] as number, value: bytes.subarray(at + 3, end) });
    at = end;
  }
  return tlvs;
}
