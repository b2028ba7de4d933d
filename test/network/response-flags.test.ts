import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  flagOfShortName,
  longFlags,
  SHORT_FLAG_NAMES,
  shortFlags,
} from "../../src/network/response-flags.ts";
import { ResponseFlag } from "../../src/network/stream-info.ts";

describe("response flags", () => {
  it("have one name of each length per bit, in the order of the bits", () => {
    for (const [name, bit] of Object.entries(ResponseFlag)) {
      const long = longFlags(bit);
      assert.ok(long === name || long.startsWith(name), `${name} is written ${long}`);
      assert.equal(flagOfShortName(shortFlags(bit)), bit);
    }
    assert.equal(SHORT_FLAG_NAMES.length, Object.keys(ResponseFlag).length);
    assert.equal(new Set(SHORT_FLAG_NAMES).size, SHORT_FLAG_NAMES.length);
  });

  it("are joined by commas, and a dash without any", () => {
    const both = ResponseFlag.UpstreamConnectionFailure | ResponseFlag.UpstreamRetryLimitExceeded;
    assert.equal(shortFlags(both), "UF,URX");
    assert.equal(longFlags(both), "UpstreamConnectionFailure,UpstreamRetryLimitExceeded");
    assert.equal(shortFlags(0), "-");
    assert.equal(longFlags(0), "-");
  });

  it("are found by short name only when there is such a flag", () => {
    assert.equal(flagOfShortName("NR"), ResponseFlag.NoRouteFound);
    assert.equal(flagOfShortName("XX"), 0);
  });
});
