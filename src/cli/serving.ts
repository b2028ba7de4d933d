/** A running proxy as a process: its ports, its reloads, its end. */
import { type Diagnostic, formatDiagnostic } from "../base/diagnostic.ts";
import type { LoggerRegistry } from "../log/logger.ts";
import { describeBindFailure } from "../network/listener-binding.ts";
import { formatSocketAddress, type ListenSocket } from "../platform/sockets.ts";
import type { AdminHost } from "../server/admin/admin-host.ts";
import { ADMIN_ENDPOINTS } from "../server/admin/endpoints.ts";
import { healthz } from "../server/admin/healthz.ts";
import { startAdmin, startOnFreePort } from "../server/admin/start-admin.ts";
import { prometheus } from "../server/admin/stats-pages.ts";
import type { ReloadOutcome } from "../server/reload.ts";
import type { Server } from "../server/server.ts";
import { drainServer } from "../server/shutdown.ts";
import type { CommandContext } from "./command-context.ts";
import type { ParsedOptions } from "./options.ts";

/** Ports that `run` opens besides those of the bootstrap. */
const ADMIN_PORT = 15000;
const HEALTH_PORT = 15021;
const METRICS_PORT = 15090;

/** Starting leaves garbage behind; it goes once, soon after the start, unless traffic is there. */
const TRIM_AFTER_MS = 500;
/** With worker threads this one gives memory back for all of them, in a millisecond. */
const TRIM_EVERY_MS = 1000;

const RELOADED: Readonly<Record<ReloadOutcome, string>> = {
  applied: "configuration reloaded",
  "partly applied":
    "configuration partly reloaded: listeners that cannot bind keep their old version, nothing was removed",
  refused: "reload refused: the previous configuration stays in force",
};

export interface RunOptions {
  /** `run`: open the extra ports, reload on change. */
  readonly convenience: boolean;
  /** Start, then end at once. */
  readonly initOnly: boolean;
}

/** A port that was opened, and what it is for. */
interface OpenPort {
  readonly name: string;
  readonly socket: ListenSocket;
}

export class Serving {
  private readonly server: Server;
  private readonly loggers: LoggerRegistry;
  private readonly context: CommandContext;
  private readonly options: ParsedOptions;
  private readonly run: RunOptions;
  private readonly ports: OpenPort[] = [];
  private exit: (code: number) => void = () => undefined;

  constructor(
    server: Server,
    loggers: LoggerRegistry,
    context: CommandContext,
    options: ParsedOptions,
    run: RunOptions,
  ) {
    this.server = server;
    this.loggers = loggers;
    this.context = context;
    this.options = options;
    this.run = run;
  }

  /** Resolves with the exit code when the proxy has ended. */
  serve(): Promise<number> {
    return new Promise((resolve) => {
      this.exit = resolve;
      // Early: as process 1 of a container a signal without a handler is lost.
      this.handleSignals();
      this.open().catch((error: unknown) => {
        this.loggers.get("main").critical(String(error));
        resolve(1);
      });
    });
  }

  private async open(): Promise<void> {
    const diagnostics = await this.server.start(() => this.accepted());
    reportDiagnostics(diagnostics, this.loggers, this.context);
    if (diagnostics.some(({ severity }) => severity === "error")) {
      await this.close();
      this.exit(1);
      return;
    }
    await this.announce();
    if (this.run.initOnly) await this.stop();
    this.server.planes?.local.dispatcher.after(TRIM_AFTER_MS, () => void this.trimAfterStart());
    if (this.run.convenience && !this.options.has("--no-reload")) this.watchFiles();
  }

  /** The bootstrap is good: the admin port tells from now on how the start goes on. */
  private accepted(): Promise<readonly Diagnostic[]> {
    this.context.onUncaughtError((error) => this.server.reportBug(error));
    return this.openPorts();
  }

  private async stop(): Promise<void> {
    await this.context.flushLogs();
    await this.close();
    await this.context.flushLogs();
    this.exit(0);
  }

  private async close(): Promise<void> {
    for (const { socket } of this.ports) socket.close();
    await this.server.close();
  }

  private async trimAfterStart(): Promise<void> {
    const { planes, options } = this.server;
    if (planes === null) return;
    const quiet = (await planes.connectionCount()) === 0;
    // Where worker threads serve, this one has the time.
    if (quiet || options.dataPlanes > 1) this.context.trimMemory();
    if (quiet) planes.trimMemory();
    if (options.dataPlanes > 1) this.trimRegularly();
  }

