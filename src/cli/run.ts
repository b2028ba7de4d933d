/** `outrigger run` and `outrigger -c`: serve until told to stop. */
import { formatDiagnostic, type Diagnostic } from "../base/diagnostic.ts";
import { compileLogFormat, DEFAULT_LOG_FORMAT } from "../log/log-format.ts";
import { parseLogLevel } from "../log/log-level.ts";
import { parseComponentLevels } from "../log/logging-page.ts";
import { LoggerRegistry } from "../log/logger.ts";
import { formatSocketAddress, type ListenSocket } from "../platform/sockets.ts";
import type { AdminHost } from "../server/admin/admin-host.ts";
import { ADMIN_ENDPOINTS } from "../server/admin/endpoints.ts";
import { healthz } from "../server/admin/healthz.ts";
import { startAdmin, startOnFreePort } from "../server/admin/start-admin.ts";
import { prometheus } from "../server/admin/stats-pages.ts";
import { Server } from "../server/server.ts";
import { drainServer } from "../server/shutdown.ts";
import type { CommandContext } from "./command-context.ts";
import type { ParsedOptions } from "./options.ts";
import { serverOptions } from "./server-options.ts";

/** Ports that `run` opens when the bootstrap has no admin address. */
const ADMIN_PORT = 15000;
const HEALTH_PORT = 15021;
const METRICS_PORT = 15090;

export interface RunOptions {
  /** `run`: open the extra ports, reload on change. */
  readonly convenience: boolean;
  /** Start, then end at once. */
  readonly initOnly: boolean;
}

/** Resolves with the exit code when the proxy has ended. */
export async function runCommand(options: ParsedOptions, context: CommandContext, run: RunOptions): Promise<number> {
  const compiled = serverOptions(options);
  if ("problem" in compiled) return usage(context, compiled.problem);
  const loggers = createLoggers(options, context);
  if (typeof loggers === "string") return usage(context, loggers);
  const loader = await context.createLoader("child");
  const server = new Server(context.platform, loader, loggers, compiled);
  const main = loggers.get("main");
  const diagnostics = await server.start();
  report(diagnostics, loggers, context);
  if (diagnostics.some(({ severity }) => severity === "error")) {
    await server.close();
    return 1;
  }
  return new Promise((resolve) => {
    void serve(server, loggers, options, context, run, resolve).catch((error: unknown) => {
      main.critical(String(error));
      resolve(1);
    });
  });
}

async function serve(
  server: Server,
  loggers: LoggerRegistry,
  options: ParsedOptions,
  context: CommandContext,
  run: RunOptions,
  exit: (code: number) => void,
): Promise<void> {
  const stop = async (): Promise<void> => {
    await context.flushLogs();
    await server.close();
    await context.flushLogs();
    exit(0);
  };
  const host = adminHost(server, loggers, context, () => void stop());
  const opened = await openPorts(host, server, run);
  if (typeof opened === "string") {
    context.stderr(`${opened}\n`);
    await server.close();
    exit(1);
    return;
  }
  await announce(opened, server, loggers, options, context);
  if (run.initOnly) await stop();
  if (run.convenience && !options.has("--no-reload")) watchFiles(server, loggers, context);
  handleSignals(server, loggers, context, stop, exit);
}

/** The admin address of the bootstrap, or (for `run`) the usual ports. Returns what could not be opened. */
async function openPorts(host: AdminHost, server: Server, run: RunOptions): Promise<ListenSocket[] | string> {
  const configured = server.config?.admin.address ?? null;
  try {
    const sockets: ListenSocket[] = [];
    if (configured !== null) sockets.push(await startAdmin(host, "admin", configured, ADMIN_ENDPOINTS));
    if (!run.convenience) return sockets;
    const loopback = { ip: "127.0.0.1", port: ADMIN_PORT };
    if (configured === null) sockets.push(await startOnFreePort(host, "admin", loopback, ADMIN_ENDPOINTS));
    sockets.push(await startOnFreePort(host, "health", { ip: "0.0.0.0", port: HEALTH_PORT }, [healthz]));
    sockets.push(await startOnFreePort(host, "metrics", { ip: "0.0.0.0", port: METRICS_PORT }, [prometheus]));
    return sockets;
  } catch (error) {
    const address = configured === null ? "" : ` ${formatSocketAddress(configured)}`;
    return `Cannot open the admin address${address}: ${String((error as Error).message)}`;
  }
}

