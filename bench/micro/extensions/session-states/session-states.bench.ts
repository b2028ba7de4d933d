// Reading the host of a session from a request, and telling the client of another one.
import { RequestHeaderMap, ResponseHeaderMap } from "../../../../src/codec/header-map.ts";
import { headerName } from "../../../../src/codec/header-names.ts";
import { CompileContext } from "../../../../src/config/compile-context.ts";
import {
  encodeBase64,
  type SessionState,
} from "../../../../src/extensions/common/session-state.ts";
import { cookieSession } from "../../../../src/extensions/session-states/cookie/cookie.ts";
import { encodeSession } from "../../../../src/extensions/session-states/cookie/session-message.ts";
import { envelopeSession } from "../../../../src/extensions/session-states/envelope/envelope.ts";
import { headerSession } from "../../../../src/extensions/session-states/header/header.ts";
import { bench } from "../../../kit/micro.ts";

const HOST = "10.20.30.40:8080";
const time = { monotonicMs: (): number => 0, wallMs: (): number => 0 };
const context = new CompileContext();
const make = (state: SessionState | null): SessionState => state as SessionState;

const request = new RequestHeaderMap();
request.path = "/shop";
request.add(headerName("cookie"), `a=b; sess=${encodeBase64(encodeSession(HOST, 0))}`);
request.add(headerName("x-session"), encodeBase64(HOST));
const response = new ResponseHeaderMap();

const states = {
  cookie: make(cookieSession().compile({ cookie: { name: "sess" } }, time, context)),
  header: make(headerSession().compile({ name: "x-session" }, time, context)),
  envelope: make(envelopeSession().compile({ header: { name: "none" } }, time, context)),
};

for (const [name, state] of Object.entries(states)) {
  bench(`${name}: read`, () => state.takeAddress(request).length);
  bench(`${name}: host stays`, () => (state.onResponse(HOST, HOST, response) ? 1 : 0));
}
