// hot: per request
/**
 * The session's host in a header, in base64. Envoy: `envoy.http.stateful_session.header`
 * (source/extensions/http/stateful_session/header).
 */
import type { RequestHeaderMap, ResponseHeaderMap } from "../../../codec/header-map.ts";
import { type HeaderName, headerName } from "../../../codec/header-names.ts";
import type { HeaderBasedSessionState } from "../../../proto/generated/envoy/extensions/http/stateful_session/header/v3.ts";
import {
  decodeBase64,
  defineSessionState,
  encodeBase64,
  type SessionState,
  type SessionStateType,
  setLast,
} from "../../common/session-state.ts";

export function headerSession(): SessionStateType {
  return defineSessionState<HeaderBasedSessionState>({
    name: "envoy.http.stateful_session.header",
    messages: ["envoy.extensions.http.stateful_session.header.v3.HeaderBasedSessionState"],
    compile: ({ name = "" }) => new HeaderSession(headerName(name)),
  });
}

class HeaderSession implements SessionState {
  private readonly name: HeaderName;

  constructor(name: HeaderName) {
    this.name = name;
  }

  applies(_headers: RequestHeaderMap): boolean {
    return true;
  }

  takeAddress(headers: RequestHeaderMap): string {
    return decodeBase64(headers.get(this.name) ?? "");
  }

  onResponse(hostAddress: string, asked: string, headers: ResponseHeaderMap): boolean {
    if (hostAddress === asked) return false;
    setLast(headers, this.name, encodeBase64(hostAddress));
    return true;
  }
}
