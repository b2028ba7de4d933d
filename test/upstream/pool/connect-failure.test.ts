// The words were read from a real Envoy 1.37.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { connectFailure } from "../../../src/upstream/pool/connect-failure.ts";

const TCP = { ip: "127.0.0.1", port: 1 };
const V6 = { ip: "2001:db8::1", port: 1 };
const PIPE = { ip: "", port: 0, path: "/run/none.sock" };

describe("connectFailure", () => {
  const remote = "remote connection failure";
  const cases = [
    { code: "ECONNREFUSED", address: TCP, text: "delayed connect error: Connection refused" },
    { code: "EHOSTUNREACH", address: V6, text: "delayed connect error: No route to host" },
    { code: "ETIMEDOUT", address: TCP, text: "delayed connect error: Connection timed out" },
    {
      code: "ENETUNREACH",
      address: V6,
      text: "immediate connect error: Network is unreachable|remote address:[2001:db8::1]:1",
    },
    {
      code: "ENOENT",
      address: PIPE,
      text: "immediate connect error: No such file or directory|remote address:/run/none.sock",
    },
    { code: "EWHATEVER", address: TCP, text: "delayed connect error: connect EWHATEVER" },
  ];
  for (const { code, address, text } of cases) {
    it(`says "${text}"`, () => {
      const failure = connectFailure({ code, message: `connect ${code}` }, address, "");
      assert.deepEqual(failure, { reason: remote, text, bind: false });
    });
  }

  it("calls a source address that cannot be bound a local failure", () => {
    const error = { code: "EADDRNOTAVAIL", message: "connect EADDRNOTAVAIL" };
    assert.deepEqual(connectFailure(error, TCP, "10.99.99.99:0"), {
      reason: "local connection failure",
      text: "failed to bind to 10.99.99.99:0: Cannot assign requested address",
      bind: true,
    });
  });

  it("calls a lack of descriptors a local failure", () => {
    const error = { code: "EMFILE", message: "connect EMFILE" };
    assert.equal(connectFailure(error, TCP, "").reason, "local connection failure");
  });
});
