// An upstream of the simulation: checks that each request is whole and its own, and answers in
// random ways, many of them bad.
import type { ListenSocket, Socket, SocketEvents } from "../../src/platform/sockets.ts";
import type { ClientServices } from "./http-client.ts";
import type { RequestRecord } from "./ledger.ts";
import { type HeaderLines, MessageReader } from "./message-reader.ts";
import { bodyOf, foreignBytes } from "./payload.ts";
import { chunked, randomCuts, randomDelayMs } from "./random-pieces.ts";

const GARBAGE: readonly string[] = [
  "garbage garbage\r\n\r\n",
  "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
];

export class SimulatedHttpUpstream {
  readonly port: number;
  private readonly services: ClientServices;
  private readonly connections = new Set<UpstreamConnection>();
  private listening: ListenSocket | null = null;
  private accepted = 0;
  /** Accepts and resets at once. */
  resets = false;

  constructor(port: number, services: ClientServices) {
    this.port = port;
    this.services = services;
  }

  async listen(): Promise<void> {
    const address = { ip: "127.0.0.1", port: this.port };
    this.listening = await this.services.network.listen({ address }, (socket) =>
      this.accept(socket),
    );
  }

  closeConnections(): void {
    for (const connection of this.connections) connection.leave();
  }

  close(): void {
    this.listening?.close();
    this.closeConnections();
  }

  private accept(socket: Socket): void {
    const name = `upstream ${this.port}#${this.accepted++}`;
    const connection = new UpstreamConnection(name, socket, this.services, () =>
      this.connections.delete(connection),
    );
    this.connections.add(connection);
    if (this.resets) socket.resetAndDestroy();
    else socket.resume();
  }
}

class UpstreamConnection implements SocketEvents {
  readonly socket: Socket;
  private readonly name: string;
  private readonly services: ClientServices;
  private readonly onGone: () => void;
  private readonly reader: MessageReader;
  private record: RequestRecord | null = null;
  /** What the answer in progress belongs to. */
  private answered: RequestRecord | null = null;
  private tunnel = false;
  private receivedBytes = 0;
  private announcedBytes = -1;
  private answering = false;
  private answersEarly = false;
  private headers: HeaderLines = new Map();
  private closed = false;
  private closesAfterAnswer = false;

  constructor(name: string, socket: Socket, services: ClientServices, onGone: () => void) {
    this.name = name;
    this.socket = socket;
    this.services = services;
    this.onGone = onGone;
    socket.events = this;
    this.reader = new MessageReader("request", {
      onHead: (line, headers) => this.onHead(line, headers),
      onBody: (text) => this.onBody(text),
      onComplete: () => this.onComplete(),
      onBroken: (reason) => this.fail(`broken request: ${reason}`),
    });
  }

  leave(): void {
    // Nobody can tell the end of a body that ends with its connection from this.
    if (this.answered !== null && this.closesAfterAnswer) this.answered.answerBytes = -1;
    this.socket.destroy();
  }

  onConnect(): void {}

  onBytes(buffer: Buffer, length: number): void {
    if (this.tunnel) this.socket.writeBytes(Buffer.from(buffer.subarray(0, length)));
    else this.reader.push(buffer.toString("latin1", 0, length));
  }

  onEnd(): void {
    this.services.ledger.note(() => `${this.name} got FIN`);
    if (this.tunnel) this.socket.end();
    else this.socket.destroy();
  }

  onDrain(): void {}

  onClose(): void {
    this.closed = true;
    this.onGone();
  }

  private onHead(startLine: string, headers: HeaderLines): boolean {
    const { ledger, random, time } = this.services;
    const record = ledger.byId(headers.get("x-id"));
    ledger.note(() => `${this.name} got ${startLine} of ${record?.id}`);
    if (this.record !== null || this.answering) {
      this.fail(`${record?.id} came before ${this.record?.id} was answered`);
    }
    // A whole head before a broken body: passed on, and never answered.
    if (headers.has("x-broken")) {
      this.answering = true;
      return false;
    }
    if (record === undefined) {
      this.fail(`a request that nobody sent: ${startLine}`);
      return false;
    }
    record.forwarded++;
    if (record.forwarded > 1) this.fail(`${record.id} was forwarded twice`);
    this.record = record;
    this.receivedBytes = 0;
    this.announcedBytes = Number(headers.get("x-body") ?? 0);
    this.headers = headers;
    const saw = ["x-q-config", "x-q-host", "x-q-route"].map((name) => headers.get(name));
    if (new Set(saw).size > 1) this.fail(`${record.id} carries versions ${saw.join()}`);
    this.tunnel = headers.get("x-tunnel") !== undefined && random.chance(0.8);
    this.answersEarly = random.chance(0.1);
    if (this.answersEarly && !this.tunnel) {
      this.answering = true;
      time.after(randomDelayMs(random), () => this.answer(record), "upstream");
    }
    return false;
  }

  private onBody(text: string): void {
    const { record } = this;
    if (record === null) return;
    const foreign = foreignBytes("request", record.id, this.receivedBytes, text);
    if (foreign !== "") this.fail(`foreign bytes in the body of ${record.id}: ${foreign}`);
    this.receivedBytes += text.length;
  }

