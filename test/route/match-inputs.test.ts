import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HeaderMap, ResponseHeaderMap } from "../../src/codec/header-map.ts";
import { headerName } from "../../src/codec/header-names.ts";
import { CompileContext } from "../../src/config/compile-context.ts";
import { HTTP_INPUTS, type HttpMatchData, REQUEST_INPUTS } from "../../src/route/match-inputs.ts";
import { TestRequest } from "../kit/route-request.ts";

function data(overrides: Partial<HttpMatchData> = {}): HttpMatchData {
  const request = new TestRequest("/p?q=1", {
    headers: [
      ["a", "1"],
      ["a", "2"],
    ],
  });
  request.streamInfo.setFilterState("k", {
    serializeAsString: () => "text",
    field: (name) => (name === "f" ? 7 : undefined),
  });
  return {
    requestHeaders: request.headers,
    responseHeaders: null,
    requestTrailers: null,
    responseTrailers: null,
    streamInfo: request.streamInfo,
    ...overrides,
  };
}

function read(name: string, message: object, from: HttpMatchData = data()): string | null {
  return HTTP_INPUTS[name]!(message, new CompileContext())!.get(from);
}

const PACKAGE = "envoy.type.matcher.v3";

describe("HTTP matching inputs", () => {
  it("read request headers, joined, and the authority as host", () => {
    const header = `${PACKAGE}.HttpRequestHeaderMatchInput`;
    assert.equal(read(header, { headerName: "A" }), "1,2");
    assert.equal(read(header, { headerName: "host" }), "example.com");
    assert.equal(read(header, { headerName: "none" }), null);
    assert.equal(read(header, { headerName: "a" }, data({ requestHeaders: null })), null);
  });

  it("read query parameters and filter state", () => {
    const state = "envoy.extensions.matching.common_inputs.network.v3.FilterStateInput";
    assert.equal(read(`${PACKAGE}.HttpRequestQueryParamMatchInput`, { queryParam: "q" }), "1");
    assert.equal(read(`${PACKAGE}.HttpRequestQueryParamMatchInput`, { queryParam: "x" }), null);
    assert.equal(read(state, { key: "k" }), "text");
    assert.equal(read(state, { key: "k", field: "f" }), "7");
    assert.equal(read(state, { key: "k", field: "g" }), null);
    assert.equal(read(state, { key: "none" }), null);
  });

  it("read the response and trailers once they are there", () => {
    const responseHeaders = new ResponseHeaderMap();
    responseHeaders.status = 404;
    responseHeaders.add(headerName("b"), "x");
    const trailers = new HeaderMap();
    trailers.add(headerName("t"), "y");
    const full = data({ responseHeaders, requestTrailers: trailers, responseTrailers: trailers });
    assert.equal(read(`${PACKAGE}.HttpResponseHeaderMatchInput`, { headerName: "b" }, full), "x");
    assert.equal(read(`${PACKAGE}.HttpResponseStatusCodeMatchInput`, {}, full), "404");
    assert.equal(read(`${PACKAGE}.HttpResponseStatusCodeClassMatchInput`, {}, full), "4xx");
    assert.equal(read(`${PACKAGE}.HttpRequestTrailerMatchInput`, { headerName: "t" }, full), "y");
    assert.equal(read(`${PACKAGE}.HttpResponseTrailerMatchInput`, { headerName: "t" }, full), "y");
    assert.equal(read(`${PACKAGE}.HttpResponseStatusCodeMatchInput`, {}), null);
    assert.equal(read(`${PACKAGE}.HttpResponseStatusCodeClassMatchInput`, {}), null);
  });

  it("need their names", () => {
    for (const compile of Object.values(REQUEST_INPUTS)) {
      const context = new CompileContext();
      assert.equal(compile({}, context), null);
      assert.equal(context.diagnostics.length, 1);
    }
  });
});
