// Reads HTTP/1 messages as they arrive, independently of src/codec: what a peer of the proxy sees.

/** The header lines of a message by lower-case name; several lines are joined with ",". */
export type HeaderLines = ReadonlyMap<string, string>;

export interface MessageEvents {
  /** Returns true when this message has no body whatever its headers say (an answer to HEAD). */
  onHead(startLine: string, headers: HeaderLines): boolean;
  onBody(text: string): void;
  onComplete(): void;
  onBroken(reason: string): void;
}

type State = "head" | "length" | "size" | "chunk" | "after-chunk" | "trailers" | "rest" | "broken";

export class MessageReader {
  private readonly events: MessageEvents;
  private readonly kind: "request" | "response";
  private state: State = "head";
  private input = "";
  private left = 0;

  constructor(kind: "request" | "response", events: MessageEvents) {
    this.kind = kind;
    this.events = events;
  }

  /** Inside a message. */
  get busy(): boolean {
    return this.state !== "head" || this.input !== "";
  }

  /** The body ends with the connection. */
  get untilClose(): boolean {
    return this.state === "rest";
  }

  push(text: string): void {
    this.input += text;
    while (this.input !== "" && this.step());
  }

  /** FIN. */
  end(): void {
    if (this.state !== "rest") return;
    this.events.onComplete();
    this.state = "head";
  }

  private step(): boolean {
    switch (this.state) {
      case "head":
        return this.readHead();
      case "length":
        return this.readBody(() => this.complete());
      case "chunk":
        return this.readBody(() => {
          this.state = "after-chunk";
        });
      case "size":
        return this.readSize();
      case "after-chunk":
        return this.readLine((line) => {
          if (line === "") this.state = "size";
          else this.broken(`chunk longer than announced: ${line.slice(0, 20)}`);
        });
      case "trailers":
        return this.readLine((line) => {
          if (line === "") this.complete();
        });
      case "rest":
        this.events.onBody(this.input);
        this.input = "";
        return false;
      case "broken":
        return false;
    }
  }

  private readHead(): boolean {
    const end = this.input.indexOf("\r\n\r\n");
    if (end < 0) return false;
    const [startLine = "", ...lines] = this.input.slice(0, end).split("\r\n");
    this.input = this.input.slice(end + 4);
    const headers = headerLines(lines);
    const expected = this.kind === "response" ? /^HTTP\/1\.[01] \d{3}( |$)/ : / HTTP\/1\.1$/;
    if (!expected.test(startLine)) {
      this.broken(`not a start line: ${JSON.stringify(startLine.slice(0, 60))}`);
      return false;
    }
    const bodiless = this.events.onHead(startLine, headers);
    this.beginBody(bodiless, headers);
    return true;
  }

  private beginBody(bodiless: boolean, headers: HeaderLines): void {
    const length = headers.get("content-length");
    const coding = headers.get("transfer-encoding");
    if (length !== undefined && coding !== undefined)
      this.broken("both content-length and chunked");
    else if (bodiless) this.complete();
    else if (coding !== undefined) this.state = "size";
    else if (length !== undefined) {
      this.left = Number(length);
      if (!/^\d+$/.test(length)) this.broken(`content-length ${length}`);
      else if (this.left === 0) this.complete();
      else this.state = "length";
    } else if (this.kind === "request") this.complete();
    else this.state = "rest";
  }

  private readBody(done: () => void): boolean {
    const text = this.input.slice(0, this.left);
    this.input = this.input.slice(text.length);
    this.left -= text.length;
    this.events.onBody(text);
    if (this.left === 0) done();
    return true;
  }

  private readSize(): boolean {
    return this.readLine((line) => {
      this.left = Number.parseInt(line, 16);
      if (!/^[0-9a-fA-F]+(;.*)?$/.test(line)) this.broken(`chunk size ${line.slice(0, 20)}`);
      else this.state = this.left === 0 ? "trailers" : "chunk";
    });
  }

  private readLine(take: (line: string) => void): boolean {
    const end = this.input.indexOf("\r\n");
    if (end < 0) return false;
    const line = this.input.slice(0, end);
    this.input = this.input.slice(end + 2);
    take(line);
    return true;
  }

  private complete(): void {
    this.state = "head";
    this.events.onComplete();
  }

  private broken(reason: string): void {
    this.state = "broken";
    this.input = "";
    this.events.onBroken(reason);
  }
}

function headerLines(lines: readonly string[]): HeaderLines {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before},${value}`);
  }
  return headers;
}
