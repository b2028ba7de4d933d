// A codec that nobody uses: several streams on one connection, by small frames. It exists to show
// that the codec interfaces suit multiplexing before the real one is written.
//
// Frame: type, stream, flags, two bytes of length, payload. H head and T trailers (name NUL value
// NUL …), I informational, D data, W window (bytes given back), R reset, G goaway, E end (flag).
import type {
  BytesMeter,
  ClientConnection,
  ClientConnectionCallbacks,
  RequestDecoder,
  RequestEncoder,
  ResponseDecoder,
  ResponseEncoder,
  ServerConnection,
  ServerConnectionCallbacks,
  StreamCallbacks,
  StreamResetReason,
} from "../../src/codec/codec.ts";
import { HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../../src/codec/header-map.ts";
import { headerName } from "../../src/codec/header-names.ts";
import type { Protocol } from "../../src/network/stream-info.ts";

export const WINDOW = 8;
const HEAD_BYTES = 5;
const END = 1;

type Decoder = StreamCallbacks & {
  decodeData(bytes: Buffer, endStream: boolean): void;
  decodeTrailers(trailers: HeaderMap): void;
};

/** One stream on one side: both what is sent and what is received. */
class FrameStream<D extends Decoder> implements BytesMeter {
  wireBytesReceived = 0;
  wireBytesSent = 0;
  headerBytesReceived = 0;
  headerBytesSent = 0;
  readonly id: number;
  decoder!: D;
  protected readonly connection: FrameConnection<D>;
  private window = WINDOW;
  private waiting: { bytes: Buffer; end: boolean }[] = [];
  private pauses = 0;
  private owed = 0;
  private sentEnd = false;
  private receivedEnd = false;

  constructor(connection: FrameConnection<D>, id: number) {
    this.connection = connection;
    this.id = id;
  }

  get meter(): BytesMeter {
    return this;
  }

  encodeData(bytes: Buffer, endStream: boolean): void {
    const wasBlocked = this.waiting.length > 0;
    this.waiting.push({ bytes: Buffer.from(bytes), end: endStream });
    this.pump();
    if (!wasBlocked && this.waiting.length > 0) this.decoder.onAboveWriteBufferHighWatermark();
  }

  encodeTrailers(trailers: HeaderMap): void {
    this.send("T", encodeFields(trailers, []), true);
    this.end();
  }

  resetStream(_reason: StreamResetReason): void {
    if (this.connection.forget(this)) this.connection.frame("R", this.id, Buffer.alloc(0), false);
  }

  readDisable(disable: boolean): void {
    this.pauses += disable ? 1 : -1;
    if (this.pauses === 0) this.giveBack(0);
  }

  protected head(fields: Buffer, endStream: boolean): void {
    this.headerBytesSent += fields.length;
    this.send("H", fields, endStream);
    if (endStream) this.end();
  }

  /** @internal */
  onData(bytes: Buffer, endStream: boolean): void {
    this.wireBytesReceived += HEAD_BYTES + bytes.length;
    if (endStream) this.receivedEnd = true;
    this.giveBack(bytes.length);
    this.decoder.decodeData(bytes, endStream);
    this.settle();
  }

  /** @internal */
  onTrailers(trailers: HeaderMap): void {
    this.receivedEnd = true;
    this.decoder.decodeTrailers(trailers);
    this.settle();
  }

  /** @internal */
  onHeadEnd(endStream: boolean): void {
    this.receivedEnd = endStream;
    this.settle();
  }

  /** @internal */
  onWindow(bytes: number): void {
    this.window += bytes;
    const wasBlocked = this.waiting.length > 0;
    this.pump();
    if (wasBlocked && this.waiting.length === 0) this.decoder.onBelowWriteBufferLowWatermark();
  }

  protected send(type: string, payload: Buffer, endStream: boolean): void {
    this.wireBytesSent += HEAD_BYTES + payload.length;
    this.connection.frame(type, this.id, payload, endStream);
  }

  private end(): void {
    this.sentEnd = true;
    this.settle();
  }

  private settle(): void {
    if (this.sentEnd && this.receivedEnd) this.connection.forget(this);
  }

  private pump(): void {
    while (this.waiting.length > 0) {
      const next = this.waiting[0]!;
      const length = Math.min(this.window, next.bytes.length);
      if (length === 0 && next.bytes.length > 0) return;
      const last = length === next.bytes.length;
      this.window -= length;
      const piece = next.bytes.subarray(0, length);
      if (last) this.waiting.shift();
      else next.bytes = next.bytes.subarray(length);
      this.send("D", piece, last && next.end);
      if (last && next.end) this.end();
    }
  }

  private giveBack(bytes: number): void {
    this.owed += bytes;
    if (this.pauses > 0 || this.owed === 0) return;
    const payload = Buffer.from([this.owed]);
    this.owed = 0;
    this.connection.frame("W", this.id, payload, false);
  }
}

class ServerStream extends FrameStream<RequestDecoder> implements ResponseEncoder {
  setDecoder(): void {
    throw new Error("no redirect is followed in this test");
  }

  encodeInformational(headers: ResponseHeaderMap): void {
    this.send("I", encodeFields(headers, [String(headers.status)]), false);
  }

  encodeHeaders(headers: ResponseHeaderMap, endStream: boolean): void {
    this.head(encodeFields(headers, [String(headers.status)]), endStream);
  }
}

class ClientStream extends FrameStream<ResponseDecoder> implements RequestEncoder {
  encodeHeaders(headers: RequestHeaderMap, endStream: boolean): void {
    const { method, authority, path } = headers;
    this.head(encodeFields(headers, [method, authority, path]), endStream);
  }

  enableTunnel(): void {}
}

abstract class FrameConnection<D extends Decoder> {
  protected readonly streams: Map<number, FrameStream<D>> = new Map();
  private readonly write: (bytes: Buffer) => void;
  private input: Buffer = Buffer.alloc(0);

  constructor(write: (bytes: Buffer) => void) {
    this.write = write;
  }

  get protocol(): Protocol {
    return "HTTP/2";
  }

  get multiplexed(): boolean {
    return true;
  }

  dispatch(bytes: Buffer): void {
    this.input = Buffer.concat([this.input, bytes]);
    while (this.input.length >= HEAD_BYTES) {
      const end = HEAD_BYTES + this.input.readUInt16BE(3);
      if (this.input.length < end) return;
      const payload = this.input.subarray(HEAD_BYTES, end);
      const [type, id, flags] = [this.input[0]!, this.input[1]!, this.input[2]!];
      this.input = this.input.subarray(end);
      this.onFrame(String.fromCharCode(type), id, payload, (flags & END) !== 0);
    }
  }

  onAboveWriteBufferHighWatermark(): void {
    for (const stream of this.streams.values()) stream.decoder.onAboveWriteBufferHighWatermark();
  }

  onBelowWriteBufferLowWatermark(): void {
    for (const stream of this.streams.values()) stream.decoder.onBelowWriteBufferLowWatermark();
  }

  /** @internal */
  frame(type: string, id: number, payload: Buffer, endStream: boolean): void {
    const head = Buffer.from([type.charCodeAt(0), id, endStream ? END : 0, 0, 0]);
    head.writeUInt16BE(payload.length, 3);
    this.write(Buffer.concat([head, payload]));
  }

  /** @internal The stream is over. */
  forget(stream: FrameStream<D>): boolean {
    const known = this.streams.delete(stream.id);
    if (known) this.onStreamGone();
    return known;
  }

  protected abstract onHead(id: number, fields: readonly string[], endStream: boolean): void;
  protected abstract onInformational(id: number, fields: readonly string[]): void;
  protected abstract onGoaway(): void;
  protected abstract onStreamGone(): void;

  protected resetAll(reason: StreamResetReason): boolean {
    const open = [...this.streams.values()];
    this.streams.clear();
    for (const stream of open) stream.decoder.onResetStream(reason, "");
    return open.length === 0;
  }

  private onFrame(type: string, id: number, payload: Buffer, endStream: boolean): void {
    const stream = this.streams.get(id);
    if (type === "H") this.onHead(id, decodeFields(payload), endStream);
    else if (type === "G") this.onGoaway();
    else if (stream === undefined) return;
    else if (type === "I") this.onInformational(id, decodeFields(payload));
    else if (type === "D") stream.onData(payload, endStream);
    else if (type === "W") stream.onWindow(payload[0]!);
    else if (type === "T") stream.onTrailers(fill(new HeaderMap(), decodeFields(payload)));
    else if (this.forget(stream)) stream.decoder.onResetStream("remote reset", "");
  }
}

export class FrameServerConnection
  extends FrameConnection<RequestDecoder>
  implements ServerConnection
{
  private readonly callbacks: ServerConnectionCallbacks;
  private refusing = false;

  constructor(callbacks: ServerConnectionCallbacks, write: (bytes: Buffer) => void) {
    super(write);
    this.callbacks = callbacks;
  }

  startDrain(): void {
    this.frame("G", 0, Buffer.alloc(0), false);
  }

  endDrain(): void {
    this.refusing = true;
    this.frame("G", 0, Buffer.alloc(0), true);
  }

  onConnectionClose(): void {
    this.resetAll("connection termination");
  }

  protected onHead(id: number, fields: readonly string[], endStream: boolean): void {
    if (this.refusing) {
      this.frame("R", id, Buffer.alloc(0), false);
      return;
    }
    const stream = new ServerStream(this, id);
    this.streams.set(id, stream);
    stream.decoder = this.callbacks.newStream(stream);
    const headers = new RequestHeaderMap();
    [headers.method, headers.authority, headers.path] = fields as [string, string, string];
    stream.decoder.decodeHeaders(fill(headers, fields.slice(3)), endStream);
    stream.onHeadEnd(endStream);
  }

  protected onInformational(): void {}
  protected onGoaway(): void {}
  protected onStreamGone(): void {}
}

export class FrameClientConnection
  extends FrameConnection<ResponseDecoder>
  implements ClientConnection
{
  private readonly callbacks: ClientConnectionCallbacks;
  private nextId = 1;

  constructor(callbacks: ClientConnectionCallbacks, write: (bytes: Buffer) => void) {
    super(write);
    this.callbacks = callbacks;
  }

  newStream(decoder: ResponseDecoder): RequestEncoder {
    const stream = new ClientStream(this, this.nextId++);
    stream.decoder = decoder;
    this.streams.set(stream.id, stream);
    return stream;
  }

  onConnectionClose(reason: StreamResetReason): boolean {
    return this.resetAll(reason);
  }

  protected onHead(id: number, fields: readonly string[], endStream: boolean): void {
    const stream = this.streams.get(id);
    stream?.decoder.decodeHeaders(response(fields), endStream);
    stream?.onHeadEnd(endStream);
  }

  protected onInformational(id: number, fields: readonly string[]): void {
    this.streams.get(id)?.decoder.decodeInformational(response(fields));
  }

  protected onGoaway(): void {
    this.callbacks.onNoMoreStreams(false);
  }

  protected onStreamGone(): void {
    this.callbacks.onStreamComplete();
  }
}

function response(fields: readonly string[]): ResponseHeaderMap {
  const headers = new ResponseHeaderMap();
  headers.status = Number(fields[0]);
  return fill(headers, fields.slice(1));
}

function fill<H extends HeaderMap>(headers: H, fields: readonly string[]): H {
  for (let index = 0; index + 1 < fields.length; index += 2) {
    headers.add(headerName(fields[index]!), fields[index + 1]!);
  }
  return headers;
}

function encodeFields(headers: HeaderMap, first: readonly string[]): Buffer {
  const fields = headers.names.flatMap((name, index) => [name.text, headers.values[index]!]);
  return Buffer.from([...first, ...fields].join("\0"), "latin1");
}

function decodeFields(payload: Buffer): string[] {
  return payload.length === 0 ? [] : payload.toString("latin1").split("\0");
}
