/** Writes the protobuf wire format into one growing byte array. */

const utf8 = new TextEncoder();

export class WireWriter {
  private bytes = new Uint8Array(256);
  private view = new DataView(this.bytes.buffer);
  private position = 0;

  /** A copy of exactly what was written. */
  finish(): Uint8Array {
    return this.bytes.slice(0, this.position);
  }

  tag(fieldNumber: number, wireType: number): void {
    this.uint32(((fieldNumber << 3) | wireType) >>> 0);
  }

  uint32(value: number): void {
    this.reserve(5);
    let rest = value >>> 0;
    while (rest > 0x7f) {
      this.bytes[this.position++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.bytes[this.position++] = rest;
  }

  /** Negative values take ten bytes, as protobuf asks. */
  int32(value: number): void {
    if (value >= 0) this.uint32(value);
    else this.varint64(BigInt(value));
  }

  sint32(value: number): void {
    this.uint32(((value << 1) ^ (value >> 31)) >>> 0);
  }

  varint64(value: number | bigint): void {
    let rest = BigInt.asUintN(64, BigInt(value));
    this.reserve(10);
    while (rest > 0x7fn) {
      this.bytes[this.position++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.bytes[this.position++] = Number(rest);
  }

  sint64(value: number | bigint): void {
    const wide = BigInt(value);
    this.varint64((wide << 1n) ^ (wide >> 63n));
  }

  bool(value: boolean): void {
    this.uint32(value ? 1 : 0);
  }

  fixed32(value: number): void {
    this.reserve(4);
    this.view.setUint32(this.position, value >>> 0, true);
    this.position += 4;
  }

  fixed64(value: number | bigint): void {
    this.reserve(8);
    this.view.setBigUint64(this.position, BigInt.asUintN(64, BigInt(value)), true);
    this.position += 8;
  }

  float(value: number): void {
    this.reserve(4);
    this.view.setFloat32(this.position, value, true);
    this.position += 4;
  }

  double(value: number): void {
    this.reserve(8);
    this.view.setFloat64(this.position, value, true);
    this.position += 8;
  }

  byteString(value: Uint8Array): void {
    this.uint32(value.length);
    this.reserve(value.length);
    this.bytes.set(value, this.position);
    this.position += value.length;
  }

  string(value: string): void {
    this.byteString(utf8.encode(value));
  }

  /** Starts a length-delimited value; give the result to `endDelimited`. */
  beginDelimited(): number {
    this.reserve(1);
    this.position += 1;
    return this.position;
  }

  /**
   * Writes the length in front of what followed `beginDelimited`, moving it when one byte is too
   * few.
   */
  endDelimited(start: number): void {
    const end = this.position;
    const length = end - start;
    const extra = varintSize(length) - 1;
    if (extra > 0) {
      this.reserve(extra);
      this.bytes.copyWithin(start + extra, start, end);
    }
    this.position = start - 1;
    this.uint32(length);
    this.position = end + extra;
  }

  private reserve(count: number): void {
    if (this.position + count <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.position + count));
    grown.set(this.bytes);
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) size++;
  return size;
}
