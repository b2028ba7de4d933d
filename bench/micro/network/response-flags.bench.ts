// Response flags as access logs print them: none, one, two.
import { type FlagHolder, longFlags, shortFlags } from "../../../src/network/response-flags.ts";
import { ResponseFlag } from "../../../src/network/stream-info.ts";
import { bench } from "../../kit/micro.ts";

const { NoRouteFound, UpstreamConnectionFailure, UpstreamRetryLimitExceeded } = ResponseFlag;
const none: FlagHolder = { responseFlags: 0, flagOrder: null };
const one: FlagHolder = { responseFlags: NoRouteFound, flagOrder: null };
const two: FlagHolder = {
  responseFlags: UpstreamConnectionFailure | UpstreamRetryLimitExceeded,
  flagOrder: [UpstreamRetryLimitExceeded, UpstreamConnectionFailure],
};
bench("shortFlags, none", () => shortFlags(none), { allocatedBytesMax: 0 });
bench("shortFlags, one", () => shortFlags(one), { allocatedBytesMax: 0 });
bench("longFlags, two", () => longFlags(two));