  /** What the compiler of each thread took and needs no more. */
  private trimRegularly(): void {
    this.context.threads?.trimNativeHeap();
    this.server.planes?.local.dispatcher.after(TRIM_EVERY_MS, () => this.trimRegularly());
  }

  /** The admin address of the bootstrap, for `run` the usual ports. Returns what is in the way. */
  private async openPorts(): Promise<readonly Diagnostic[]> {
    const host = this.adminHost();
    const configured = this.server.config?.admin.address ?? null;
    try {
      if (configured !== null) {
        const socket = await startAdmin(host, "admin", configured, ADMIN_ENDPOINTS);
        this.ports.push({ name: "admin", socket });
      }
      if (this.run.convenience) await this.openUsualPorts(host, configured === null);
      return [];
    } catch (error) {
      const address = configured === null ? "" : ` ${formatSocketAddress(configured)}`;
      const { code = "", message: text } = error as { code?: string; message: string };
      const { meaning, remedy } = describeBindFailure({ code, message: text });
      const message = `Cannot open the admin address${address}: ${meaning}`;
      return [{ severity: "error", path: "admin.address", message, remedy }];
    }
  }

  private async openUsualPorts(host: AdminHost, admin: boolean): Promise<void> {
    const open = async (name: string, ip: string, port: number, pages: typeof ADMIN_ENDPOINTS) =>
      this.ports.push({ name, socket: await startOnFreePort(host, name, { ip, port }, pages) });
    if (admin) await open("admin", "127.0.0.1", ADMIN_PORT, ADMIN_ENDPOINTS);
    await open("health", "0.0.0.0", HEALTH_PORT, [healthz]);
    await open("metrics", "0.0.0.0", METRICS_PORT, [prometheus]);
  }

  private async announce(): Promise<void> {
    const main = this.loggers.get("main");
    const facts = await this.server.planes?.facts();
    for (const { name, addresses } of facts?.listeners ?? []) {
      main.info(`listener ${name}: ${addresses.map(formatSocketAddress).join(", ")}`);
    }
    for (const { name, socket } of this.ports) {
      main.info(`${name}: http://${formatSocketAddress(socket.address)}`);
    }
    main.info(`ready after ${Math.round(this.server.uptimeMs)} ms`);
    const path = this.options.get("--admin-address-path");
    const admin = this.ports.find(({ name }) => name === "admin");
    if (path === undefined || admin === undefined) return;
    await this.context.writeFile(path, formatSocketAddress(admin.socket.address));
  }

  private watchFiles(): void {
    let reloading = Promise.resolve();
    const reload = (): Promise<void> => this.reload();
    for (const file of this.server.options.source.files) {
      this.context.platform.files.watchChanges(file, () => {
        reloading = reloading.then(reload, reload);
      });
    }
  }

  private async reload(): Promise<void> {
    const { outcome, diagnostics } = await this.server.reload();
    reportDiagnostics(diagnostics, this.loggers, this.context);
    this.loggers.get("config").info(RELOADED[outcome]);
  }

  private reopenLogs(): void {
    this.context.reopenLogs();
    this.server.planes?.reopenLogs();
  }

  private handleSignals(): void {
    let stopping = false;
    this.context.onReopenSignal(() => this.reopenLogs());
    // As Envoy, which knows of scripts that mean "reload" by it.
    this.context.onHangUpSignal(() => this.loggers.get("main").warn("SIGHUP is ignored"));
    this.context.onStopSignal(() => {
      const main = this.loggers.get("main");
      const timers = this.server.planes?.local.dispatcher;
      if (stopping || timers === undefined) {
        main.warn("ending at once");
        this.exit(stopping ? 1 : 0);
        return;
      }
      stopping = true;
      main.info("draining");
      const { drainTimeMs } = this.server.options;
      void drainServer(this.server, timers, { drainTimeMs }).then(() => this.stop());
    });
  }

  private adminHost(): AdminHost {
    const { server, context } = this;
    return {
      server,
      loggers: this.loggers,
      processFacts: context.processFacts,
      quit: () => void this.stop(),
      reopenLogs: () => this.reopenLogs(),
    };
  }
}

/**
 * Errors go to stderr as they are, so that editors and scripts can read them; warnings go to the
 * log.
 */
export function reportDiagnostics(
  diagnostics: readonly Diagnostic[],
  loggers: LoggerRegistry,
  context: CommandContext,
): void {
  for (const diagnostic of diagnostics) {
    if (diagnostic.severity === "error") context.stderr(`${formatDiagnostic(diagnostic)}\n`);
    else loggers.get("config").warn(formatDiagnostic(diagnostic));
  }
}
