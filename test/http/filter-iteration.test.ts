import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HeaderMap, RequestHeaderMap } from "../../src/codec/header-map.ts";
import {
  FilterIteration,
  type IterationDirection,
  type IterationOwner,
} from "../../src/http/filter-iteration.ts";
import type { FilterStatus, HttpFilter } from "../../src/http/http-filter.ts";

const direction = (terminal: boolean): IterationDirection<RequestHeaderMap> => ({
  terminal,
  headers: (filter, headers, end) => filter.decodeHeaders?.(headers, end) ?? "continue",
  data: (filter, bytes, end) => filter.decodeData?.(bytes, end) ?? "continue",
  trailers: (filter, trailers) => filter.decodeTrailers?.(trailers) ?? "continue",
});

/** What a filter answers: one status, or one per call (the last one stays). */
type Answers = FilterStatus | readonly FilterStatus[];
type Script = { readonly headers?: Answers; readonly data?: Answers; readonly trailers?: Answers };

/** A chain of scripted filters; writes down what each sees, and what comes out. */
class Chain implements IterationOwner<RequestHeaderMap> {
  readonly seen: string[] = [];
  bufferLimitBytes = 0;
  stopped = false;
  readonly iteration: FilterIteration<RequestHeaderMap>;
  private readonly headers = new RequestHeaderMap();

  constructor(scripts: readonly Script[], terminal: boolean = false) {
    const filters = scripts.map((script, index) =>
      this.filter(String.fromCharCode(97 + index), script),
    );
    this.iteration = new FilterIteration(filters, direction(terminal), this);
  }

  /** Events since the last call. */
  take(): string[] {
    return this.seen.splice(0);
  }

  send(...events: readonly ("headers" | "headers end" | "trailers" | string)[]): string[] {
    for (const event of events) {
      if (event.startsWith("headers"))
        this.iteration.startHeaders(this.headers, event.endsWith("end"));
      else if (event === "trailers") this.iteration.startTrailers(new HeaderMap());
      else {
        const end = event.endsWith(" end");
        this.iteration.startData(Buffer.from(event.replace(/ end$/, "")), end);
      }
    }
    return this.take();
  }

  continueFrom(index: number): string[] {
    this.iteration.continueFrom(index);
    return this.take();
  }

  finishHeaders(_headers: RequestHeaderMap, endStream: boolean): void {
    this.seen.push(`out headers${endStream ? " end" : ""}`);
  }

  finishData(bytes: Buffer, endStream: boolean): void {
    this.seen.push(`out "${bytes}"${endStream ? " end" : ""}`);
  }

  finishTrailers(): void {
    this.seen.push("out trailers");
  }

  onBufferOverLimit(watermark: boolean): void {
    this.seen.push(watermark ? "push back" : "too large");
  }

  onBufferBelowLimit(): void {
    this.seen.push("go on");
  }

  private filter(name: string, script: Script): HttpFilter {
    const calls = { headers: 0, data: 0, trailers: 0 };
    const answer = (kind: keyof typeof calls): FilterStatus => {
      const answers = script[kind] ?? "continue";
      if (typeof answers === "string") return answers;
      return answers[Math.min(calls[kind]++, answers.length - 1)]!;
    };
    return {
      decodeHeaders: (_, end) => {
        this.seen.push(`${name} headers${end ? " end" : ""}`);
        return answer("headers");
      },
      decodeData: (bytes, end) => {
        this.seen.push(`${name} "${bytes}"${end ? " end" : ""}`);
        return answer("data");
      },
      decodeTrailers: () => {
        this.seen.push(`${name} trailers`);
        return answer("trailers");
      },
    };
  }
}

describe("a chain whose filters all continue", () => {
  it("passes every event through every filter in order", () => {
    const chain = new Chain([{}, {}]);
    assert.deepEqual(chain.send("headers", "x", "y end"), [
      "a headers",
      "b headers",
      "out headers",
      'a "x"',
      'b "x"',
      'out "x"',
      'a "y" end',
      'b "y" end',
      'out "y" end',
    ]);
  });
});

