import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { headerName } from "../../src/codec/header-names.ts";
import { addProxyStatus, type ProxyStatusSettings } from "../../src/http/proxy-status.ts";
import { ResponseFlag, StreamInfo } from "../../src/network/stream-info.ts";
import { connectionFrom, response } from "./manager-fixture.ts";

const ALL: ProxyStatusSettings = {
  proxyName: "me",
  details: true,
  terminationDetails: true,
  responseFlags: true,
  recommendedStatus: false,
};

function statusFor(
  flag: number,
  settings: Partial<ProxyStatusSettings> = {},
): { header: string | undefined; status: number } {
  const info = new StreamInfo(connectionFrom("10.0.0.1"), 0, 0);
  if (flag !== 0) info.setFlag(flag);
  info.responseCodeDetails = 'some "details"';
  info.connectionTerminationDetails = "end";
  const headers = response(503);
  addProxyStatus(headers, info, { ...ALL, ...settings });
  return { header: headers.get(headerName("proxy-status")), status: headers.status };
}

describe("proxy-status", () => {
  it("names the proxy, the error and its details", () => {
    assert.equal(
      statusFor(ResponseFlag.NoRouteFound).header,
      'me; error=destination_not_found; details="some \\"details\\"; end; NR"',
    );
  });

  it("leaves out what it is told to", () => {
    const settings = { terminationDetails: false, responseFlags: false };
    assert.match(statusFor(ResponseFlag.UpstreamOverflow, settings).header!, /details\\""$/);
    const { header } = statusFor(ResponseFlag.UpstreamOverflow, { details: false });
    assert.equal(header, "me; error=connection_limit_reached");
  });

  it("tells a slow connect from a slow answer", () => {
    const { header } = statusFor(ResponseFlag.UpstreamRequestTimeout, { details: false });
    assert.equal(header, "me; error=connection_timeout");
  });

  it("is added to failures only", () => {
    assert.equal(statusFor(0).header, undefined);
    assert.equal(statusFor(ResponseFlag.DelayInjected).header, undefined);
  });

  it("brings the recommended status when asked to", () => {
    const recommendedStatus = true;
    assert.equal(statusFor(ResponseFlag.UpstreamProtocolError, { recommendedStatus }).status, 502);
    const invalid = ResponseFlag.InvalidEnvoyRequestHeaders;
    assert.equal(statusFor(invalid, { recommendedStatus }).status, 503);
    assert.equal(statusFor(ResponseFlag.UpstreamProtocolError).status, 503);
  });
});
