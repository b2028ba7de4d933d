import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CompileContext } from "../../../src/config/compile-context.ts";
import { DEFAULT_RUNTIME } from "../../../src/config/runtime.ts";
import type { OutlierDetection } from "../../../src/proto/generated/envoy/config/cluster/v3.ts";
import {
  compileOutlierDetection,
  readOutlierSettings,
} from "../../../src/upstream/outlier/outlier-config.ts";

const compile = (message: OutlierDetection) =>
  compileOutlierDetection(message, new CompileContext())!;
const seconds = (count: number) => ({ seconds: count, nanos: 0 });

describe("compileOutlierDetection", () => {
  it("has Envoy's defaults", () => {
    assert.deepEqual(compile({}), {
      settings: {
        consecutive5xx: 5,
        consecutiveGatewayFailure: 5,
        consecutiveLocalOriginFailure: 5,
        intervalMs: 10_000,
        baseEjectionTimeMs: 30_000,
        maxEjectionTimeMs: 300_000,
        maxEjectionTimeJitterMs: 0,
        maxEjectionPercent: 10,
        successRateMinimumHosts: 5,
        successRateRequestVolume: 100,
        successRateStdevFactor: 1900,
        failurePercentageThreshold: 85,
        failurePercentageMinimumHosts: 5,
        failurePercentageRequestVolume: 50,
      },
      enforcing: {
        CONSECUTIVE_5XX: 100,
        CONSECUTIVE_GATEWAY_FAILURE: 0,
        CONSECUTIVE_LOCAL_ORIGIN_FAILURE: 100,
        SUCCESS_RATE: 100,
        SUCCESS_RATE_LOCAL_ORIGIN: 100,
        FAILURE_PERCENTAGE: 0,
        FAILURE_PERCENTAGE_LOCAL_ORIGIN: 0,
      },
      splitExternalLocalOriginErrors: false,
      alwaysEjectOneHost: false,
      successfulActiveHealthCheckUnejectHost: true,
    });
  });

  it("is null without the field", () => {
    assert.equal(compileOutlierDetection(undefined, new CompileContext()), null);
  });

  it("stretches the default of max_ejection_time to base_ejection_time", () => {
    const { settings } = compile({ baseEjectionTime: seconds(600) });
    assert.equal(settings.maxEjectionTimeMs, 600_000);
  });

  it("refuses a max_ejection_time below base_ejection_time", () => {
    const context = new CompileContext();
    compileOutlierDetection(
      { baseEjectionTime: seconds(31), maxEjectionTime: seconds(30) },
      context,
    );
    const [problem] = context.diagnostics;
    assert.equal(problem?.path, "max_ejection_time");
    assert.match(problem?.message ?? "", /cannot be smaller than base_ejection_time/);
  });

  it("says that monitors do not watch", () => {
    const context = new CompileContext();
    const monitor = { name: "m", typedConfig: { typeUrl: "", value: {} } };
    compileOutlierDetection({ monitors: [monitor] }, context);
    assert.equal(context.diagnostics[0]?.path, "monitors");
    assert.ok(context.ok());
  });
});

describe("readOutlierSettings", () => {
  it("takes each setting from its own runtime key", () => {
    const { settings } = compile({});
    const asked: string[] = [];
    const read = readOutlierSettings(settings, {
      ...DEFAULT_RUNTIME,
      getInteger: (key, value) => asked.push(key) && value + 1,
    });
    for (const [name, value] of Object.entries(settings)) {
      assert.equal(read[name as keyof typeof read], value + 1, name);
    }
    assert.equal(new Set(asked).size, Object.keys(settings).length);
    assert.ok(asked.includes("outlier_detection.consecutive_5xx"));
    assert.ok(asked.includes("outlier_detection.max_ejection_time_jitter_ms"));
  });
});