describe("a filter that stops at headers", () => {
  it("still sees the body, and so do the filters before it", () => {
    const chain = new Chain([{}, { headers: "stop", data: "stop-and-buffer" }, {}]);
    assert.deepEqual(chain.send("headers", "x", "y end"), [
      "a headers",
      "b headers",
      'a "x"',
      'b "x"',
      'a "y" end',
      'b "y" end',
    ]);
    assert.deepEqual(chain.continueFrom(1), [
      "c headers",
      "out headers",
      'c "xy" end',
      'out "xy" end',
    ]);
  });

  it("goes on by continuing at the body, with all that was held", () => {
    const chain = new Chain([{ headers: "stop", data: ["stop-and-buffer", "continue"] }, {}]);
    assert.deepEqual(chain.send("headers", "x"), ["a headers", 'a "x"']);
    assert.deepEqual(chain.send("y end"), [
      'a "y" end',
      "b headers",
      "out headers",
      'b "xy" end',
      'out "xy" end',
    ]);
  });

  it("drops the body that it takes without buffering, but not its end", () => {
    const chain = new Chain([{ headers: "stop", data: "stop" }, {}]);
    chain.send("headers", "x", "y end");
    assert.deepEqual(chain.continueFrom(0), ["b headers end", "out headers end"]);
  });

  it("of a request without body passes the end on with them", () => {
    const chain = new Chain([{ headers: "stop" }, {}]);
    chain.send("headers end");
    assert.deepEqual(chain.continueFrom(0), ["b headers end", "out headers end"]);
  });

  it("holds trailers too, and sees them", () => {
    const chain = new Chain([{ headers: "stop", data: "stop-and-buffer", trailers: "stop" }, {}]);
    assert.deepEqual(chain.send("headers", "x", "trailers"), ["a headers", 'a "x"', "a trailers"]);
    assert.deepEqual(chain.continueFrom(0), [
      "b headers",
      "out headers",
      'b "x"',
      'out "x"',
      "b trailers",
      "out trailers",
    ]);
  });

  it("goes on by continuing at the trailers", () => {
    const chain = new Chain([{ headers: "stop", data: "stop-and-buffer" }]);
    chain.send("headers", "x");
    assert.deepEqual(chain.send("trailers"), [
      "a trailers",
      "out headers",
      'out "x"',
      "out trailers",
    ]);
  });
});

describe("a filter that stops everything", () => {
  it("sees body and trailers only after it continues", () => {
    for (const headers of ["stop-and-buffer", "stop-and-watermark"] as const) {
      const chain = new Chain([{ headers }, {}]);
      assert.deepEqual(chain.send("headers", "x", "y", "trailers"), ["a headers"]);
      assert.deepEqual(chain.continueFrom(0), [
        "b headers",
        "out headers",
        'a "xy"',
        'b "xy"',
        'out "xy"',
        "a trailers",
        "b trailers",
        "out trailers",
      ]);
    }
  });

  it("pushes back on the sender at the limit, and lets go when it continues", () => {
    const chain = new Chain([{ headers: "stop-and-watermark" }]);
    chain.bufferLimitBytes = 3;
    assert.deepEqual(chain.send("headers", "xyz", "z"), ["a headers", "push back"]);
    assert.deepEqual(chain.continueFrom(0), ["go on", "out headers", 'a "xyzz"', 'out "xyzz"']);
  });
});

