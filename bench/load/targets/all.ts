// The targets by name.
import { dirname, resolve } from "node:path";
import type { BenchOptions } from "../options.ts";
import { directTarget } from "./direct.ts";
import { envoyTarget } from "./envoy.ts";
import { haproxyTarget } from "./haproxy.ts";
import { nginxTarget } from "./nginx.ts";
import { fastProxyTarget, httpProxy3Target } from "./node-proxies.ts";
import { baseBuild, defaultBuild, outriggerTarget } from "./outrigger.ts";
import type { Target } from "./target.ts";

/** Every target asked for, also those that are missing here: the report names them. */
export function chooseTargets(options: BenchOptions): readonly Target[] {
  const base = options.basePath === null ? [] : [baseBuild(options.basePath)];
  const builds = options.builds.length > 0 ? options.builds : [defaultBuild(projectRoot())];
  const all = [
    directTarget(),
    nginxTarget(),
    haproxyTarget(),
    envoyTarget(),
    ...[...base, ...builds].map(outriggerTarget),
    fastProxyTarget(),
    httpProxy3Target(),
  ];
  if (options.targets.length === 0) return all;
  const baseName = (target: Target): string => target.name.split(":")[0] as string;
  const known = all.flatMap((target) => [target.name, baseName(target)]);
  const unknown = options.targets.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new Error(`no target "${unknown}"; there are ${known.join(", ")}`);
  return all.filter((target) =>
    options.targets.some((name) => name === target.name || name === baseName(target)),
  );
}

/** The checkout: two folders above bench/load/main.ts, or one above dist/bench.js. */
function projectRoot(): string {
  const script = resolve(process.argv[1] ?? ".");
  const folder = dirname(script);
  return folder.endsWith("dist") ? dirname(folder) : dirname(dirname(folder));
}
