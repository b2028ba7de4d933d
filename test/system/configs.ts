// Bootstraps of the system tests, as JSON, which is YAML too.
import { bootstrap, httpListener, staticCluster } from "../server/configs.ts";

export interface SystemConfig {
  readonly port: number;
  readonly upstreamPort: number;
  /** Fields of the HTTP connection manager. */
  readonly manager?: object;
  readonly listener?: object;
  readonly cluster?: object;
  readonly adminPort?: number;
  /** An access log with this format. */
  readonly log?: { readonly path: string; readonly format: string };
}

const FILE_LOG = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog";

/** One listener, one cluster "one". */
export function systemConfig(config: SystemConfig): string {
  const { port, upstreamPort, manager = {}, listener = {}, cluster = {}, log, adminPort } = config;
  const logs = log === undefined ? [] : [accessLog(log.path, log.format)];
  const admin = { address: { socket_address: { address: "127.0.0.1", port_value: adminPort } } };
  return bootstrap({
    clusters: [staticCluster("one", [upstreamPort], cluster)],
    listeners: [
      httpListener({
        name: "main",
        port,
        more: listener,
        manager: { access_log: logs, ...manager },
      }),
    ],
    more: adminPort === undefined ? {} : { admin },
  });
}

function accessLog(path: string, format: string): object {
  const log_format = { text_format_source: { inline_string: `${format}\n` } };
  return { name: "file", typed_config: { "@type": FILE_LOG, path, log_format } };
}
