// The cheap upstream of the load harness, over raw sockets: it must cost less than the proxies it
// serves. HTTP: `/bytes/N` answers N bytes, `/chunked/N` the same in chunks; a request body is read
// to its end first. TCP: first byte D + 8 bytes of length streams down, U streams up and is
// acknowledged with one byte, P is answered with one byte.
import { createServer, type Server, type Socket } from "node:net";
import { type BodyFraming, createFraming } from "./generator/body-framing.ts";

const BLOCK = Buffer.alloc(256 * 1024, "x");
const CHUNK_BYTES = 16 * 1024;
const CHUNK = Buffer.concat([
  Buffer.from(`${CHUNK_BYTES.toString(16)}\r\n`),
  BLOCK.subarray(0, CHUNK_BYTES),
  Buffer.from("\r\n"),
]);
const HEAD_LIMIT = 64 * 1024;
/** Answers up to this size are built once and written in one piece. */
const WHOLE_ANSWER_BYTES = 64 * 1024;
const readyAnswers = new Map<string, Buffer>();

/** Runs both servers and reports their ports over IPC. */
export function runUpstream(): void {
  const http = createServer({ noDelay: true }, serveHttp);
  const tcp = createServer({ noDelay: true }, serveTcp);
  const listen = (server: Server): Promise<number> =>
    new Promise((resolve) => {
      server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => {
        const address = server.address();
        resolve(address !== null && typeof address === "object" ? address.port : 0);
      });
    });
  void Promise.all([listen(http), listen(tcp)]).then(([httpPort, tcpPort]) => {
    process.send?.({ type: "ports", httpPort, tcpPort });
  });
  process.on("disconnect", () => process.exit(0));
}

function serveHttp(socket: Socket): void {
  const session = new HttpSession(socket);
  socket.on("error", () => socket.destroy());
  socket.on("data", (data: Buffer) => session.take(data));
}

/** One HTTP connection: heads accumulate, bodies are skipped, answers follow. */
class HttpSession {
  readonly #socket: Socket;
  #partialHead: Buffer | null = null;
  #body: BodyFraming | null = null;
  #path = "";
  #close = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  take(arrived: Buffer): void {
    let data: Buffer =
      this.#partialHead === null ? arrived : Buffer.concat([this.#partialHead, arrived]);
    this.#partialHead = null;
    while (data.length > 0) {
      if (this.#body === null) {
        const end = data.indexOf("\r\n\r\n");
        if (end < 0) {
          if (data.length > HEAD_LIMIT) this.#socket.destroy();
          else this.#partialHead = data;
          return;
        }
        this.#body = this.#readHead(data.toString("latin1", 0, end + 2));
        data = data.subarray(end + 4);
      }
      data = data.subarray(this.#body.consume(data, 0));
      if (!this.#body.done) return;
      this.#body = null;
      answer(this.#socket, this.#path, this.#close);
    }
  }

  #readHead(head: string): BodyFraming {
    const space = head.indexOf(" ");
    this.#path = head.slice(space + 1, head.indexOf(" ", space + 1));
    this.#close = /\r\nconnection: *close/i.test(head);
    if (/\r\nexpect: *100-continue/i.test(head)) {
      this.#socket.write("HTTP/1.1 100 Continue\r\n\r\n");
    }
    return createFraming(head, "request");
  }
}

function answer(socket: Socket, path: string, close: boolean): void {
  const chunked = path.startsWith("/chunked/");
  const bytes = Number(path.slice(path.lastIndexOf("/") + 1)) || 0;
  if (chunked) {
    socket.write(`${headFor("Transfer-Encoding: chunked", close)}`);
    streamChunks(socket, bytes, close);
  } else if (bytes <= WHOLE_ANSWER_BYTES) {
    socket.write(wholeAnswer(bytes, close));
    if (close) socket.end();
  } else {
    socket.write(headFor(`Content-Length: ${bytes}`, close));
    streamBytes(socket, bytes, () => close && socket.end());
  }
}

function headFor(framing: string, close: boolean): string {
  const connection = close ? "close" : "keep-alive";
  return (
    "HTTP/1.1 200 OK\r\nServer: bench\r\nDate: Fri, 20 Nov 2026 08:00:00 GMT\r\n" +
    `Content-Type: text/plain\r\n${framing}\r\nCache-Control: no-store\r\nConnection: ${connection}\r\n\r\n`
  );
}

function wholeAnswer(bytes: number, close: boolean): Buffer {
  const key = `${bytes}${close}`;
  let ready = readyAnswers.get(key);
  if (ready === undefined) {
    const head = Buffer.from(headFor(`Content-Length: ${bytes}`, close), "latin1");
    ready = Buffer.concat([head, BLOCK.subarray(0, bytes)]);
    readyAnswers.set(key, ready);
  }
  return ready;
}

function streamChunks(socket: Socket, bytes: number, close: boolean): void {
  let left = Math.ceil(bytes / CHUNK_BYTES);
  const more = (): void => {
    while (left > 0) {
      left--;
      if (!socket.write(CHUNK) && left > 0) {
        socket.once("drain", more);
        return;
      }
    }
    socket.write("0\r\n\r\n");
    if (close) socket.end();
  };
  more();
}

/** Writes `bytes` bytes with back-pressure; the block is shared and never changes. */
export function streamBytes(socket: Socket, bytes: number, done: () => void): void {
  let left = bytes;
  const more = (): void => {
    while (left > 0) {
      const size = Math.min(left, BLOCK.length);
      left -= size;
      const flushed = socket.write(size === BLOCK.length ? BLOCK : BLOCK.subarray(0, size));
      if (!flushed && left > 0) {
        socket.once("drain", more);
        return;
      }
    }
    done();
  };
  more();
}

function serveTcp(socket: Socket): void {
  let left = -1;
  let header = Buffer.alloc(0);
  socket.on("error", () => socket.destroy());
  socket.on("data", (arrived: Buffer) => {
    let data = arrived;
    while (data.length > 0) {
      if (left > 0) {
        const used = Math.min(left, data.length);
        left -= used;
        data = data.subarray(used);
        if (left === 0) socket.write("K");
        continue;
      }
      header = Buffer.concat([header, data.subarray(0, 9 - header.length)]);
      if (header[0] === 0x50) {
        data = data.subarray(1);
        header = Buffer.alloc(0);
        socket.write("K");
        continue;
      }
      if (header.length < 9) return;
      data = data.subarray(9);
      const bytes = Number(header.readBigUInt64BE(1));
      if (header[0] === 0x44) streamBytes(socket, bytes, () => {});
      else left = bytes;
      header = Buffer.alloc(0);
    }
  });
}
