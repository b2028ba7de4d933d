// What the connection manager does to the headers of one request and its response.
import { DateProvider } from "../../../src/http/date-provider.ts";
import { checkRequest } from "../../../src/http/request-checks.ts";
import { mutateRequestHeaders } from "../../../src/http/request-headers.ts";
import { ensureRequestId } from "../../../src/http/request-id.ts";
import { mutateResponseHeaders } from "../../../src/http/response-headers.ts";
import { SystemRandom } from "../../../src/platform/node/random.ts";
import {
  connectionFrom,
  managerConfig,
  managerStats,
  request,
  response,
} from "../../../test/http/manager-fixture.ts";
import { bench } from "../../kit/micro.ts";

const config = managerConfig();
const stats = managerStats();
const connection = connectionFrom("10.0.0.1");
const random = new SystemRandom();
const date = new DateProvider({ monotonicMs: () => 0, wallMs: () => 1_704_067_200_000 });
const facts = { upgradeRequest: false, requestId: "", forceRequestId: false };
const FIELDS = { "user-agent": "curl/8.5.0", accept: "*/*", "x-forwarded-for": "10.1.2.3" };

bench("a request map of 3 headers (the price of each line below)", () => request(FIELDS));
bench("mutateRequestHeaders", () =>
  mutateRequestHeaders(request(FIELDS), connection, config, [], random),
);
const settled = request(FIELDS);
bench("checkRequest", () => checkRequest(settled, config, 8080, stats), { allocatedBytesMax: 0 });
bench("ensureRequestId, kept", () => {
  settled.set(settled.names[0]!, "v");
  return ensureRequestId(settled, false, config.requestId, random);
});
bench("mutateResponseHeaders", () => mutateResponseHeaders(response(200), facts, config, date));
bench("DateProvider.now", () => date.now(), { allocatedBytesMax: 0 });
