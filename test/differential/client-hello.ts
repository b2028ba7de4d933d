// Builds a TLS ClientHello record, so that tls_inspector can be tested without any TLS.

const u8 = (value: number): Buffer => Buffer.from([value]);
const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff]);
const u24 = (value: number): Buffer =>
  Buffer.from([value >> 16, (value >> 8) & 0xff, value & 0xff]);

const sized16 = (bytes: Buffer): Buffer => Buffer.concat([u16(bytes.length), bytes]);
const sized8 = (bytes: Buffer): Buffer => Buffer.concat([u8(bytes.length), bytes]);

const extension = (type: number, body: Buffer): Buffer => Buffer.concat([u16(type), sized16(body)]);

export interface ClientHelloOptions {
  readonly serverName?: string;
  readonly protocols?: readonly string[];
  /** Bytes of a padding extension, to make the hello large. */
  readonly padding?: number;
}

/** A ClientHello (TLS 1.2 with a 1.3 version list) as latin1 text. */
export function clientHello(options: ClientHelloOptions = {}): string {
  const extensions: Buffer[] = [
    extension(43, sized8(Buffer.from([3, 4, 3, 3]))),
    extension(10, sized16(u16(29))),
    extension(13, sized16(Buffer.concat([u16(0x0403), u16(0x0804)]))),
    extension(51, sized16(Buffer.concat([u16(29), sized16(Buffer.alloc(32, 7))]))),
  ];
  if (options.serverName !== undefined) {
    const name = Buffer.concat([u8(0), sized16(Buffer.from(options.serverName))]);
    extensions.push(extension(0, sized16(name)));
  }
  if (options.protocols !== undefined) {
    const list = Buffer.concat(options.protocols.map((name) => sized8(Buffer.from(name))));
    extensions.push(extension(16, sized16(list)));
  }
  if (options.padding) extensions.push(extension(21, Buffer.alloc(options.padding)));
  const body = Buffer.concat([
    u16(0x0303),
    Buffer.alloc(32, 1),
    sized8(Buffer.alloc(32, 2)),
    sized16(Buffer.concat([u16(0x1301), u16(0xc02f)])),
    sized8(u8(0)),
    sized16(Buffer.concat(extensions)),
  ]);
  const handshake = Buffer.concat([u8(1), u24(body.length), body]);
  return Buffer.concat([u8(22), u16(0x0301), sized16(handshake)]).toString("latin1");
}
