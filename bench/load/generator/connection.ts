// One client connection of the generator: a raw socket, a shared read buffer, prebuilt request
// bytes.
import { connect, type Socket } from "node:net";
import { type RequestShape, requestHead } from "../request.ts";
import { ResponseReader } from "./response-reader.ts";

/** Every socket reads into this: nothing is kept past the callback. */
const READ_BUFFER = Buffer.allocUnsafe(256 * 1024);
const BODY_BLOCK = Buffer.alloc(256 * 1024, "x");
const CHUNK_BYTES = 16 * 1024;
const CHUNK = Buffer.concat([
  Buffer.from(`${CHUNK_BYTES.toString(16)}\r\n`),
  BODY_BLOCK.subarray(0, CHUNK_BYTES),
  Buffer.from("\r\n"),
]);
/** Bodies up to this size are sent in one piece with their head. */
const WHOLE_REQUEST_BYTES = 64 * 1024;

export interface ConnectionEvents {
  /** A response is complete. */
  onResponse(connection: ClientConnection): void;
  /** The connection ended; `lost` when a response was still owed. */
  onEnd(connection: ClientConnection, lost: boolean): void;
}

/** Bytes of a request that never change. */
export class PreparedRequest {
  readonly whole: Buffer | null;
  readonly head: Buffer;
  readonly shape: RequestShape;

  constructor(shape: RequestShape) {
    this.shape = shape;
    this.head = Buffer.from(requestHead(shape), "latin1");
    const small = !shape.chunked && shape.bodyBytes <= WHOLE_REQUEST_BYTES;
    this.whole = small ? Buffer.concat([this.head, BODY_BLOCK.subarray(0, shape.bodyBytes)]) : null;
  }
}

export class ClientConnection {
  readonly index: number;
  readonly reader: ResponseReader;
  readonly socket: Socket;
  /** A request is under way. */
  busy: boolean;
  /** When the request under way was meant to be sent, in µs of the run. */
  intendedMicros: number;
  ended: boolean;
  readonly #events: ConnectionEvents;

  constructor(port: number, index: number, events: ConnectionEvents, onConnect: () => void) {
    this.index = index;
    this.reader = new ResponseReader();
    this.busy = false;
    this.intendedMicros = 0;
    this.ended = false;
    this.#events = events;
    this.socket = connect({
      port,
      host: "127.0.0.1",
      noDelay: true,
      onread: { buffer: READ_BUFFER, callback: (bytes, buffer) => this.#read(bytes, buffer) },
    });
    this.socket.once("connect", onConnect);
    this.socket.once("close", () => this.#closed());
    this.socket.on("error", () => this.socket.destroy());
    this.socket.on("end", () => this.socket.end());
  }

  send(request: PreparedRequest, intendedMicros: number): void {
    this.busy = true;
    this.intendedMicros = intendedMicros;
    if (request.whole !== null) {
      this.socket.write(request.whole);
      return;
    }
    this.socket.write(request.head);
    this.#sendBody(request.shape, request.shape.bodyBytes);
  }

  close(): void {
    this.ended = true;
    this.socket.destroy();
  }

  #sendBody(shape: RequestShape, bytes: number): void {
    let left = bytes;
    while (left > 0) {
      const block = shape.chunked ? CHUNK : BODY_BLOCK;
      const payload = Math.min(left, shape.chunked ? CHUNK_BYTES : block.length);
      left -= payload;
      const exact = !shape.chunked && payload < block.length;
      const flushed = this.socket.write(exact ? block.subarray(0, payload) : block);
      if (!flushed && left > 0) {
        this.socket.once("drain", () => this.#sendBody(shape, left));
        return;
      }
    }
    if (shape.chunked) this.socket.write("0\r\n\r\n");
  }

  #read(bytes: number, buffer: Uint8Array): boolean {
    const data = buffer as Buffer;
    try {
      let completed = this.reader.feed(bytes === data.length ? data : data.subarray(0, bytes));
      while (completed-- > 0) this.#responded();
    } catch {
      this.socket.destroy();
    }
    return true;
  }

  #responded(): void {
    this.busy = false;
    this.#events.onResponse(this);
  }

  #closed(): void {
    if (this.ended) return;
    this.ended = true;
    if (this.reader.end()) this.#responded();
    this.#events.onEnd(this, this.busy);
  }
}
