import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { RequestHeaderMap, type ResponseHeaderMap } from "../../../src/codec/header-map.ts";
import { Headers } from "../../../src/codec/header-names.ts";
import type { HttpFilterCallbacks } from "../../../src/http/http-filter.ts";
import type { Dispatcher } from "../../../src/platform/dispatcher.ts";
import { AdminFilter, parseQuery } from "../../../src/server/admin/admin-filter.ts";
import { type AdminBody, type AdminRequest, text } from "../../../src/server/admin/endpoint.ts";
import { SimulatedTime } from "../../kit/simulated-time.ts";

/** Everything a stream was told, in order. */
let events: string[];
let time: SimulatedTime;
let dispatcher: Dispatcher;
let filter: AdminFilter;
let request: AdminRequest | null;

function createFilter(body: AdminBody, onSent: () => void = () => undefined): void {
  const headers = new RequestHeaderMap();
  headers.method = "POST";
  headers.path = "/page?a=1&b";
  headers.add(Headers.ContentType, "application/x-www-form-urlencoded");
  const callbacks = {
    dispatcher,
    requestHeaders: headers,
    streamInfo: { responseCodeDetails: "" },
    addWatermarkListener: () => undefined,
    encodeHeaders: (head: ResponseHeaderMap) => events.push(`head ${head.status}`),
    encodeData: (bytes: Buffer, end: boolean) => events.push(`${bytes}${end ? " end" : ""}`),
    sendLocalReply: ({ status }: { status: number }) => events.push(`local ${status}`),
    resetStream: () => events.push("reset"),
  } as unknown as HttpFilterCallbacks;
  filter = new AdminFilter(callbacks, async (asked) => {
    request = asked;
    return { ...text(body), onSent };
  });
}

function start(): void {
  filter.decodeHeaders(new RequestHeaderMap(), true);
}

beforeEach(() => {
  events = [];
  request = null;
  time = new SimulatedTime();
  dispatcher = time.dispatcher();
});

/** Slices that each take 3 ms to make. */
function* slowSlices(count: number): Generator<string> {
  for (let index = 0; index < count; index++) {
    time.run(3);
    yield `slice${index}`;
  }
}

describe("a long answer", () => {
  it("lets timers run every few milliseconds while it is made", async () => {
    createFilter(slowSlices(6));
    for (let ms = 1; ms < 40; ms += 1) dispatcher.after(ms, () => events.push("other"));
    start();
    await time.until(() => events.includes(" end"));
    const gaps = events.join(" ").split("slice");
    const withOthers = gaps.filter((gap) => gap.includes("other"));
    assert.ok(withOthers.length >= 3, events.join(" "));
  });

  it("waits while the connection cannot take more", async () => {
    createFilter(["a", "b", "c"]);
    filter.onAboveWriteBufferHighWatermark();
    start();
    await time.advance(1000);
    assert.deepEqual(events, ["head 200", "a"]);
    filter.onBelowWriteBufferLowWatermark();
    await time.advance(10);
    assert.deepEqual(events, ["head 200", "a", "b", "c", " end"]);
  });

  it("ends without another word when the client goes", async () => {
    createFilter(["a", "b"]);
    filter.onAboveWriteBufferHighWatermark();
    start();
    await time.advance(10);
    filter.onDestroy();
    await time.advance(10);
    assert.deepEqual(events, ["head 200", "a"]);
    assert.deepEqual(time.bugs, []);
  });

  it("that fails half way resets its stream and is reported", async () => {
    createFilter(
      (function* (): Generator<string> {
        yield "a";
        throw new Error("broken page");
      })(),
    );
    start();
    await time.advance(10);
    assert.deepEqual(events, ["head 200", "a", "reset"]);
    assert.match(String(time.bugs[0]), /broken page/);
  });

  it("leaves empty slices out", async () => {
    createFilter(["", "a", ""]);
    start();
    await time.advance(10);
    assert.deepEqual(events, ["head 200", "a", " end"]);
  });
});

describe("a request", () => {
  it("has the query of its path, else that of a form", async () => {
    createFilter("x");
    start();
    await time.advance(1);
    assert.deepEqual(
      [...(request?.query ?? [])],
      [
        ["a", "1"],
        ["b", ""],
      ],
    );
    assert.equal(request?.target, "/page?a=1&b");
    assert.equal(request?.path, "/page");
  });

  it("larger than a megabyte is refused once", async () => {
    createFilter("x");
    filter.decodeHeaders(new RequestHeaderMap(), false);
    for (let count = 0; count < 4; count++) {
      filter.decodeData(Buffer.alloc(600_000, "x"), count === 3);
    }
    await time.advance(1);
    assert.deepEqual(events, ["local 413"]);
  });

  it("is told when its answer was sent", async () => {
    createFilter("OK", () => events.push("sent"));
    start();
    await time.advance(1);
    assert.deepEqual(events, ["head 200", "OK end", "sent"]);
  });
});

describe("queries", () => {
  it("keep order and the first of equal names, and decode escapes", () => {
    assert.deepEqual(
      [...parseQuery("b=1&a=%41%20+&b=2&&c&%zz=%")],
      [
        ["b", "1"],
        ["a", "A +"],
        ["c", ""],
        ["%zz", "%"],
      ],
    );
  });
});
