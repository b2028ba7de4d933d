// A downstream client of the simulation: sends requests in random pieces in random ways, and checks
// that every answer is one whole answer to the right request.
import type { Socket, SocketError, SocketEvents } from "../../src/platform/sockets.ts";
import type { MemoryNetwork } from "../kit/memory-network.ts";
import type { SeededRandom } from "../kit/seeded-random.ts";
import type { SimulatedTime } from "../kit/simulated-time.ts";
import type { Ledger, RequestRecord } from "./ledger.ts";
import { type HeaderLines, MessageReader } from "./message-reader.ts";
import { bodyOf, foreignBytes } from "./payload.ts";
import { chunked, randomCuts, randomDelayMs } from "./random-pieces.ts";

export interface ClientServices {
  readonly time: SimulatedTime;
  readonly network: MemoryNetwork;
  readonly random: SeededRandom;
  readonly ledger: Ledger;
}

const BROKEN: readonly string[] = [
  "GARBAGE\r\n\r\n",
  "GET / HTTP/1.1\r\nhost: one\r\nbad header\r\n\r\n",
  "POST /c0/ HTTP/1.1\r\nhost: one\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
  "POST /c0/ HTTP/1.1\r\nhost: one\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
  "GET / HTTP/9.9\r\nhost: one\r\n\r\n",
  "\0\x01\x02\x03\r\n\r\n",
  "GET /c0/ HTTP/1.1\r\n\r\n",
  `GET /c0/ HTTP/1.1\r\nhost: one\r\nx-long: ${"l".repeat(70_000)}\r\n\r\n`,
  "POST /c0/ HTTP/1.1\r\nhost: one\r\nx-broken: 1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
  "GET /c0/ HTTP/1.1\r\nhost: one\r\n never: folded\r\n\r\n",
];

const PATHS = ["/c0/", "/c1/", "/c2/", "/w/", "/w/", "/direct/", "/old/", "/missing/", "/health"];

export class SimulatedHttpClient implements SocketEvents {
  readonly name: string;
  /** Everything that will ever happen on this connection has happened. */
  closed = false;
  private readonly services: ClientServices;
  private readonly socket: Socket;
  private readonly reader: MessageReader;
  private readonly batches: number;
  /** Sent at least in part and not answered completely, oldest first. */
  private readonly waiting: RequestRecord[] = [];
  private current: RequestRecord | null = null;
  private receivedBytes = 0;
  private checksBody = false;
  private sentBroken = false;
  private batch = 0;
  private sending = false;
  private announcedClose = false;
  private ending = false;

  constructor(name: string, port: number, services: ClientServices) {
    this.name = name;
    this.services = services;
    this.batches = 1 + services.random.below(4);
    this.reader = new MessageReader("response", {
      onHead: (line, headers) => this.onHead(line, headers),
      onBody: (text) => this.onBody(text),
      onComplete: () => this.onComplete(),
      onBroken: (reason) => this.fail(`broken answer: ${reason}`),
    });
    this.socket = services.network.connect({ address: { ip: "127.0.0.1", port } }, this);
    if (services.random.chance(0.15)) this.disturbLater();
    if (services.random.chance(0.15)) this.readSlowly();
  }

  /** Answers that are still due. */
  get outstanding(): readonly RequestRecord[] {
    return this.closed ? [] : this.waiting.filter(({ sent }) => sent);
  }

  /** The world ends: leaves without a word. */
  leave(): void {
    this.ending = true;
    this.socket.destroy();
  }

  /** Looks again at what arrived: a paused socket does not notice its end. */
  readOn(): void {
    this.ending = true;
    if (!this.closed) this.socket.resume();
  }

  onConnect(): void {
    this.sendBatch();
  }

  onBytes(buffer: Buffer, length: number): void {
    this.reader.push(buffer.toString("latin1", 0, length));
  }

  onEnd(): void {
    this.services.ledger.note(() => `${this.name} got FIN`);
    this.reader.end();
    this.announcedClose = true;
    if (!this.sending) this.socket.end();
    else this.socket.destroy();
  }

  onDrain(): void {}

  onClose(error: SocketError | null): void {
    this.services.ledger.note(() => `${this.name} closed ${error?.code ?? ""}`);
    this.closed = true;
    for (const record of this.waiting) record.abandoned = true;
  }

  private onHead(startLine: string, headers: HeaderLines): boolean {
    const status = Number(startLine.split(" ")[1]);
    const { ledger } = this.services;
    const id = headers.get("x-id");
    ledger.note(() => `${this.name} got ${startLine} for ${this.waiting[0]?.id}, x-id ${id}`);
    if (status >= 100 && status < 200) {
      this.current = null;
      if (this.waiting.length === 0) this.fail(`${status} without a request`);
      return true;
    }
    const record = this.waiting[0];
    this.current = record ?? null;
    this.receivedBytes = 0;
    this.checksBody = id !== undefined;
    if (headers.get("connection") === "close") this.announcedClose = true;
    if (record === undefined) {
      if (!this.sentBroken || status < 400) this.fail(`an answer without a request: ${startLine}`);
      return false;
    }
    record.responseHeads++;
    if (record.responseHeads > 1) this.fail(`a second answer to ${record.id}`);
    if (id !== undefined && id !== String(record.id)) {
      this.fail(`the answer to ${id} came for ${record.id}`);
    }
    if (id !== undefined && record.forwarded === 0) this.fail(`an answer to ${id} out of nowhere`);
    this.checkVersions(record, headers);
    return record.toHead || status === 204 || status === 304;
  }

