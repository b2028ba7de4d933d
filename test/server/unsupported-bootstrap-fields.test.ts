import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CompileContext } from "../../src/config/compile-context.ts";
import type { Bootstrap } from "../../src/proto/generated/envoy/config/bootstrap/v3.ts";
import { reportUnsupportedBootstrap } from "../../src/server/unsupported-bootstrap-fields.ts";

function reports(message: Bootstrap): string[] {
  const context = new CompileContext();
  reportUnsupportedBootstrap(message, context);
  return context.diagnostics.map(({ severity, path }) => `${severity} ${path}`);
}

const ADS = { ads: {} };
const ENGINE = "type.googleapis.com/envoy.extensions.regex_engines.v3";

const CASES: readonly (readonly [report: string, message: Bootstrap])[] = [
  ["error config_sources", { configSources: [ADS] }],
  ["error default_config_source", { defaultConfigSource: ADS }],
  ["error xds_delegate_extension", { xdsDelegateExtension: { name: "x" } }],
  ["error default_regex_engine", { defaultRegexEngine: { name: "hyperscan" } }],
  ["error dynamic_resources.ads_config", { dynamicResources: { adsConfig: {} } }],
  [
    "error dynamic_resources.cds_resources_locator",
    { dynamicResources: { cdsResourcesLocator: "xdstp://a/b" } },
  ],
  [
    "error dynamic_resources.lds_resources_locator",
    { dynamicResources: { ldsResourcesLocator: "xdstp://a/b" } },
  ],
  ["error dynamic_resources.cds_config.ads", { dynamicResources: { cdsConfig: ADS } }],
  ["error dynamic_resources.lds_config.self", { dynamicResources: { ldsConfig: { self: {} } } }],
  [
    "error dynamic_resources.lds_config.api_config_source",
    { dynamicResources: { ldsConfig: { apiConfigSource: {} } } },
  ],
  [
    "error dynamic_resources.lds_config.resource_api_version",
    { dynamicResources: { ldsConfig: { path: "/lds", resourceApiVersion: "V2" } } },
  ],
  ["warning node_context_params", { nodeContextParams: ["id"] }],
  ["warning node.user_agent_build_version", { node: { userAgentBuildVersion: {} } }],
  ["warning flags_path", { flagsPath: "/flags" }],
  ["warning default_socket_interface", { defaultSocketInterface: "vcl" }],
  ["warning xds_config_tracker_extension", { xdsConfigTrackerExtension: { name: "x" } }],
  ["warning application_log_config", { applicationLogConfig: {} }],
  ["warning grpc_async_client_manager_config", { grpcAsyncClientManagerConfig: {} }],
  ["warning stats_eviction_interval", { statsEvictionInterval: { seconds: 1, nanos: 0 } }],
  ["warning cluster_manager.load_stats_config", { clusterManager: { loadStatsConfig: {} } }],
  [
    "warning cluster_manager.enable_deferred_cluster_creation",
    { clusterManager: { enableDeferredClusterCreation: true } },
  ],
];

describe("a bootstrap field that is not obeyed", () => {
  for (const [report, message] of CASES) {
    it(`is named: ${report}`, () => {
      assert.deepEqual(reports(message), [report]);
    });
  }

  it("is not one that says what is so anyway", () => {
    const typedConfig = { typeUrl: `${ENGINE}.GoogleRE2`, value: {} };
    const ldsConfig = { path: "/lds", resourceApiVersion: "V3" } as const;
    const message: Bootstrap = {
      defaultRegexEngine: { name: "re2", typedConfig },
      dynamicResources: { ldsConfig },
      clusterManager: { enableDeferredClusterCreation: false },
      flagsPath: "",
    };
    assert.deepEqual(reports(message), []);
  });
});
