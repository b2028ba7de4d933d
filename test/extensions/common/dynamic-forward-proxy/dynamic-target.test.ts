import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  dynamicHost,
  dynamicPort,
} from "../../../../src/extensions/common/dynamic-forward-proxy/dynamic-target.ts";
import { ConnectionInfo, StreamInfo } from "../../../../src/network/stream-info.ts";

function withState(states: Readonly<Record<string, string>>): StreamInfo {
  const local = { ip: "127.0.0.1", port: 1 };
  const streamInfo = new StreamInfo(new ConnectionInfo(1, local, local), 0, 0);
  for (const [key, text] of Object.entries(states)) {
    streamInfo.setFilterState(key, { serializeAsString: () => text });
  }
  return streamInfo;
}

describe("the dynamic target", () => {
  it("is read from filter state", () => {
    const state = withState({
      "envoy.upstream.dynamic_host": "web",
      "envoy.upstream.dynamic_port": "8080",
    });
    assert.equal(dynamicHost(state), "web");
    assert.equal(dynamicPort(state), 8080);
  });

  it("is port 80 without a usable port, and no name without one", () => {
    assert.equal(dynamicHost(withState({})), undefined);
    for (const text of ["", "0", "65536", "-1", "1.5", "x"]) {
      assert.equal(dynamicPort(withState({ "envoy.upstream.dynamic_port": text })), 80, text);
    }
  });
});