  /** One route table per stream. */
  private checkVersions(record: RequestRecord, headers: HeaderLines): void {
    const names = ["x-config", "x-host", "x-route", "x-saw-config", "x-saw-host", "x-saw-route"];
    const seen = names.map((name) => headers.get(name)).filter((value) => value !== undefined);
    if (new Set(seen).size > 1) this.fail(`${record.id} saw versions ${seen.join()}`);
  }

  private onBody(text: string): void {
    const record = this.current;
    if (record !== null && this.checksBody) {
      const foreign = foreignBytes("response", record.id, this.receivedBytes, text);
      if (foreign !== "") this.fail(`foreign bytes in the answer to ${record.id}: ${foreign}`);
    } else if (/p\d+\.p\d+\./.test(text)) {
      this.fail(`bytes of an upstream in a local reply: ${text.slice(0, 40)}`);
    }
    this.receivedBytes += text.length;
  }

  private onComplete(): void {
    const record = this.current;
    if (record === null) return;
    this.current = null;
    this.waiting.shift();
    record.responseComplete = true;
    this.checkLength(record);
    if (this.waiting.length > 0 || this.sending) return;
    if (this.announcedClose || this.sentBroken) return;
    this.services.time.after(randomDelayMs(this.services.random), () => this.sendBatch(), "client");
  }

  private checkLength(record: RequestRecord): void {
    if (!this.checksBody || record.toHead || record.answerBytes < 0 || this.reader.untilClose)
      return;
    if (record.answerBytes !== this.receivedBytes) {
      this.fail(`${this.receivedBytes} of ${record.answerBytes} bytes passed off as whole`);
    }
  }

  private sendBatch(): void {
    if (this.closed || this.sending) return;
    const { random } = this.services;
    if (this.batch === this.batches) {
      const end = random.below(4);
      if (end < 2) this.socket.end();
      else if (end === 2) this.socket.destroy();
      return;
    }
    this.batch++;
    const count = random.chance(0.25) ? 1 + random.below(4) : 1;
    const records: RequestRecord[] = [];
    let text = "";
    for (let index = 0; index < count; index++) text += this.request(records);
    if (random.chance(0.08)) {
      this.sentBroken = true;
      text += random.pick(BROKEN);
    }
    this.sendPieces(text, records);
  }

  private request(records: RequestRecord[]): string {
    const { random, ledger } = this.services;
    const withBody = random.chance(0.4);
    const bytes = !withBody ? 0 : random.chance(0.1) ? random.below(150_000) : random.below(3000);
    const method = withBody ? "POST" : random.pick(["GET", "GET", "GET", "HEAD", "DELETE"]);
    const record = ledger.request(method === "HEAD", bytes);
    records.push(record);
    const old = random.chance(0.07);
    const lines = [`${method} ${random.pick(PATHS)} HTTP/1.${old ? 0 : 1}`];
    lines.push(`host: ${random.pick(["one", "two"])}`, `x-id: ${record.id}`);
    if (random.chance(0.1)) lines.push(`connection: ${random.pick(["close", "keep-alive"])}`);
    if (withBody && random.chance(0.1)) lines.push("expect: 100-continue");
    if (!withBody) return `${lines.join("\r\n")}\r\n\r\n`;
    lines.push(`x-body: ${bytes}`);
    const body = bodyOf("request", record.id, bytes);
    if (old || random.chance(0.5))
      return `${lines.join("\r\n")}\r\ncontent-length: ${bytes}\r\n\r\n${body}`;
    return `${lines.join("\r\n")}\r\ntransfer-encoding: chunked\r\n\r\n${chunked(random, body)}`;
  }

  private sendPieces(text: string, records: readonly RequestRecord[]): void {
    const { random, time, ledger } = this.services;
    ledger.note(
      () =>
        `${this.name} sends ${records.map(({ id }) => id).join()}${this.sentBroken ? " and broken bytes" : ""}`,
    );
    this.sending = true;
    this.waiting.push(...records);
    const pieces = random.chance(0.4) ? [text] : randomCuts(random, text);
    const next = (index: number): void => {
      if (this.closed || this.ending) return;
      this.socket.writeText(pieces[index]!);
      if (index + 1 < pieces.length) {
        time.after(random.chance(0.7) ? 0 : randomDelayMs(random), () => next(index + 1), "client");
        return;
      }
      this.sending = false;
      for (const record of records) record.sent = true;
      if (random.chance(0.05)) this.socket.end();
      else if (this.waiting.length === 0 && !this.announcedClose && !this.sentBroken)
        this.sendBatch();
    };
    next(0);
  }

  private disturbLater(): void {
    const { random, time } = this.services;
    time.after(
      random.below(3000),
      () => {
        if (this.closed) return;
        this.ending = true;
        if (random.chance(0.5)) this.socket.destroy();
        else this.socket.resetAndDestroy();
      },
      "client leaves",
    );
  }

  private readSlowly(): void {
    const { random, time } = this.services;
    const turn = (left: number): void => {
      if (this.closed || this.ending) return;
      this.socket.pause();
      if (left === 0) return;
      const resume = (): void => {
        if (!this.closed) this.socket.resume();
        time.after(random.below(50), () => turn(left - 1), "client pauses");
      };
      time.after(random.below(400), resume, "client reads");
    };
    const pauses = 1 + random.below(20);
    time.after(random.below(100), () => turn(pauses), "client pauses");
    // Who never reads again must be thrown out by the proxy.
    if (random.chance(0.6)) time.after(20_000, () => this.socket.resume(), "client reads on");
  }

  private fail(text: string): void {
    this.services.ledger.problem(`${this.name}: ${text}`);
  }
}
