/**
 * Watches one file of a `path_config_source`: a DiscoveryResponse that is read at once and again
 * whenever a new file is moved into place. A file that cannot be used leaves everything as it is.
 * Envoy: `FilesystemSubscriptionImpl`.
 */
import { formatDiagnostic } from "../base/diagnostic.ts";
import type { ConfigLoader, LoadedDiscovery } from "../config/config-loader.ts";
import type { Logger } from "../log/logger.ts";
import type { Files, FileWatch } from "../platform/files.ts";
import type { TimeSource } from "../platform/time.ts";
import type { ConfigSource } from "../proto/generated/envoy/config/core/v3.ts";
import type { Counter } from "../stats/counter.ts";
import {
  createSubscriptionStats,
  type SubscriptionStats,
} from "../stats/groups/subscription-stats.ts";
import type { StatsScope } from "../stats/stats-scope.ts";

/**
 * Fields of dynamic resources that nobody knows: named in the log, skipped silently
 * (`--ignore-unknown-dynamic-fields`), or refused (`--reject-unknown-dynamic-fields`).
 */
export type UnknownDynamicFields = "log" | "ignore" | "reject";

/** What a subscription needs. */
export interface SubscriptionServices {
  readonly loader: ConfigLoader;
  readonly files: Files;
  readonly time: TimeSource;
  readonly logger: Logger;
  readonly unknownFields: UnknownDynamicFields;
  readonly unknownFieldCounter: Counter;
}

/** Where the file is, and which folder's moves announce a new one. */
export interface WatchedFile {
  readonly path: string;
  /** Kubernetes publishes by swapping a link in this folder; "" = watch the file itself. */
  readonly watchedDirectory: string;
}

/** Told of every readable version. */
export interface SubscriptionCallbacks {
  /** Returns why the version is refused, or null. */
  onUpdate(update: LoadedDiscovery): string | null | Promise<string | null>;
  onFailure(): void;
}

/** Null when the source is not a file. */
export function watchedFile(source: ConfigSource): WatchedFile | null {
  const path = source.pathConfigSource?.path ?? source.path;
  if (path === undefined || path === "") return null;
  return { path, watchedDirectory: source.pathConfigSource?.watchedDirectory?.path ?? "" };
}

export class FilesystemSubscription {
  private readonly services: SubscriptionServices;
  private readonly file: WatchedFile;
  private readonly typeUrl: string;
  private readonly callbacks: SubscriptionCallbacks;
  private readonly stats: SubscriptionStats;
  private watch: FileWatch | null = null;
  private closed = false;
  /** A move came while the file was being read. */
  private again = false;
  private reading = false;

  constructor(
    services: SubscriptionServices,
    file: WatchedFile,
    typeUrl: string,
    scope: StatsScope,
    callbacks: SubscriptionCallbacks,
  ) {
    this.services = services;
    this.file = file;
    this.typeUrl = typeUrl;
    this.stats = createSubscriptionStats(scope);
    this.callbacks = callbacks;
  }

  start(): void {
    const { path, watchedDirectory } = this.file;
    const watched = watchedDirectory === "" ? path : `${watchedDirectory}/..data`;
    this.watch = this.services.files.watchMoves(watched, () => this.refresh());
    this.refresh();
  }

  close(): void {
    this.closed = true;
    this.watch?.close();
  }

  private refresh(): void {
    if (this.reading) this.again = true;
    else void this.read();
  }

  private async read(): Promise<void> {
    this.reading = true;
    this.again = false;
    this.stats.updateAttempt.inc();
    const startMs = this.services.time.monotonicMs();
    const loaded = await this.load();
    if (this.closed) return;
    if (loaded === null) this.fail();
    else await this.take(loaded, startMs);
    this.reading = false;
    if (this.again && !this.closed) this.refresh();
  }

  private async load(): Promise<LoadedDiscovery | null> {
    try {
      const allowUnknownFields = this.services.unknownFields !== "reject";
      const source = { file: this.file.path, typeUrl: this.typeUrl, allowUnknownFields };
      const loaded = await this.services.loader.loadDiscovery(source);
      const errors = loaded.diagnostics.filter(({ severity }) => severity === "error");
      for (const error of errors) {
        const place = error.source === undefined ? `${this.file.path}: ` : "";
        this.services.logger.warn(`${place}${formatDiagnostic(error)}`);
      }
      return errors.length === 0 ? loaded : null;
    } catch (error) {
      this.services.logger.warn(`${this.file.path}: ${String(error)}`);
      return null;
    }
  }

  private fail(): void {
    this.stats.updateFailure.inc();
    this.callbacks.onFailure();
  }

  private async take(loaded: LoadedDiscovery, startMs: number): Promise<void> {
    this.reportUnknown(loaded.unknownFields);
    const refusal = await this.apply(loaded);
    if (this.closed) return;
    const { time, logger } = this.services;
    if (refusal !== null) {
      this.stats.updateRejected.inc();
      logger.warn(`${this.file.path}: update refused: ${refusal}`);
      return;
    }
    this.stats.updateSuccess.inc();
    this.stats.updateTime.set(Math.round(time.wallMs()));
    this.stats.updateDuration.record(Math.round(time.monotonicMs() - startMs));
    this.stats.versionText.set(loaded.version);
  }

  /** A mistake of ours in taking a version refuses it; it must not end the process. */
  private async apply(loaded: LoadedDiscovery): Promise<string | null> {
    try {
      return await this.callbacks.onUpdate(loaded);
    } catch (error) {
      this.callbacks.onFailure();
      return `internal error: ${error instanceof Error ? error.stack : String(error)}`;
    }
  }

  private reportUnknown(paths: readonly string[]): void {
    const { logger, unknownFields, unknownFieldCounter } = this.services;
    unknownFieldCounter.add(paths.length);
    if (unknownFields !== "log") return;
    for (const path of paths) logger.warn(`${this.file.path}: ${path}: unknown field, skipped`);
  }
}
