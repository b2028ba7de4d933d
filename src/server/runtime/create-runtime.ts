/**
 * Makes the layered runtime from its configuration; disk layers are read now and again when their
 * link is swapped.
 */
import type { Files, FileWatch } from "../../platform/files.ts";
import { createRuntimeStats } from "../../stats/groups/runtime-stats.ts";
import type { StatsScope } from "../../stats/stats-scope.ts";
import type { RuntimeLayerConfig } from "../bootstrap-config.ts";
import { readDiskLayer } from "./disk-layer.ts";
import { LayeredRuntime, type RuntimeLayer } from "./layered-runtime.ts";

/** The runtime and the end of its watches. */
export interface RunningRuntime {
  readonly runtime: LayeredRuntime;
  close(): void;
}

/** Its stats are made under `scope`. */
export async function createRuntime(
  configs: readonly RuntimeLayerConfig[],
  files: Files,
  scope: StatsScope,
): Promise<RunningRuntime> {
  const layers: RuntimeLayer[] = [];
  let admin: RuntimeLayer | null = null;
  for (const config of configs) {
    const layer = { name: config.name, entries: await layerEntries(config, files) };
    if (config.kind === "admin") admin = layer;
    layers.push(layer);
  }
  const disks = configs.filter((config) => config.kind === "disk");
  const runtime = new LayeredRuntime(layers, admin, createRuntimeStats(scope), disks.length);
  const watches = disks.map((config) => watchDisk(config, files, runtime));
  return {
    runtime,
    close: () => {
      for (const watch of watches) watch.close();
    },
  };
}

async function layerEntries(
  config: RuntimeLayerConfig,
  files: Files,
): Promise<RuntimeLayer["entries"]> {
  if (config.kind === "static") return config.entries;
  return config.kind === "disk" ? readDiskLayer(files, config.root) : new Map();
}

/** A layer that cannot be read any more keeps its values. */
function watchDisk(
  config: Extract<RuntimeLayerConfig, { kind: "disk" }>,
  files: Files,
  runtime: LayeredRuntime,
): FileWatch {
  return files.watchMoves(config.watched, () => {
    readDiskLayer(files, config.root).then(
      (entries) => runtime.replaceLayer(config.name, entries),
      () => runtime.loadFailed(),
    );
  });
}
