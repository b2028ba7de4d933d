// The session states: what each reads from a request, and what it tells the client.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RequestHeaderMap, ResponseHeaderMap } from "../../../src/codec/header-map.ts";
import { headerName } from "../../../src/codec/header-names.ts";
import { CompileContext } from "../../../src/config/compile-context.ts";
import {
  decodeBase64,
  encodeBase64,
  type SessionState,
  type SessionStateType,
} from "../../../src/extensions/common/session-state.ts";
import { cookieSession } from "../../../src/extensions/session-states/cookie/cookie.ts";
import { encodeSession } from "../../../src/extensions/session-states/cookie/session-message.ts";
import { envelopeSession } from "../../../src/extensions/session-states/envelope/envelope.ts";
import { headerSession } from "../../../src/extensions/session-states/header/header.ts";

const HOST = "10.0.0.1:80";
const X = headerName("x-session");
const time = { monotonicMs: (): number => 0, wallMs: (): number => 1_000_000 };

function compile(type: SessionStateType, message: object): SessionState {
  const context = new CompileContext();
  const state = type.compile(message, time, context);
  assert.ok(state !== null, JSON.stringify(context.diagnostics));
  return state;
}

/** A request with one header. */
function request(name: string, value: string, path: string = "/"): RequestHeaderMap {
  const headers = new RequestHeaderMap();
  headers.path = path;
  headers.add(headerName(name), value);
  return headers;
}

function told(state: SessionState, asked: string, before: string[] = []): [boolean, string[]] {
  const headers = new ResponseHeaderMap();
  for (const value of before) headers.add(X, value);
  const moved = state.onResponse(HOST, asked, headers);
  return [moved, headers.names.map(({ text }, index) => `${text}: ${headers.values[index]}`)];
}

describe("base64 of sessions", () => {
  it("is padded and standard, or nothing", () => {
    assert.equal(decodeBase64(encodeBase64("h:1\xff")), "h:1\xff");
    for (const text of ["", "YQ", "YQ=", "Y===", "Y-==", "YQ== ", "=YQ="]) {
      assert.equal(decodeBase64(text), "", text);
    }
  });
});

describe("a session in a header", () => {
  const state = compile(headerSession(), { name: "X-Session" });

  it("is read, and told when it moves", () => {
    assert.equal(state.takeAddress(request("x-session", encodeBase64(HOST))), HOST);
    assert.equal(state.takeAddress(new RequestHeaderMap()), "");
    assert.deepEqual(told(state, HOST), [false, []]);
    assert.deepEqual(told(state, "", ["old"]), [true, [`x-session: ${encodeBase64(HOST)}`]]);
  });
});

describe("a session in an envelope", () => {
  const state = compile(envelopeSession(), { header: { name: "x-session" } });

  it("is opened for the service and closed for the client", () => {
    const headers = request("x-session", `${encodeBase64(HOST)};UV:${encodeBase64("id")}`);
    assert.equal(state.takeAddress(headers), HOST);
    assert.equal(headers.get(X), "id");
    const closed = `x-session: ${encodeBase64(HOST)};UV:${encodeBase64("id")}`;
    assert.deepEqual(told(state, HOST, ["id"]), [false, [closed]]);
    assert.deepEqual(told(state, "", ["id"]), [true, [closed]]);
  });

  it("stays away without one id of the service", () => {
    assert.deepEqual(told(state, ""), [false, []]);
    assert.deepEqual(told(state, "", ["a", "b"]), [false, ["x-session: a", "x-session: b"]]);
    const headers = request("x-session", `${encodeBase64(HOST)};UV:`);
    assert.equal(state.takeAddress(headers), "");
    assert.equal(headers.get(X), `${encodeBase64(HOST)};UV:`);
  });
});

describe("a session in a cookie", () => {
  const named = (fields: object): SessionState =>
    compile(cookieSession(), { cookie: { name: "s", ...fields } });
  const sent = (value: string): RequestHeaderMap => request("cookie", `s=${encodeBase64(value)}`);

  it("lives as long as its ttl says", () => {
    const state = named({ ttl: { seconds: 60, nanos: 0 } });
    assert.equal(state.takeAddress(sent(encodeSession(HOST, 1000))), HOST);
    assert.equal(state.takeAddress(sent(encodeSession(HOST, 999))), "");
    const value = encodeBase64(encodeSession(HOST, 1060));
    assert.deepEqual(told(state, ""), [true, [`set-cookie: s="${value}"; Max-Age=60; HttpOnly`]]);
  });

  it("belongs to its path and what lies below", () => {
    const state = named({ path: "/a" });
    const applies = (path: string): boolean => state.applies(request("x", "", path));
    assert.deepEqual(["/a", "/a/b", "/a?b", "/a#b"].filter(applies).length, 4);
    assert.deepEqual(["/", "/ab", "/b/a"].filter(applies), []);
  });

  it("needs a name", () => {
    const context = new CompileContext();
    assert.equal(cookieSession().compile({ cookie: {} }, time, context), null);
    assert.equal(context.diagnostics[0]?.path, "cookie.name");
  });
});
