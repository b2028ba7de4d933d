import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HostCell, HostWord } from "../../../src/upstream/health-slots.ts";
import { MonitorResult } from "../../../src/upstream/host.ts";
import { OutlierBench } from "./outlier-fixture.ts";

function row(bench: OutlierBench): number[] {
  const slot = bench.host(1).health!;
  return [
    slot.load(HostWord.Consecutive5xx),
    slot.load(HostWord.ConsecutiveGatewayFailure),
    slot.load(HostWord.ConsecutiveLocalOriginFailure),
  ];
}

function volume(bench: OutlierBench): number[] {
  const slot = bench.host(1).health!;
  const { ExternalSuccess, ExternalFailure, LocalSuccess, LocalFailure } = HostCell;
  return [ExternalSuccess, ExternalFailure, LocalSuccess, LocalFailure].map((cell) =>
    slot.sum(cell),
  );
}

describe("OutlierMonitor", () => {
  const statuses: readonly (readonly [status: number, failure: boolean, gateway: boolean])[] = [
    [100, false, false],
    [200, false, false],
    [404, false, false],
    [429, false, false],
    [499, false, false],
    [500, true, false],
    [501, true, false],
    [502, true, true],
    [503, true, true],
    [504, true, true],
    [505, true, false],
    [599, true, false],
    [600, false, false],
  ];
  for (const [status, failure, gateway] of statuses) {
    it(`counts ${status} as ${gateway ? "a gateway failure" : failure ? "a failure" : "a success"}`, () => {
      const bench = new OutlierBench({});
      bench.answers(1, 503, 2);
      bench.answers(1, status);
      assert.deepEqual(row(bench), [failure ? 3 : 0, gateway ? 3 : 0, 0]);
      assert.deepEqual(volume(bench), [failure ? 0 : 1, failure ? 3 : 2, 0, 0]);
      bench.close();
    });
  }

  const whole: readonly (readonly [keyof typeof MonitorResult, number[], number[]])[] = [
    ["LocalOriginTimeout", [1, 1, 0], [0, 1, 0, 0]],
    ["LocalOriginConnectFailed", [1, 1, 0], [0, 1, 0, 0]],
    ["LocalOriginConnectSuccess", [0, 0, 0], [0, 0, 0, 0]],
    ["LocalOriginConnectSuccessFinal", [0, 0, 0], [1, 0, 0, 0]],
    ["ExtOriginRequestFailed", [1, 0, 0], [0, 1, 0, 0]],
    ["ExtOriginRequestSuccess", [0, 0, 0], [1, 0, 0, 0]],
  ];
  for (const [name, rows, volumes] of whole) {
    it(`takes ${name} for a status`, () => {
      const bench = new OutlierBench({});
      bench.results(1, MonitorResult[name]);
      assert.deepEqual([row(bench), volume(bench)], [rows, volumes]);
      bench.close();
    });
  }

  const split: typeof whole = [
    ["LocalOriginTimeout", [0, 0, 1], [0, 0, 0, 1]],
    ["LocalOriginConnectFailed", [0, 0, 1], [0, 0, 0, 1]],
    ["LocalOriginConnectSuccess", [0, 0, 0], [0, 0, 1, 0]],
    ["LocalOriginConnectSuccessFinal", [0, 0, 0], [0, 0, 1, 0]],
    ["ExtOriginRequestFailed", [1, 0, 0], [0, 1, 0, 0]],
    ["ExtOriginRequestSuccess", [0, 0, 0], [1, 0, 0, 0]],
  ];
  for (const [name, rows, volumes] of split) {
    it(`counts ${name} where it belongs when origins are split`, () => {
      const bench = new OutlierBench({ splitExternalLocalOriginErrors: true });
      bench.results(1, MonitorResult[name]);
      assert.deepEqual([row(bench), volume(bench)], [rows, volumes]);
      bench.close();
    });
  }

  it("takes the status that the client was given for the one of a time-out", () => {
    const bench = new OutlierBench({});
    bench.monitor(1).onResult(MonitorResult.LocalOriginTimeout, 204);
    assert.deepEqual(volume(bench), [1, 0, 0, 0]);
    bench.close();
  });

  it("does not end a row of local failures by an answer, nor the other way round", () => {
    const bench = new OutlierBench({ splitExternalLocalOriginErrors: true });
    bench.results(1, MonitorResult.LocalOriginConnectFailed, 2);
    bench.answers(1, 500, 2);
    assert.deepEqual(row(bench), [2, 0, 2]);
    bench.answers(1, 200);
    assert.deepEqual(row(bench), [0, 0, 2]);
    bench.results(1, MonitorResult.LocalOriginConnectSuccess);
    assert.deepEqual(row(bench), [0, 0, 0]);
    bench.close();
  });

  it("is not there without outlier detection", () => {
    const bench = new OutlierBench({}, { cluster: { outlierDetection: undefined! } });
    assert.equal(bench.host(1).monitor, null);
    assert.equal(bench.host(1).health, null);
    bench.close();
  });
});
