// hot: per request
/**
 * How a client carries the host that its session belongs to. Envoy: `Http::SessionState`,
 * `SessionStateFactory` (envoy/http/stateful_session.h).
 */
import type { HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../../codec/header-map.ts";
import type { HeaderName } from "../../codec/header-names.ts";
import type { CompileContext } from "../../config/compile-context.ts";
import type { TimeSource } from "../../platform/time.ts";

/** A compiled session state: one for all requests. */
export interface SessionState {
  /** False: this request has no session at all. */
  applies(headers: RequestHeaderMap): boolean;
  /**
   * `ip:port` that the request asks for; "" when it asks for none. What is only for us is taken off
   * the request.
   */
  takeAddress(headers: RequestHeaderMap): string;
  /**
   * The response goes to the client: `asked` is what `takeAddress` gave. True when the session
   * moved to another host.
   */
  onResponse(hostAddress: string, asked: string, headers: ResponseHeaderMap): boolean;
}

/** One entry of the catalogue of session states, types erased by `defineSessionState`. */
export interface SessionStateType {
  /** Canonical name, `envoy.http.stateful_session.cookie`. */
  readonly name: string;
  readonly messages: readonly string[];
  compile(message: object, time: TimeSource, context: CompileContext): SessionState | null;
}

export function defineSessionState<Message extends object>(type: {
  readonly name: string;
  readonly messages: readonly string[];
  compile(message: Message, time: TimeSource, context: CompileContext): SessionState | null;
}): SessionStateType {
  return type as unknown as SessionStateType;
}

/** Envoy: a header that is set anew moves to the end. */
export function setLast(headers: HeaderMap, name: HeaderName, value: string): void {
  headers.remove(name);
  headers.add(name, value);
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Bytes as latin1 text; "" for what is no padded base64. Envoy: `Base64::decode`. */
export function decodeBase64(text: string): string {
  return BASE64.test(text) ? Buffer.from(text, "base64").toString("latin1") : "";
}

export function encodeBase64(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("base64");
}
