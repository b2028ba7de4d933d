/**
 * Makes the layered runtime from its configuration; disk layers are read now and again when their
 * link is swapped.
 */
import type { Files } from "../../platform/files.ts";
import type { RuntimeStats } from "../../stats/groups/runtime-stats.ts";
import type { RuntimeLayerConfig } from "../bootstrap-config.ts";
import { readDiskLayer } from "./disk-layer.ts";
import { LayeredRuntime, type RuntimeLayer } from "./layered-runtime.ts";

export async function createRuntime(
  configs: readonly RuntimeLayerConfig[],
  files: Files,
  stats: RuntimeStats,
): Promise<LayeredRuntime> {
  const layers: RuntimeLayer[] = [];
  let admin: RuntimeLayer | null = null;
  for (const config of configs) {
    const layer = { name: config.name, entries: await layerEntries(config, files) };
    if (config.kind === "admin") admin = layer;
    layers.push(layer);
  }
  const runtime = new LayeredRuntime(layers, admin, stats);
  for (const config of configs) if (config.kind === "disk") watchDisk(config, files, runtime);
  return runtime;
}

async function layerEntries(config: RuntimeLayerConfig, files: Files): Promise<RuntimeLayer["entries"]> {
  if (config.kind === "static") return config.entries;
  return config.kind === "disk" ? readDiskLayer(files, config.root) : new Map();
}

function watchDisk(config: Extract<RuntimeLayerConfig, { kind: "disk" }>, files: Files, runtime: LayeredRuntime): void {
  files.watchMoves(config.watched, () => {
    void readDiskLayer(files, config.root).then((entries) => runtime.replaceLayer(config.name, entries));
  });
}