  private onComplete(): void {
    const { record } = this;
    if (record === null) return;
    if (this.receivedBytes !== this.announcedBytes) {
      this.fail(`${this.receivedBytes} of ${this.announcedBytes} bytes of ${record.id} as whole`);
    }
    this.record = null;
    if (this.answersEarly && !this.tunnel) return;
    this.answering = true;
    const { random, time } = this.services;
    if (random.chance(0.03)) return;
    const answer = (): void => (this.tunnel ? this.openTunnel(record) : this.answer(record));
    time.after(randomDelayMs(random), answer, "upstream");
  }

  private answer(record: RequestRecord): void {
    if (this.closed) return;
    const { random, ledger } = this.services;
    const fault = random.below(100);
    if (fault < 3) this.socket.resetAndDestroy();
    else if (fault < 6) this.socket.destroy();
    else if (fault < 9) this.write([random.pick(GARBAGE)], () => undefined);
    else {
      const cut = fault < 15;
      const text = this.compose(record, cut);
      ledger.note(() => `${this.name} answers ${record.id}: ${JSON.stringify(text.slice(0, 30))}`);
      if (cut) this.answerCut(text.slice(0, random.below(text.length)));
      else this.write(this.pieces(text), () => this.onAnswered());
    }
  }

  /** From now on the connection echoes; sometimes it ends. */
  private openTunnel(record: RequestRecord): void {
    if (this.closed) return;
    const { random, time } = this.services;
    const lines = ["HTTP/1.1 101 Switching Protocols", `x-id: ${record.id}`];
    this.socket.writeText(
      `${lines.join("\r\n")}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n`,
    );
    if (random.chance(0.7)) return;
    time.after(random.below(3000), () => this.socket.destroySoon(), "tunnel ends");
  }

  private onAnswered(): void {
    this.answering = false;
    if (this.closesAfterAnswer) this.socket.destroySoon();
    else if (this.services.random.chance(0.03)) this.socket.writeText("unasked bytes");
  }

  /** The answer breaks off; mostly its connection ends. */
  private answerCut(text: string): void {
    const { random } = this.services;
    this.write(this.pieces(text), () => {
      if (random.chance(0.4)) this.socket.resetAndDestroy();
      else if (random.chance(0.7)) this.socket.destroy();
    });
  }

  private pieces(text: string): readonly string[] {
    const { random } = this.services;
    return random.chance(0.5) ? [text] : randomCuts(random, text);
  }

  private compose(record: RequestRecord, cut: boolean): string {
    const { random } = this.services;
    const status = random.pick([200, 200, 200, 200, 404, 500, 503, 204, 304]);
    const bytes = random.chance(0.1) ? random.below(200_000) : random.below(3000);
    const bodiless = record.toHead || status === 204 || status === 304;
    const body = bodiless ? "" : bodyOf("response", record.id, bytes);
    record.answerBytes = body.length;
    this.answered = record;
    this.closesAfterAnswer = random.chance(0.1);
    const head = this.head(record, status);
    const framing = random.below(10);
    if (framing < 5)
      return `${head}${status === 204 ? "" : `content-length: ${bytes}\r\n`}\r\n${body}`;
    if (framing < 8) {
      const line = status === 204 ? "" : "transfer-encoding: chunked\r\n";
      return `${head}${line}\r\n${bodiless ? "" : chunked(random, body)}`;
    }
    if (!bodiless) {
      this.closesAfterAnswer = true;
      // A body still under way to a closed socket comes back as a reset, which ends the answer too
      // (as in Envoy).
      if (cut || record.bodyBytes > 0) record.answerBytes = -1;
    }
    return `${head}\r\n${body}`;
  }

  /** Everything but the framing. */
  private head(record: RequestRecord, status: number): string {
    const { random } = this.services;
    const lines = [`HTTP/1.1 ${status} Reason`, `x-id: ${record.id}`];
    for (const level of ["config", "host", "route"]) {
      lines.push(`x-saw-${level}: ${this.headers.get(`x-q-${level}`) ?? "none"}`);
    }
    if (this.closesAfterAnswer && random.chance(0.7)) lines.push("connection: close");
    const early = random.chance(0.05) ? "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" : "";
    const hints = random.chance(0.05) ? "HTTP/1.1 100 Continue\r\n\r\n" : "";
    return `${early}${hints}${lines.join("\r\n")}\r\n`;
  }

  private write(pieces: readonly string[], done: () => void): void {
    const { random, time } = this.services;
    const next = (index: number): void => {
      if (this.closed) return;
      const piece = pieces[index];
      if (piece === undefined) {
        done();
        return;
      }
      this.socket.writeText(piece);
      const last = index + 1 === pieces.length;
      if (last || random.chance(0.7)) next(index + 1);
      else time.after(randomDelayMs(random), () => next(index + 1), "upstream");
    };
    next(0);
  }

  private fail(text: string): void {
    this.services.ledger.problem(`${this.name}: ${text}`);
  }
}