async function announce(
  sockets: readonly ListenSocket[],
  server: Server,
  loggers: LoggerRegistry,
  options: ParsedOptions,
  context: CommandContext,
): Promise<void> {
  const names = ["admin", "health", "metrics"];
  const main = loggers.get("main");
  for (const status of server.planes?.all[0]?.listeners.status() ?? []) {
    main.info(`listener ${status.config.name}: ${status.addresses.map(formatSocketAddress).join(", ")}`);
  }
  sockets.forEach((socket, index) => main.info(`${names[index]}: http://${formatSocketAddress(socket.address)}`));
  main.info(`ready after ${Math.round(server.uptimeMs)} ms`);
  const path = options.get("--admin-address-path");
  const [admin] = sockets;
  if (path !== undefined && admin !== undefined) await context.writeFile(path, formatSocketAddress(admin.address));
}

function watchFiles(server: Server, loggers: LoggerRegistry, context: CommandContext): void {
  const logger = loggers.get("config");
  let reloading = Promise.resolve();
  const reload = async (): Promise<void> => {
    const diagnostics = await server.reload();
    report(diagnostics, loggers, context);
    const failed = diagnostics.some(({ severity }) => severity === "error");
    logger.info(failed ? "reload refused: the previous configuration stays in force" : "configuration reloaded");
  };
  for (const file of server.options.source.files) {
    context.platform.files.watchChanges(file, () => {
      reloading = reloading.then(reload, reload);
    });
  }
}

function handleSignals(
  server: Server,
  loggers: LoggerRegistry,
  context: CommandContext,
  stop: () => Promise<void>,
  exit: (code: number) => void,
): void {
  let stopping = false;
  context.onReopenSignal(() => context.reopenLogs());
  context.onStopSignal(() => {
    const main = loggers.get("main");
    const timers = server.planes?.all[0]?.dispatcher;
    if (stopping || timers === undefined) {
      main.warn("ending at once");
      exit(1);
      return;
    }
    stopping = true;
    main.info("draining");
    void drainServer(server, timers, { drainTimeMs: server.options.drainTimeMs }).then(stop);
  });
}

function adminHost(server: Server, loggers: LoggerRegistry, context: CommandContext, quit: () => void): AdminHost {
  return {
    server,
    loggers,
    processFacts: context.processFacts,
    quit,
    drainListeners: (direction, graceful) => {
      server.startDrain(direction);
      if (!graceful) server.planes?.stopListeners(direction);
    },
    reopenLogs: () => context.reopenLogs(),
  };
}

function createLoggers(options: ParsedOptions, context: CommandContext): LoggerRegistry | string {
  const level = parseLogLevel(options.get("--log-level") ?? "info");
  if (level < 0) return `Unknown log level ${options.get("--log-level")}`;
  const identity = { processId: context.processId, threadId: context.processId };
  const format = compileLogFormat(options.get("--log-format") ?? DEFAULT_LOG_FORMAT, identity);
  if (typeof format === "string") return format;
  const sink = context.openLogSink(options.get("--log-path") ?? "/dev/stderr");
  const loggers = new LoggerRegistry(context.platform.time, sink, format, level);
  const components = parseComponentLevels(options.get("--component-log-level") ?? "");
  if (typeof components === "string") return components;
  loggers.setLevels(components);
  return loggers;
}

/** Errors go to stderr as they are, so that editors and scripts can read them; warnings to the log. */
function report(diagnostics: readonly Diagnostic[], loggers: LoggerRegistry, context: CommandContext): void {
  for (const diagnostic of diagnostics) {
    if (diagnostic.severity === "error") context.stderr(`${formatDiagnostic(diagnostic)}\n`);
    else loggers.get("config").warn(formatDiagnostic(diagnostic));
  }
}

function usage(context: CommandContext, message: string): number {
  context.stderr(`outrigger: ${message}\nTry: outrigger --help\n`);
  return 2;
}
