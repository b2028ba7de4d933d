// Response flags as access logs print them: none, one, two.
import { longFlags, shortFlags } from "../../../src/network/response-flags.ts";
import { ResponseFlag } from "../../../src/network/stream-info.ts";
import { bench } from "../../kit/micro.ts";

const two = ResponseFlag.UpstreamConnectionFailure | ResponseFlag.UpstreamRetryLimitExceeded;
bench("shortFlags, none", () => shortFlags(0), { allocatedBytesMax: 0 });
bench("shortFlags, one", () => shortFlags(ResponseFlag.NoRouteFound), { allocatedBytesMax: 0 });
bench("longFlags, two", () => longFlags(two));
