// HAProxy: one thread. It logs to a file only through syslog or its standard output: standard
// output, opened as a file, costs one write per request, and that is what it gets here.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { findPeer } from "../../../test/kit/find-envoy.ts";
import { freePorts } from "../processes/spawn.ts";
import { launch, versionLine } from "./launch.ts";
import type { RunningTarget, Target, TargetSetup } from "./target.ts";

export function haproxyTarget(): Target {
  const haproxy = findPeer("haproxy");
  return {
    name: "haproxy",
    version: haproxy === null ? "" : versionLine(haproxy, ["-v"]).replace("HAProxy version ", ""),
    flags:
      "nbthread 1, http-reuse always, unique id and X-Forwarded-* set, log stdout format raw into a file " +
      "(one write per request: it has no buffered file log), tune.bufsize 65536 in bulk runs, no splice",
    modes: ["http", "tcp"],
    missing: haproxy === null ? "not installed" : null,
    start: (setup) => startHaproxy(setup, haproxy ?? "haproxy"),
  };
}

async function startHaproxy(setup: TargetSetup, haproxy: string): Promise<RunningTarget> {
  const [port = 0] = await freePorts(1);
  const file = join(setup.folder, "haproxy.cfg");
  writeFileSync(file, config(setup, port));
  const stdoutPath = join(setup.folder, "access.log");
  return launch({ setup, command: [haproxy, "-db", "-f", file], port, stdoutPath });
}

function config(setup: TargetSetup, port: number): string {
  const http = setup.mode === "http";
  const logFormat = http
    ? String.raw`[%trl] \"%HM %HU %HV\" %ST %ts %U %B %Ta %Tr \"%[capture.req.hdr(0)]\" \"%ID\" \"%[capture.req.hdr(1)]\" \"%si:%sp\"`
    : "[%t] %ts %B %U %Tt %si:%sp";
  const httpLines = `
  http-reuse always
  option http-keep-alive
  unique-id-format %{+X}o\\ %ci%cp%fi%fp%Ts%rt%pid
  unique-id-header X-Request-Id
  option forwardfor
  http-request set-header X-Forwarded-Proto http
  http-request capture req.hdr(User-Agent) len 64
  http-request capture req.hdr(Host) len 64`;
  return `global
  nbthread 1
  maxconn 20000
  no strict-limits
  log stdout format raw local0 info
  ${setup.bulk ? "tune.bufsize 65536" : ""}
defaults
  mode ${setup.mode}
  log global
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout http-keep-alive 1h
frontend ingress
  bind 127.0.0.1:${port} backlog 4096
  log-format "${logFormat}"${http ? httpLines : ""}
  default_backend upstream
backend upstream
  ${http ? "http-reuse always" : ""}
  server one 127.0.0.1:${setup.upstreamPort} pool-max-conn -1
`.replace("\n  http-reuse always\n  option http-keep-alive", "\n  option http-keep-alive");
}
