// hot: per chunk
/**
 * CONNECT ends here: the request body becomes bytes of a TCP connection, and back. Envoy:
 * `Extensions::Upstreams::Http::Tcp::TcpUpstream`.
 */
import type {
  BytesMeter,
  RequestEncoder,
  ResponseDecoder,
  StreamResetReason,
} from "../../../codec/codec.ts";
import { ResponseHeaderMap } from "../../../codec/header-map.ts";
import type {
  Connection,
  ConnectionCallbacks,
  ConnectionCloseSource,
} from "../../../network/connection.ts";

const EMPTY: Buffer = Buffer.alloc(0);

export class TcpUpstream implements RequestEncoder, ConnectionCallbacks, BytesMeter {
  wireBytesReceived = 0;
  wireBytesSent = 0;
  readonly headerBytesReceived = 0;
  readonly headerBytesSent = 0;
  private readonly connection: Connection;
  /** Null once the stream is over. */
  private decoder: ResponseDecoder | null;
  private requestEnded = false;
  private responseEnded = false;

  constructor(connection: Connection, decoder: ResponseDecoder) {
    this.connection = connection;
    this.decoder = decoder;
  }

  get meter(): BytesMeter {
    return this;
  }

  /** Nothing is sent: the connection itself is the answer. */
  encodeHeaders(): void {
    const headers = new ResponseHeaderMap();
    headers.status = 200;
    this.decoder?.decodeHeaders(headers, false);
  }

  encodeData(bytes: Buffer, endStream: boolean): void {
    this.wireBytesSent += bytes.length;
    if (bytes.length > 0) this.connection.writeBytes(bytes);
    if (endStream) this.endRequest();
  }

  encodeTrailers(): void {
    this.endRequest();
  }

  enableTunnel(): void {
    // It is one.
  }

  resetStream(_reason: StreamResetReason): void {
    this.decoder = null;
    this.connection.close("no-flush");
  }

  readDisable(disable: boolean): void {
    this.connection.readDisable(disable);
  }

  onData(bytes: Buffer, endStream: boolean): void {
    this.wireBytesReceived += bytes.length;
    this.responseEnded = endStream;
    this.decoder?.decodeData(bytes, endStream);
    if (endStream && this.requestEnded) this.finish();
  }

  onClose(_source: ConnectionCloseSource): void {
    const { decoder } = this;
    this.decoder = null;
    if (decoder === null || this.responseEnded) return;
    if (this.requestEnded) decoder.decodeData(EMPTY, true);
    else decoder.onResetStream("connection termination", "");
  }

  onAboveWriteBufferHighWatermark(): void {
    this.decoder?.onAboveWriteBufferHighWatermark();
  }

  onBelowWriteBufferLowWatermark(): void {
    this.decoder?.onBelowWriteBufferLowWatermark();
  }

  private endRequest(): void {
    this.requestEnded = true;
    this.connection.end();
    if (this.responseEnded) this.finish();
  }

  private finish(): void {
    this.decoder = null;
    this.connection.close("flush-write");
  }
}
