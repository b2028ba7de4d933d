/** Every way in which a session may name its host. */
import type { SessionStateType } from "../common/session-state.ts";
import { cookieSession } from "./cookie/cookie.ts";
import { envelopeSession } from "./envelope/envelope.ts";
import { headerSession } from "./header/header.ts";

export function sessionStates(): readonly SessionStateType[] {
  return [cookieSession(), headerSession(), envelopeSession()];
}
