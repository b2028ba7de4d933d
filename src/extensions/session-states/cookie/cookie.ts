// hot: per request
/**
 * The session's host in a cookie, as base64 of a small protobuf message. Envoy:
 * `envoy.http.stateful_session.cookie` (source/extensions/http/stateful_session/cookie). Differs
 * from Envoy: the time at which a cookie with a ttl expires is a time of day, so that it outlives
 * the process.
 */
import { toByteString } from "../../../base/byte-string.ts";
import { cookieValue } from "../../../codec/cookie.ts";
import type { RequestHeaderMap, ResponseHeaderMap } from "../../../codec/header-map.ts";
import { Headers } from "../../../codec/header-names.ts";
import type { CompileContext } from "../../../config/compile-context.ts";
import type { TimeSource } from "../../../platform/time.ts";
import type { CookieBasedSessionState } from "../../../proto/generated/envoy/extensions/http/stateful_session/cookie/v3.ts";
import type { Cookie } from "../../../proto/generated/envoy/type/http/v3.ts";
import {
  decodeBase64,
  defineSessionState,
  encodeBase64,
  type SessionState,
  type SessionStateType,
} from "../../common/session-state.ts";
import { decodeSession, encodeSession } from "./session-message.ts";

export function cookieSession(): SessionStateType {
  return defineSessionState<CookieBasedSessionState>({
    name: "envoy.http.stateful_session.cookie",
    messages: ["envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState"],
    compile,
  });
}

function compile(
  { cookie = {} }: CookieBasedSessionState,
  time: TimeSource,
  context: CompileContext,
): SessionState | null {
  if ((cookie.name ?? "") === "") {
    return context.at("cookie").at("name").error("The cookie needs a name", "set name");
  }
  return new CookieSession(cookie, time);
}

class CookieSession implements SessionState {
  private readonly name: string;
  private readonly path: string;
  private readonly ttlSeconds: number;
  private readonly attributes: string;
  private readonly time: TimeSource;

  constructor(cookie: Cookie, time: TimeSource) {
    this.name = toByteString(cookie.name ?? "");
    this.path = toByteString(cookie.path ?? "");
    this.ttlSeconds = cookie.ttl?.seconds ?? 0;
    this.attributes = attributesOf(cookie);
    this.time = time;
  }

  /** A cookie with a path is for that path and what lies below it. */
  applies(headers: RequestHeaderMap): boolean {
    const { path } = this;
    if (path === "" || path === "/") return true;
    if (!headers.path.startsWith(path)) return false;
    if (path.endsWith("/") || headers.path.length === path.length) return true;
    const next = headers.path[path.length];
    return next === "/" || next === "?" || next === "#";
  }

  takeAddress(headers: RequestHeaderMap): string {
    const decoded = decodeBase64(cookieValue(headers, this.name) ?? "");
    if (decoded === "") return "";
    const session = decodeSession(decoded);
    // As it was before there was a message.
    if (session === null) return decoded;
    const { address, expiresSeconds } = session;
    const expired = expiresSeconds !== 0 && this.nowSeconds() > expiresSeconds;
    return expired ? "" : address;
  }

  onResponse(hostAddress: string, asked: string, headers: ResponseHeaderMap): boolean {
    if (hostAddress === asked) return false;
    const expires = this.ttlSeconds === 0 ? 0 : this.nowSeconds() + this.ttlSeconds;
    const value = encodeBase64(encodeSession(hostAddress, expires));
    headers.add(Headers.SetCookie, `${this.name}="${value}"${this.attributes}`);
    return true;
  }

  private nowSeconds(): number {
    return Math.floor(this.time.wallMs() / 1000);
  }
}

function attributesOf({ ttl, path = "", attributes = [] }: Cookie): string {
  const seconds = ttl?.seconds ?? 0;
  let text = seconds === 0 ? "" : `; Max-Age=${seconds}`;
  if (path !== "") text += `; Path=${toByteString(path)}`;
  for (const { name = "", value = "" } of attributes) {
    text += toByteString(value === "" ? `; ${name}` : `; ${name}=${value}`);
  }
  return `${text}; HttpOnly`;
}
