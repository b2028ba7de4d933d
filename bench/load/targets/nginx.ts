// nginx: one worker, upstream keep-alive, request id and forwarded headers as Envoy adds them, and
// an access log with the fields of Envoy's default format, buffered as Envoy buffers its own.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findPeer } from "../../../test/kit/find-envoy.ts";
import { freePorts } from "../processes/spawn.ts";
import { launch, versionLine } from "./launch.ts";
import type { Mode, RunningTarget, Target, TargetSetup } from "./target.ts";

const STREAM_MODULES = [
  "/usr/lib/nginx/modules/ngx_stream_module.so",
  "/usr/share/nginx/modules/ngx_stream_module.so",
];

const LOG_FORMAT = `log_format bench '[$time_iso8601] "$request_method $request_uri $server_protocol" $status - '
    '$request_length $body_bytes_sent $request_time $upstream_response_time "$http_x_forwarded_for" '
    '"$http_user_agent" "$request_id" "$host" "$upstream_addr"';`;

export function nginxTarget(): Target {
  const nginx = findPeer("nginx");
  const streamModule = STREAM_MODULES.find((path) => existsSync(path));
  const modes: Mode[] = streamModule === undefined ? ["http"] : ["http", "tcp"];
  return {
    name: "nginx",
    version: nginx === null ? "" : nginxVersion(nginx),
    flags:
      "worker_processes 1, keepalive 512 to upstream, proxy_http_version 1.1, X-Request-Id/X-Forwarded-* set, " +
      "access_log with Envoy's fields buffer=64k flush=1s, stub_status on, proxy_request_buffering off" +
      (streamModule === undefined ? "; no stream module here: left out of TCP runs" : ""),
    modes,
    missing: nginx === null ? "not installed" : null,
    start: (setup) => startNginx(setup, nginx ?? "nginx", streamModule),
  };
}

/** nginx prints its version to stderr: the shell joins the two. */
export function nginxVersion(nginx: string): string {
  return versionLine("sh", ["-c", `"${nginx}" -v 2>&1`]).replace("nginx version: ", "");
}

/** The parts of a configuration that keep nginx inside its folder. */
export function nginxHead(folder: string): string {
  mkdirSync(join(folder, "temp"), { recursive: true });
  const user = process.getuid?.() === 0 ? "user root;" : "";
  return `${user}
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log warn;
worker_rlimit_nofile 65536;`;
}

/** Temporary folders for the http block. */
export function nginxTempPaths(folder: string): string {
  return ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `  ${name}_temp_path ${folder}/temp/${name};`)
    .join("\n");
}

async function startNginx(
  setup: TargetSetup,
  nginx: string,
  streamModule: string | undefined,
): Promise<RunningTarget> {
  const [port = 0] = await freePorts(1);
  const file = join(setup.folder, "nginx.conf");
  const text =
    setup.mode === "http"
      ? httpConfig(setup, port)
      : `load_module ${streamModule};\n${streamConfig(setup, port)}`;
  writeFileSync(file, text);
  const command = [nginx, "-c", file, "-p", setup.folder, "-e", join(setup.folder, "error.log")];
  return launch({ setup, command, port });
}

function httpConfig(setup: TargetSetup, port: number): string {
  return `${nginxHead(setup.folder)}
events { worker_connections 32768; }
http {
${nginxTempPaths(setup.folder)}
  ${LOG_FORMAT}
  access_log ${setup.folder}/access.log bench buffer=64k flush=1s;
  keepalive_requests 1000000000;
  keepalive_timeout 3600s;
  client_max_body_size 0;
  proxy_max_temp_file_size 0;
  ${setup.bulk ? "proxy_buffers 16 64k; proxy_buffer_size 64k; proxy_busy_buffers_size 128k; client_body_buffer_size 64k;" : ""}
  upstream backend {
    server 127.0.0.1:${setup.upstreamPort};
    keepalive 512;
    keepalive_requests 1000000000;
    keepalive_timeout 3600s;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Request-Id $request_id;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_request_buffering off;
    }
    location = /stub_status { stub_status; access_log off; }
  }
}
`;
}

function streamConfig(setup: TargetSetup, port: number): string {
  return `${nginxHead(setup.folder)}
events { worker_connections 32768; }
stream {
  log_format bench '[$time_iso8601] $status $bytes_sent $bytes_received $session_time';
  access_log ${setup.folder}/access.log bench buffer=64k flush=1s;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    proxy_pass 127.0.0.1:${setup.upstreamPort};
    ${setup.bulk ? "proxy_buffer_size 64k;" : ""}
  }
}
`;
}
