// hot: per request
/**
 * What the proxy does, as debug lines of Envoy's components: sockets (`conn_handler`,
 * `connection`), name resolution (`dns`), requests (`http`). Wrapped around the platform and put
 * beside the access logs, so that nothing in between needs a logger. Off, each costs one
 * comparison.
 */
import type { AccessLogger } from "../http/access-log.ts";
import { DEBUG } from "../log/log-level.ts";
import type { Logger, LoggerRegistry } from "../log/logger.ts";
import { shortFlags } from "../network/response-flags.ts";
import type { DnsAnswer, DnsFamily, DnsResolver } from "../platform/dns.ts";
import {
  type ConnectOptions,
  formatSocketAddress,
  type ListenOptions,
  type ListenSocket,
  type Socket,
  type SocketEvents,
  type SocketFactory,
} from "../platform/sockets.ts";
import type { FormatterContext } from "../route/formatter.ts";

/** Logs accepted and opened connections. */
export class LoggedSockets implements SocketFactory {
  private readonly sockets: SocketFactory;
  private readonly accepted: Logger;
  private readonly opened: Logger;

  constructor(sockets: SocketFactory, loggers: LoggerRegistry) {
    this.sockets = sockets;
    this.accepted = loggers.get("conn_handler");
    this.opened = loggers.get("connection");
  }

  listen(options: ListenOptions, onAccept: (socket: Socket) => void): Promise<ListenSocket> {
    const { accepted } = this;
    const { address } = options;
    return this.sockets.listen(options, (socket) => {
      if (accepted.isEnabled(DEBUG)) logAccept(accepted, socket, formatSocketAddress(address));
      onAccept(socket);
    });
  }

  connect(options: ConnectOptions, events: SocketEvents): Socket {
    if (this.opened.isEnabled(DEBUG))
      this.opened.debug(`connecting to ${formatSocketAddress(options.address)}`);
    return this.sockets.connect(options, events);
  }
}

function logAccept(logger: Logger, socket: Socket, listener: string): void {
  const remote = socket.remoteSocketAddress();
  const from = remote.path === "" ? "" : ` from ${formatSocketAddress(remote)}`;
  logger.debug(`new connection${from} to ${listener}`);
}

/** Logs every question and its answer. */
export class LoggedDns implements DnsResolver {
  private readonly dns: DnsResolver;
  private readonly logger: Logger;

  constructor(dns: DnsResolver, logger: Logger) {
    this.dns = dns;
    this.logger = logger;
  }

  resolve(name: string, family: DnsFamily, callback: (answer: DnsAnswer) => void): void {
    const { logger } = this;
    this.dns.resolve(name, family, (answer) => {
      if (logger.isEnabled(DEBUG))
        logger.debug(`dns resolution for ${name} (${family}): ${answerText(answer)}`);
      callback(answer);
    });
  }

  withServers(servers: readonly string[]): DnsResolver {
    return new LoggedDns(this.dns.withServers(servers), this.logger);
  }
}

function answerText(answer: DnsAnswer): string {
  if (answer.kind === "failure") return `failed, ${answer.code}`;
  if (answer.kind === "not-found") return "no such name";
  return answer.addresses.map(({ ip, ttlMs }) => `${ip} (ttl ${ttlMs / 1000} s)`).join(", ");
}

/** Logs every request at its end. */
export class RequestLog implements AccessLogger {
  private readonly logger: Logger;

  constructor(logger: Logger) {
    this.logger = logger;
  }

  log(context: FormatterContext): void {
    if (this.logger.isEnabled(DEBUG) && context.logType === "DownstreamEnd")
      this.logger.debug(requestText(context));
  }
}

function requestText({ streamInfo, requestHeaders, nowMs }: FormatterContext): string {
  const { connection, responseCode, responseCodeDetails, upstream } = streamInfo;
  const method = requestHeaders?.method ?? "-";
  const target = `${requestHeaders?.authority ?? ""}${requestHeaders?.path ?? ""}`;
  const why = `${responseCodeDetails || "-"}, flags ${shortFlags(streamInfo)}`;
  const from = upstream === null ? "no upstream" : upstream.hostAddress;
  const ms = Math.round(nowMs - streamInfo.startMs);
  const request = `[C${connection.connectionId}] ${method} ${target}`;
  return `${request}: ${responseCode} (${why}) from ${from} after ${ms} ms`;
}
