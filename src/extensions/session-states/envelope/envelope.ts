// hot: per request
/**
 * The session's host beside the session id that the service itself puts into a header: clients get
 * `<host>;UV:<id>`, both in base64, the service gets its id. Envoy:
 * `envoy.http.stateful_session.envelope` (source/extensions/http/stateful_session/envelope).
 */
import type { RequestHeaderMap, ResponseHeaderMap } from "../../../codec/header-map.ts";
import { type HeaderName, headerName } from "../../../codec/header-names.ts";
import type { EnvelopeSessionState } from "../../../proto/generated/envoy/extensions/http/stateful_session/envelope/v3.ts";
import {
  decodeBase64,
  defineSessionState,
  encodeBase64,
  type SessionState,
  type SessionStateType,
  setLast,
} from "../../common/session-state.ts";

const ID = "UV:";

export function envelopeSession(): SessionStateType {
  return defineSessionState<EnvelopeSessionState>({
    name: "envoy.http.stateful_session.envelope",
    messages: ["envoy.extensions.http.stateful_session.envelope.v3.EnvelopeSessionState"],
    compile: ({ header }) => new EnvelopeSession(headerName(header?.name ?? "")),
  });
}

class EnvelopeSession implements SessionState {
  private readonly name: HeaderName;

  constructor(name: HeaderName) {
    this.name = name;
  }

  applies(_headers: RequestHeaderMap): boolean {
    return true;
  }

  takeAddress(headers: RequestHeaderMap): string {
    const value = headers.get(this.name);
    if (value === undefined) return "";
    const parts = value.split(";");
    const address = decodeBase64(parts[0] as string);
    const part = parts.find((one) => one.startsWith(ID));
    const id = part === undefined ? "" : decodeBase64(part.slice(ID.length));
    if (address === "" || id === "") return "";
    setLast(headers, this.name, id);
    return address;
  }

  onResponse(hostAddress: string, asked: string, headers: ResponseHeaderMap): boolean {
    if (headers.count(this.name) !== 1) return false;
    const id = headers.get(this.name) as string;
    setLast(headers, this.name, `${encodeBase64(hostAddress)};${ID}${encodeBase64(id)}`);
    return hostAddress !== asked;
  }
}
