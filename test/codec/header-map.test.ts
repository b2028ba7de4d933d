import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../../src/codec/header-map.ts";
import { Headers, headerName } from "../../src/codec/header-names.ts";
import { listHeaders } from "./h1/codec-fixture.ts";

const a = headerName("x-a");
const b = headerName("x-b");

const map = (): HeaderMap => {
  const headers = new HeaderMap();
  headers.add(a, "1");
  headers.add(b, "2");
  headers.add(a, "3");
  return headers;
};

describe("HeaderMap", () => {
  it("keeps lines in order, and finds names of any case as one", () => {
    assert.equal(headerName("X-A"), a);
    assert.equal(listHeaders(map()), "x-a=1 x-b=2 x-a=3");
    assert.equal(map().get(a), "1");
    assert.equal(map().getJoined(a), "1,3");
    assert.deepEqual(map().getAll(a), ["1", "3"]);
    assert.equal(map().count(a), 2);
    assert.equal(map().get(headerName("x-absent")), undefined);
  });

  it("sets all values of a name to one, in the first's place", () => {
    const headers = map();
    headers.set(a, "9");
    assert.equal(listHeaders(headers), "x-a=9 x-b=2");
    headers.set(headerName("x-c"), "4");
    assert.equal(listHeaders(headers), "x-a=9 x-b=2 x-c=4");
  });

  it("appends to the first value, or adds a line", () => {
    const headers = map();
    headers.append(a, "9");
    headers.append(headerName("x-c"), "4");
    assert.equal(listHeaders(headers), "x-a=1,9 x-b=2 x-a=3 x-c=4");
  });

  it("removes every line of a name, and says whether there was one", () => {
    const headers = map();
    assert.equal(headers.remove(a), true);
    assert.equal(headers.remove(a), false);
    assert.equal(listHeaders(headers), "x-b=2");
  });

  it("removes by predicate", () => {
    const headers = map();
    headers.removeIf((_name, value) => value !== "3");
    assert.equal(listHeaders(headers), "x-a=3");
  });

  it("counts bytes as names and values", () => {
    assert.equal(map().byteSize(), 12);
  });

  it("keeps names as they arrived, in step with the lines", () => {
    const headers = new HeaderMap();
    headers.originalNames = [];
    headers.add(a, "1");
    headers.originalNames[0] = "X-A";
    headers.add(b, "2");
    headers.remove(a);
    assert.deepEqual(headers.originalNames, ["x-b"]);
  });
});

describe("pseudo headers", () => {
  it("of a request are fields, reached by name too", () => {
    const headers = new RequestHeaderMap();
    headers.path = "/p";
    assert.equal(headers.get(Headers.Path), "/p");
    assert.equal(headers.get(Headers.Method), undefined);
    headers.set(Headers.Authority, "h");
    assert.equal(headers.authority, "h");
    assert.deepEqual(headers.getAll(Headers.Path), ["/p"]);
    assert.equal(headers.size, 0);
  });

  it("of a response are its status", () => {
    const headers = new ResponseHeaderMap();
    assert.equal(headers.has(Headers.Status), false);
    headers.set(Headers.Status, "204");
    assert.equal(headers.status, 204);
    assert.equal(headers.getJoined(Headers.Status), "204");
  });
});
