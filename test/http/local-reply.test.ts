import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { headerName } from "../../src/codec/header-names.ts";
import {
  type BuiltReply,
  buildLocalReply,
  httpToGrpcStatus,
  isGrpc,
  type LocalReply,
  PLAIN_LOCAL_REPLIES,
} from "../../src/http/local-reply.ts";
import type { FormatterContext } from "../../src/route/formatter.ts";
import { request } from "./manager-fixture.ts";

const NOT_FOUND: LocalReply = { status: 404, body: "no", details: "route_not_found" };
const GRPC = { "content-type": "application/grpc" };

const build = (reply: LocalReply, from = request()): BuiltReply =>
  buildLocalReply(reply, from, PLAIN_LOCAL_REPLIES, {} as FormatterContext);
const field = ({ headers }: BuiltReply, name: string): string | undefined =>
  headers.get(headerName(name));

describe("a local reply", () => {
  it("has the status, and a body with length and type", () => {
    const built = build(NOT_FOUND);
    assert.deepEqual([built.headers.status, built.body], [404, "no"]);
    assert.equal(field(built, "content-length"), "2");
    assert.equal(field(built, "content-type"), "text/plain");
  });

  it("without a body says nothing of one", () => {
    const built = build({ ...NOT_FOUND, body: "" });
    assert.equal(built.headers.size, 0);
  });

  it("to HEAD has the head of the answer to GET", () => {
    const built = build(NOT_FOUND, request({}, "HEAD"));
    assert.equal(built.body, "");
    assert.equal(field(built, "content-length"), "2");
  });

  it("may change its head", () => {
    const location = headerName("location");
    const built = build({ ...NOT_FOUND, modify: (headers) => headers.set(location, "/x") });
    assert.equal(field(built, "location"), "/x");
  });

  it("to gRPC is one head with a status of its own", () => {
    const built = build({ ...NOT_FOUND, body: "not 100% of ü" }, request(GRPC));
    assert.deepEqual([built.headers.status, built.body], [200, ""]);
    assert.equal(field(built, "grpc-status"), "12");
    assert.equal(field(built, "grpc-message"), "not 100%25 of %FC");
    assert.equal(field(built, "content-length"), undefined);
    assert.equal(field(build({ ...NOT_FOUND, grpcStatus: 3 }, request(GRPC)), "grpc-status"), "3");
  });

  it("is mapped before it is sent", () => {
    const mapper = {
      rewrite: (headers: { status: number }): { body: string; contentType: string } => {
        headers.status = 418;
        return { body: "{}", contentType: "application/json" };
      },
    };
    const built = buildLocalReply(NOT_FOUND, request(), mapper, {} as FormatterContext);
    assert.equal(built.headers.status, 418);
    assert.equal(field(built, "content-type"), "application/json");
  });
});

describe("gRPC", () => {
  it("is told by its content type", () => {
    for (const type of ["application/grpc", "application/grpc+proto", "application/grpc;x"]) {
      assert.equal(isGrpc(request({ "content-type": type })), true, type);
    }
    for (const type of ["application/grpc-web", "application/json", ""]) {
      assert.equal(isGrpc(request({ "content-type": type })), false, type);
    }
  });

  it("maps statuses as Envoy does", () => {
    const statuses = [400, 401, 403, 404, 429, 502, 503, 504, 500, 418];
    assert.deepEqual(
      statuses.map((status) => httpToGrpcStatus(status)),
      [13, 16, 7, 12, 14, 14, 14, 14, 2, 2],
    );
  });
});
