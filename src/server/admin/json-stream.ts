/**
 * Writes JSON as Envoy prints messages (indented by one space) in pieces, so that a page of any
 * size is neither held whole nor made in one go. Lists may be made while they are written.
 */

/** A list whose items are fetched as they are written. An empty one is left out. */
export class StreamedList {
  readonly items: Iterable<unknown> | AsyncIterable<unknown>;

  constructor(items: Iterable<unknown> | AsyncIterable<unknown>) {
    this.items = items;
  }
}

/** JSON that is printed already, indented by one space from the left edge. */
export class PrintedJson {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

const PIECE_LENGTH = 16_384;

/** `value` is JSON whose objects, outside of plain values, may hold a StreamedList. */
export async function* streamJson(value: unknown): AsyncGenerator<string> {
  const writer = new JsonStream();
  for await (const piece of writer.write(value, "\n")) yield piece;
  yield `${writer.take()}\n`;
}

class JsonStream {
  private text = "";

  take(): string {
    const { text } = this;
    this.text = "";
    return text;
  }

  /** `newline` is a line break with the indentation of the value. */
  async *write(value: unknown, newline: string): AsyncGenerator<string> {
    if (!hasStreams(value)) {
      yield* this.plain(value, newline);
      return;
    }
    const inner = `${newline} `;
    let separator = "{";
    for (const [name, member] of Object.entries(value)) {
      const key = `${inner}${JSON.stringify(name)}: `;
      if (member instanceof StreamedList) {
        const before = separator + key;
        let count = 0;
        for await (const item of member.items) {
          this.text += `${count++ === 0 ? `${before}[` : ","}${inner} `;
          yield* this.write(item, `${inner} `);
        }
        if (count === 0) continue;
        this.text += `${inner}]`;
      } else {
        this.text += separator + key;
        yield* this.write(member, inner);
      }
      separator = ",";
    }
    this.text += separator === "{" ? "{}" : `${newline}}`;
  }

  private *plain(value: unknown, newline: string): Generator<string> {
    if (value === null || typeof value !== "object") {
      this.text += JSON.stringify(value);
      return;
    }
    if (value instanceof PrintedJson) {
      yield* this.printed(value.text, newline);
      return;
    }
    const list = Array.isArray(value);
    const entries = Object.entries(value);
    if (entries.length === 0) {
      this.text += list ? "[]" : "{}";
      return;
    }
    const inner = `${newline} `;
    let separator = list ? "[" : "{";
    for (const [name, member] of entries) {
      this.text += separator + inner + (list ? "" : `${JSON.stringify(name)}: `);
      separator = ",";
      yield* this.plain(member, inner);
      if (this.text.length > PIECE_LENGTH) yield this.take();
    }
    this.text += newline + (list ? "]" : "}");
  }

  private *printed(text: string, newline: string): Generator<string> {
    for (let at = 0; at < text.length; at += PIECE_LENGTH) {
      this.text += text.slice(at, at + PIECE_LENGTH).replaceAll("\n", newline);
      yield this.take();
    }
  }
}

/** Objects with streamed members say so with a list among them, directly or one object deeper. */
function hasStreams(value: unknown): value is Record<string, unknown> {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return false;
  return Object.values(value).some((member) => member instanceof StreamedList);
}
