// hot: per request
/**
 * The message in a session cookie: `string address = 1; int64 expires = 2`. Envoy: `envoy.Cookie`
 * (source/extensions/http/stateful_session/cookie/cookie.proto).
 */

export interface Session {
  readonly address: string;
  /** 0: never. */
  readonly expiresSeconds: number;
}

const ADDRESS_TAG = 0x0a;
const EXPIRES_TAG = 0x10;

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;

/** Bytes as latin1 text. */
export function encodeSession(address: string, expiresSeconds: number): string {
  const head = String.fromCharCode(ADDRESS_TAG) + varint(address.length) + address;
  if (expiresSeconds === 0) return head;
  return head + String.fromCharCode(EXPIRES_TAG) + varint(expiresSeconds);
}

/** Null for what is no such message. */
export function decodeSession(bytes: string): Session | null {
  const reader = new Reader(bytes);
  let address = "";
  let expiresSeconds = 0;
  while (!reader.done) {
    const tag = reader.varint();
    if (tag === ADDRESS_TAG) address = reader.text();
    else if (tag === EXPIRES_TAG) expiresSeconds = reader.varint();
    else reader.skip(tag);
  }
  return reader.failed ? null : { address, expiresSeconds };
}

/** After a failure it is done. */
class Reader {
  failed = false;
  private readonly bytes: string;
  private at = 0;

  constructor(bytes: string) {
    this.bytes = bytes;
  }

  get done(): boolean {
    return this.failed || this.at === this.bytes.length;
  }

  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 10; shift++) {
      if (this.at >= this.bytes.length) break;
      const byte = this.bytes.charCodeAt(this.at++);
      value += (byte & 127) * 2 ** (7 * shift);
      if (byte < 128) return value;
    }
    this.failed = true;
    return 0;
  }

  text(): string {
    const length = this.varint();
    return this.take(length);
  }

  /** Fields that this version does not know. */
  skip(tag: number): void {
    const type = tag % 8;
    if (tag < 8) this.failed = true;
    else if (type === VARINT) this.varint();
    else if (type === FIXED64) this.take(8);
    else if (type === LENGTH) this.text();
    else if (type === FIXED32) this.take(4);
    else this.failed = true;
  }

  private take(length: number): string {
    const end = this.at + length;
    if (end > this.bytes.length) {
      this.failed = true;
      return "";
    }
    const text = this.bytes.slice(this.at, end);
    this.at = end;
    return text;
  }
}

function varint(value: number): string {
  let text = "";
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) text += String.fromCharCode((rest % 128) | 128);
  return text + String.fromCharCode(rest);
}