describe("a filter that stops at the body", () => {
  it("lets headers go on, and collects what follows", () => {
    const chain = new Chain([{ data: "stop-and-buffer" }, {}]);
    assert.deepEqual(chain.send("headers", "x", "y end"), [
      "a headers",
      "b headers",
      "out headers",
      'a "x"',
      'a "y" end',
    ]);
    assert.deepEqual(chain.continueFrom(0), ['b "xy" end', 'out "xy" end']);
  });

  it("without buffering passes on only the end", () => {
    const chain = new Chain([{ data: "stop" }, {}]);
    chain.send("headers", "x end");
    assert.deepEqual(chain.continueFrom(0), ['b "" end', 'out "" end']);
  });

  it("over its limit is an error, unless it asked for push-back", () => {
    const buffering = new Chain([{ data: "stop-and-buffer" }]);
    buffering.bufferLimitBytes = 1;
    assert.deepEqual(buffering.send("headers", "xy").at(-1), "too large");
    const watermark = new Chain([{ data: "stop-and-watermark" }]);
    watermark.bufferLimitBytes = 1;
    assert.deepEqual(watermark.send("headers", "xy").at(-1), "push back");
  });
});

describe("a filter that stops at trailers", () => {
  it("holds only them", () => {
    const chain = new Chain([{ trailers: "stop" }, {}]);
    assert.deepEqual(chain.send("headers", "x", "trailers").slice(-2), ['out "x"', "a trailers"]);
    assert.deepEqual(chain.continueFrom(0), ["b trailers", "out trailers"]);
  });
});

describe("two filters that stop", () => {
  it("each hold what the one behind has not seen", () => {
    const chain = new Chain([
      { data: "stop-and-buffer" },
      { headers: "stop", data: "stop-and-buffer" },
    ]);
    assert.deepEqual(chain.send("headers", "x", "y end"), [
      "a headers",
      "b headers",
      'a "x"',
      'a "y" end',
    ]);
    assert.deepEqual(chain.continueFrom(1), ["out headers"]);
    assert.deepEqual(chain.continueFrom(0), ['b "xy" end']);
    assert.deepEqual(chain.continueFrom(1), ['out "xy" end']);
  });
});

describe("the terminal filter", () => {
  it("takes everything, and its stop holds nothing", () => {
    const chain = new Chain([{}, { headers: "stop", data: "stop", trailers: "stop" }], true);
    assert.deepEqual(chain.send("headers", "x", "trailers"), [
      "a headers",
      "b headers",
      'a "x"',
      'b "x"',
      "a trailers",
      "b trailers",
    ]);
    assert.deepEqual(chain.continueFrom(1), []);
  });
});

describe("a body that a filter adds", () => {
  it("goes to the filters behind it, or waits with what is held", () => {
    const chain = new Chain([{ headers: ["stop", "continue"] }, {}]);
    chain.send("headers");
    chain.iteration.inject(0, Buffer.from("new"), true);
    assert.deepEqual(chain.take(), []);
    assert.deepEqual(chain.continueFrom(0), [
      "b headers",
      "out headers",
      'b "new" end',
      'out "new" end',
    ]);
    chain.iteration.inject(0, Buffer.from("more"), false);
    assert.deepEqual(chain.take(), ['b "more"', 'out "more"']);
  });

  it("is kept as a copy", () => {
    const chain = new Chain([{ data: "stop-and-buffer" }]);
    const bytes = Buffer.from("x");
    chain.iteration.startHeaders(new RequestHeaderMap(), false);
    chain.iteration.startData(bytes, true);
    bytes.fill("z");
    assert.equal(String(chain.iteration.buffered(0)), "x");
  });
});

describe("a stream that was answered", () => {
  it("passes nothing on, also not when a filter continues", () => {
    const chain = new Chain([{ headers: "stop" }, {}]);
    chain.send("headers");
    chain.stopped = true;
    assert.deepEqual(chain.continueFrom(0), []);
    assert.deepEqual(chain.send("x"), ['a "x"']);
  });
});

it("continuing without a stop does nothing", () => {
  const chain = new Chain([{}]);
  chain.send("headers");
  assert.deepEqual(chain.continueFrom(0), []);
});
