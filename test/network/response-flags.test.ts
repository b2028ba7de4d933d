import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  flagOfShortName,
  longFlags,
  SHORT_FLAG_NAMES,
  shortFlags,
} from "../../src/network/response-flags.ts";
import { ConnectionInfo, ResponseFlag, StreamInfo } from "../../src/network/stream-info.ts";

const ADDRESS = { ip: "127.0.0.1", port: 1 };

/** A stream whose flags were set in this order. */
function set(...flags: readonly number[]): StreamInfo {
  const info = new StreamInfo(new ConnectionInfo(1, ADDRESS, ADDRESS), 0, 0);
  for (const flag of flags) info.setFlag(flag);
  return info;
}

describe("response flags", () => {
  it("have one name of each length per bit, in the order of the bits", () => {
    for (const [name, bit] of Object.entries(ResponseFlag)) {
      const long = longFlags(set(bit));
      assert.ok(long === name || long.startsWith(name), `${name} is written ${long}`);
      assert.equal(flagOfShortName(shortFlags(set(bit))), bit);
    }
    assert.equal(SHORT_FLAG_NAMES.length, Object.keys(ResponseFlag).length);
    assert.equal(new Set(SHORT_FLAG_NAMES).size, SHORT_FLAG_NAMES.length);
  });

  it("are joined by commas in the order of their setting, and a dash without any", () => {
    const { UpstreamConnectionFailure: failed, UpstreamRetryLimitExceeded: exceeded } =
      ResponseFlag;
    assert.equal(shortFlags(set(failed, exceeded)), "UF,URX");
    const both = set(exceeded, failed, exceeded);
    assert.equal(shortFlags(both), "URX,UF");
    assert.equal(longFlags(both), "UpstreamRetryLimitExceeded,UpstreamConnectionFailure");
    assert.equal(shortFlags(set()), "-");
    assert.equal(longFlags(set()), "-");
  });

  it("are found by short name only when there is such a flag", () => {
    assert.equal(flagOfShortName("NR"), ResponseFlag.NoRouteFound);
    assert.equal(flagOfShortName("XX"), 0);
  });
});
