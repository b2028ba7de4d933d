// Builds TLS ClientHello records for tests.

export interface HelloOptions {
  readonly serverName?: string;
  readonly protocols?: readonly string[];
  /** Bytes of padding (RFC 7685). */
  readonly padding?: number;
  /** Largest record fragment; the handshake message is spread over records of this size. */
  readonly fragment?: number;
}

/** A ClientHello that a server would accept for parsing. */
export function clientHello(options: HelloOptions = {}): Buffer {
  const { serverName, protocols = [], padding = 0, fragment = 16384 } = options;
  const extensions: Buffer[] = [extension(43, vector(1, Buffer.from([3, 4])))];
  if (serverName !== undefined) {
    const name = Buffer.concat([Buffer.from([0]), vector(2, Buffer.from(serverName, "latin1"))]);
    extensions.push(extension(0, vector(2, name)));
  }
  if (protocols.length > 0) {
    const list = Buffer.concat(protocols.map((protocol) => vector(1, Buffer.from(protocol))));
    extensions.push(extension(16, vector(2, list)));
  }
  if (padding > 0) extensions.push(extension(21, Buffer.alloc(padding)));
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 7),
    vector(1, Buffer.alloc(32, 9)),
    vector(2, Buffer.from([0x13, 0x01, 0x13, 0x02])),
    vector(1, Buffer.from([0])),
    vector(2, Buffer.concat(extensions)),
  ]);
  return records(handshake(1, body), fragment);
}

/** Wraps a handshake message into records. */
export function records(message: Buffer, fragment: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < message.length; at += fragment) {
    const part = message.subarray(at, at + fragment);
    parts.push(Buffer.from([22, 3, 1, part.length >> 8, part.length & 255]), part);
  }
  return Buffer.concat(parts);
}

export function handshake(type: number, body: Buffer): Buffer {
  const header = Buffer.alloc(4);
  header[0] = type;
  header.writeUIntBE(body.length, 1, 3);
  return Buffer.concat([header, body]);
}

function extension(type: number, body: Buffer): Buffer {
  const header = Buffer.alloc(2);
  header.writeUInt16BE(type);
  return Buffer.concat([header, vector(2, body)]);
}

function vector(lengthBytes: number, body: Buffer): Buffer {
  const length = Buffer.alloc(lengthBytes);
  length.writeUIntBE(body.length, 0, lengthBytes);
  return Buffer.concat([length, body]);
}
