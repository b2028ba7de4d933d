/**
 * Runtime in layers: later layers override earlier ones; the admin layer can be changed while the
 * proxy runs. Envoy: `Runtime::LoaderImpl` (source/common/runtime/runtime_impl.cc).
 */
import type { PercentDenominator, RuntimeSnapshot } from "../../config/runtime.ts";
import type { RuntimeStats } from "../../stats/groups/runtime-stats.ts";
import { fromText, type RuntimeValue } from "./runtime-value.ts";

/** One layer with its entries. */
export interface RuntimeLayer {
  readonly name: string;
  readonly entries: Map<string, RuntimeValue>;
}

/** One key as /runtime shows it: a value per layer ("" where a layer has none) and what counts. */
export interface RuntimeEntryStatus {
  readonly key: string;
  readonly layerValues: readonly string[];
  readonly finalValue: string;
}

export class LayeredRuntime implements RuntimeSnapshot {
  private layers: readonly RuntimeLayer[];
  private readonly adminLayer: RuntimeLayer | null;
  private readonly stats: RuntimeStats | null;
  private readonly diskLayers: number;
  private final = new Map<string, RuntimeValue>();
  /** Called after values changed. */
  onChange: () => void = () => undefined;

  /** `adminLayer` is the one of `layers` that /runtime_modify may change, or null. */
  constructor(
    layers: readonly RuntimeLayer[],
    adminLayer: RuntimeLayer | null,
    stats: RuntimeStats | null,
    diskLayers: number = 0,
  ) {
    this.diskLayers = diskLayers;
    this.layers = layers;
    this.adminLayer = adminLayer;
    this.stats = stats;
    this.rebuild();
  }

  getInteger(key: string, defaultValue: number): number {
    return this.final.get(key)?.integer ?? defaultValue;
  }

  getDouble(key: string, defaultValue: number): number {
    return this.final.get(key)?.double ?? defaultValue;
  }

  getBoolean(key: string, defaultValue: boolean): boolean {
    return this.final.get(key)?.boolean ?? defaultValue;
  }

  featureEnabled(
    key: string,
    numerator: number,
    denominator: PercentDenominator,
    random: number,
  ): boolean {
    const value = this.final.size === 0 ? undefined : this.final.get(key);
    if (value === undefined) return random % denominator < numerator;
    if (value.fraction !== null)
      return random % value.fraction.denominator < value.fraction.numerator;
    if (value.integer !== null) return random % 100 < value.integer;
    return random % denominator < numerator;
  }

  /** False when no admin layer is configured. An empty value removes the override. */
  modify(changes: ReadonlyMap<string, string>): boolean {
    if (this.adminLayer === null) return false;
    for (const [key, text] of changes) {
      if (text === "") this.adminLayer.entries.delete(key);
      else this.adminLayer.entries.set(key, fromText(text));
    }
    this.rebuild();
    this.onChange();
    return true;
  }

  /** Replaces the entries of a disk layer. */
  replaceLayer(name: string, entries: Map<string, RuntimeValue>): void {
    this.layers = this.layers.map((layer) => (layer.name === name ? { name, entries } : layer));
    this.rebuild();
    this.onChange();
  }

  /** A disk layer could not be read: everything stays as it is. */
  loadFailed(): void {
    this.stats?.loadError.inc();
  }

  /** What counts, by key. */
  values(): ReadonlyMap<string, RuntimeValue> {
    return this.final;
  }

  get layerNames(): readonly string[] {
    return this.layers.map(({ name }) => name);
  }

  describe(): RuntimeEntryStatus[] {
    return [...this.final.keys()].sort().map((key) => ({
      key,
      layerValues: this.layers.map(({ entries }) => entries.get(key)?.text ?? ""),
      finalValue: (this.final.get(key) as RuntimeValue).text,
    }));
  }

  private rebuild(): void {
    const final = new Map<string, RuntimeValue>();
    for (const { entries } of this.layers)
      for (const [key, value] of entries) final.set(key, value);
    this.final = final;
    if (this.stats === null) return;
    this.stats.numLayers.set(this.layers.length);
    this.stats.numKeys.set(final.size);
    this.stats.adminOverridesActive.set((this.adminLayer?.entries.size ?? 0) > 0 ? 1 : 0);
    this.stats.loadSuccess.inc();
    // Envoy calls the second disk layer the override.
    if (this.diskLayers > 1) this.stats.overrideDirExists.inc();
    else this.stats.overrideDirNotExists.inc();
  }
}
