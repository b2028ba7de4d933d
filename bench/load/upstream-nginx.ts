// nginx as the upstream: less CPU than the raw-socket upstream for small answers and sendfile for
// large ones, which leaves the second core to the generator. It serves `/bytes/N` for the sizes
// below; uploads, chunked answers and TCP stay with upstream.ts.
import type { ChildProcess } from "node:child_process";
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { accepts, freePorts, LOAD_CORE, start, waitUntil } from "./processes/spawn.ts";
import { nginxHead, nginxTempPaths } from "./targets/nginx.ts";

/** Sizes that nginx answers from its configuration. */
const INLINE_SIZES: readonly number[] = [0, 1024];
/** Sizes that nginx answers from (sparse) files. */
const FILE_SIZES: readonly number[] = [16 * 1024, 64 * 1024, 1024 ** 2, 100 * 1024 ** 2];

/** Every size of answer that nginx has. */
export const NGINX_SIZES: readonly number[] = [...INLINE_SIZES, ...FILE_SIZES];

export interface NginxUpstream {
  readonly child: ChildProcess;
  readonly port: number;
}

export async function startNginxUpstream(nginx: string, folder: string): Promise<NginxUpstream> {
  mkdirSync(folder, { recursive: true });
  const [port = 0] = await freePorts(1);
  mkdirSync(join(folder, "bytes"));
  for (const size of FILE_SIZES) {
    const path = join(folder, "bytes", String(size));
    writeFileSync(path, "");
    truncateSync(path, size);
  }
  const answers = INLINE_SIZES.map(
    (size) => `    location = /bytes/${size} { return 200 "${"x".repeat(size)}"; }`,
  );
  const file = join(folder, "nginx.conf");
  writeFileSync(
    file,
    `${nginxHead(folder)}
events { worker_connections 16384; }
http {
${nginxTempPaths(folder)}
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 3600s;
  default_type text/plain;
  add_header Cache-Control no-store;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    root ${folder};
    sendfile on;
    tcp_nopush on;
    open_file_cache max=16 inactive=1h;
    open_file_cache_valid 1h;
${answers.join("\n")}
  }
}
`,
  );
  const logPath = join(folder, "output.log");
  const command = [nginx, "-c", file, "-p", folder, "-e", join(folder, "error.log")];
  const child = start({ command, cores: String(LOAD_CORE), logPath });
  await waitUntil(() => accepts(port), child, logPath);
  return { child, port };
}
