// hot: per connection
/**
 * Reads a TLS ClientHello without taking part in the handshake: RFC 8446 §4.1.2 and §5.1, RFC 6066
 * §3 (server name), RFC 7301 §3.1 (ALPN). The handshake message may be spread over several records.
 * Never throws.
 */

import { latin1Slice } from "../../../base/latin1.ts";

/** What is known of the bytes so far. */
export type HelloStatus = "hello" | "need-more" | "not-tls";

const RECORD_HEADER_BYTES = 5;
const HANDSHAKE_RECORD = 22;
const RECORD_MAX_BYTES = 16384;
const HANDSHAKE_HEADER_BYTES = 4;
const CLIENT_HELLO = 1;
const RANDOM_BYTES = 32;
const SESSION_ID_MAX_BYTES = 32;
const SERVER_NAME = 0;
const HOST_NAME = 0;
const HOST_NAME_MAX_BYTES = 255;
const ALPN = 16;

/** One parser may be used for many connections, one at a time. */
export class ClientHelloParser {
  /** Lower case; "" when the client sent none. */
  serverName = "";
  /** In the client's order. */
  applicationProtocols: readonly string[] = [];
  private bytes: Buffer = Buffer.alloc(0);
  private at = 0;
  private end = 0;

  /** Looks at everything received so far. The fields hold the findings after "hello". */
  parse(received: Buffer): HelloStatus {
    this.serverName = "";
    this.applicationProtocols = [];
    const message = collectHandshake(received);
    if (typeof message === "string") return message;
    this.bytes = message;
    this.at = HANDSHAKE_HEADER_BYTES;
    this.end = message.length;
    return this.readHello() ? "hello" : "not-tls";
  }

  private readHello(): boolean {
    // legacy_version and random.
    if (!this.skip(2 + RANDOM_BYTES)) return false;
    const sessionIdBytes = this.uint8();
    if (sessionIdBytes > SESSION_ID_MAX_BYTES || !this.skip(sessionIdBytes)) return false;
    const cipherBytes = this.uint16();
    if (cipherBytes < 2 || cipherBytes % 2 === 1 || !this.skip(cipherBytes)) return false;
    const compressionBytes = this.uint8();
    if (compressionBytes < 1 || !this.skip(compressionBytes)) return false;
    if (this.at === this.end) return true;
    const extensionsBytes = this.uint16();
    return extensionsBytes === this.end - this.at && this.readExtensions();
  }

  private readExtensions(): boolean {
    const last = this.end;
    while (this.at < last) {
      const type = this.uint16();
      const length = this.uint16();
      const next = this.at + length;
      if (length < 0 || next > last) return false;
      this.end = next;
      if (type === SERVER_NAME && !this.readServerName()) return false;
      if (type === ALPN && !this.readProtocols()) return false;
      this.end = last;
      this.at = next;
    }
    return true;
  }

  /** Exactly one name, of type host_name. */
  private readServerName(): boolean {
    if (this.uint16() !== this.end - this.at) return false;
    if (this.uint8() !== HOST_NAME) return false;
    const length = this.uint16();
    if (length < 1 || length > HOST_NAME_MAX_BYTES || length !== this.end - this.at) return false;
    const name = latin1Slice(this.bytes, this.at, this.end);
    if (name.includes("\0")) return false;
    this.serverName = name.toLowerCase();
    return true;
  }

  private readProtocols(): boolean {
    if (this.uint16() !== this.end - this.at || this.at === this.end) return false;
    const protocols: string[] = [];
    while (this.at < this.end) {
      const length = this.uint8();
      if (length < 1 || this.at + length > this.end) return false;
      protocols.push(latin1Slice(this.bytes, this.at, this.at + length));
      this.at += length;
    }
    this.applicationProtocols = protocols;
    return true;
  }

  private skip(length: number): boolean {
    this.at += length;
    return length >= 0 && this.at <= this.end;
  }

  /** Negative when nothing is left. */
  private uint8(): number {
    return this.at < this.end ? (this.bytes[this.at++] as number) : -1;
  }

  private uint16(): number {
    if (this.at + 2 > this.end) return -1;
    this.at += 2;
    return this.bytes.readUInt16BE(this.at - 2);
  }
}

/** The whole first handshake message with its header, or what is in the way. */
function collectHandshake(received: Buffer): Buffer | "need-more" | "not-tls" {
  const parts: Buffer[] = [];
  let collected = 0;
  let at = 0;
  for (;;) {
    const problem = checkRecordHeader(received, at);
    if (problem !== null) return problem;
    const recordBytes = received.readUInt16BE(at + 3);
    const start = at + RECORD_HEADER_BYTES;
    const record = received.subarray(start, start + recordBytes);
    parts.push(record);
    collected += record.length;
    const first = firstByte(parts);
    if (first !== -1 && first !== CLIENT_HELLO) return "not-tls";
    if (collected >= HANDSHAKE_HEADER_BYTES) {
      const message = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
      const messageBytes = HANDSHAKE_HEADER_BYTES + message.readUIntBE(1, 3);
      if (message.length >= messageBytes) return message.subarray(0, messageBytes);
    }
    if (record.length < recordBytes) return "need-more";
    at = start + recordBytes;
  }
}

/** As soon as a byte cannot belong to a handshake record it is not TLS. */
function checkRecordHeader(received: Buffer, at: number): "need-more" | "not-tls" | null {
  const available = received.length - at;
  if (available >= 1 && received[at] !== HANDSHAKE_RECORD) return "not-tls";
  if (available >= 2 && received[at + 1] !== 3) return "not-tls";
  if (available < RECORD_HEADER_BYTES) return "need-more";
  const length = received.readUInt16BE(at + 3);
  return length === 0 || length > RECORD_MAX_BYTES ? "not-tls" : null;
}

function firstByte(parts: readonly Buffer[]): number {
  const [first] = parts;
  return first === undefined || first.length === 0 ? -1 : (first[0] as number);
}
