/**
 * Reads the protobuf wire format from one byte array. Malformed input throws `WireError`, which
 * decoders catch.
 */

export class WireError extends Error {}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class WireReader {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private position = 0;
  /** End of the message that is being read. */
  private limit: number;

  constructor(bytes: Uint8Array) {
    // A Buffer's `slice` would be a view where a Uint8Array's is a copy.
    this.bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.limit = bytes.length;
  }

  /** Low 32 bits of a varint as an unsigned number; further bits are dropped, as protobuf asks. */
  uint32(): number {
    let result = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.byte();
      if (shift < 32) result |= (byte & 0x7f) << shift;
      if (byte < 0x80) return result >>> 0;
    }
    throw new WireError("Varint is longer than 10 bytes");
  }

  int32(): number {
    return this.uint32() | 0;
  }

  sint32(): number {
    const value = this.uint32();
    return (value >>> 1) ^ -(value & 1);
  }

  uint64(): number | bigint {
    return narrow(this.varint64());
  }

  int64(): number | bigint {
    return narrow(BigInt.asIntN(64, this.varint64()));
  }

  sint64(): number | bigint {
    const value = this.varint64();
    return narrow((value >> 1n) ^ -(value & 1n));
  }

  bool(): boolean {
    return this.varint64() !== 0n;
  }

  fixed32(): number {
    return this.view.getUint32(this.advance(4), true);
  }

  sfixed32(): number {
    return this.view.getInt32(this.advance(4), true);
  }

  fixed64(): number | bigint {
    return narrow(this.view.getBigUint64(this.advance(8), true));
  }

  sfixed64(): number | bigint {
    return narrow(this.view.getBigInt64(this.advance(8), true));
  }

  float(): number {
    return this.view.getFloat32(this.advance(4), true);
  }

  double(): number {
    return this.view.getFloat64(this.advance(8), true);
  }

  get atEnd(): boolean {
    return this.position >= this.limit;
  }

  /** Steps into the length-delimited value that starts here. Give the result to `leave`. */
  enter(): number {
    const outer = this.limit;
    this.limit = this.delimitedEnd();
    return outer;
  }

  leave(outer: number): void {
    this.limit = outer;
  }

  /** A copy, never a view: a view would keep the whole received message alive. */
  byteString(): Uint8Array {
    const end = this.delimitedEnd();
    const copy = this.bytes.slice(this.position, end);
    this.position = end;
    return copy;
  }

  string(): string {
    const end = this.delimitedEnd();
    const start = this.position;
    this.position = end;
    return decodeUtf8(this.bytes, start, end);
  }

  /** Skips the value after a tag. */
  skip(tag: number): void {
    const wireType = tag & 7;
    if (wireType === 0) this.varint64();
    else if (wireType === 1) this.advance(8);
    else if (wireType === 2) this.position = this.delimitedEnd();
    else if (wireType === 3) this.skipGroup(tag >>> 3);
    else if (wireType === 5) this.advance(4);
    else throw new WireError(`Unknown wire type ${wireType}`);
  }

  private delimitedEnd(): number {
    const length = this.uint32();
    const end = this.position + length;
    if (end > this.limit) throw new WireError("Message is cut off");
    return end;
  }

  private skipGroup(fieldNumber: number): void {
    // Groups nest; a list instead of recursion keeps hostile input off the stack.
    const open = [fieldNumber];
    while (open.length > 0) {
      const tag = this.uint32();
      const wireType = tag & 7;
      if (wireType === 3) open.push(tag >>> 3);
      else if (wireType !== 4) this.skip(tag);
      else if (open.pop() !== tag >>> 3) throw new WireError("Group ends with another number");
    }
  }

  private varint64(): bigint {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.byte();
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else if (shift < 63) high |= bits << (shift - 32);
      else high |= bits << 31;
      if (byte < 0x80) return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
    }
    throw new WireError("Varint is longer than 10 bytes");
  }

  private byte(): number {
    if (this.position >= this.limit) throw new WireError("Message is cut off");
    return this.bytes[this.position++] as number;
  }

  private advance(count: number): number {
    const start = this.position;
    if (start + count > this.limit) throw new WireError("Message is cut off");
    this.position = start + count;
    return start;
  }
}

/** Plain form of 64-bit integers: a number when that is exact. */
export function narrow(value: bigint): number | bigint {
  return value <= 9007199254740991n && value >= -9007199254740991n ? Number(value) : value;
}

function decodeUtf8(bytes: Uint8Array, start: number, end: number): string {
  // Names and values are short and ASCII: building them byte by byte beats a decoder call.
  if (end - start > 32) return decodeWithTextDecoder(bytes, start, end);
  let text = "";
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte >= 0x80) return decodeWithTextDecoder(bytes, start, end);
    text += String.fromCharCode(byte);
  }
  return text;
}

function decodeWithTextDecoder(bytes: Uint8Array, start: number, end: number): string {
  try {
    return utf8.decode(bytes.subarray(start, end));
  } catch (error) {
    throw new WireError("String is not valid UTF-8", { cause: error });
  }
}
