// The layer table: the one place that says who may import whom. The picture in src/README.md is
// rendered from it (tour.ts) and the import checks (check-layers.ts) read it.

export interface Layer {
  readonly folder: string;
  readonly number: number;
  /** One line for the tour. */
  readonly about: string;
}

/** A file imports from its own folder or from a folder with a smaller number; equals never meet. */
export const LAYERS: readonly Layer[] = [
  { folder: "base", number: 0, about: "pure values and containers" },
  {
    folder: "platform",
    number: 1,
    about: "time, timers, random, sockets, dns, files as interfaces",
  },
  { folder: "stats", number: 2, about: "counters, gauges, histograms in shared slabs; Prometheus" },
  { folder: "log", number: 2, about: "component loggers with levels" },
  { folder: "proto", number: 2, about: "Envoy v3 messages: binary, JSON, YAML, field rules" },
  {
    folder: "config",
    number: 3,
    about: "resources, compile contexts, prepare and commit, runtime",
  },
  { folder: "network", number: 4, about: "connections, buffers, filter chains, listeners" },
  { folder: "codec", number: 5, about: "HTTP on the wire: header map, HTTP/1.1, codec interfaces" },
  {
    folder: "upstream",
    number: 6,
    about: "clusters, hosts, load balancing, pools, circuit breakers",
  },
  { folder: "route", number: 6, about: "route tables and matchers; pure" },
  {
    folder: "http",
    number: 7,
    about: "connection manager, filter manager, streams, local replies",
  },
  { folder: "grpc", number: 7, about: "gRPC client over an upstream cluster" },
  { folder: "extensions", number: 8, about: "everything a typed_config can name, one folder each" },
  { folder: "xds", number: 8, about: "subscriptions to configuration sources" },
  { folder: "istio", number: 8, about: "Istio documents to resources; pure translation" },
  { folder: "agent", number: 9, about: "certificates, DNS proxy, application probes" },
  { folder: "server", number: 10, about: "composition root: bootstrap, lifecycle, drain, admin" },
  { folder: "cli", number: 11, about: "commands: run, validate, version" },
];

/** Files that start a thread or a process: they bind the real platform and may import anything. */
export const ENTRIES: Readonly<Record<string, string>> = {
  "src/main.ts": "the executable: hands the real platform to cli",
  "src/server/config-child.ts": "the child process that reads and checks configuration",
  "src/server/threads/data-plane-worker.ts": "a worker thread: one data plane on the real platform",
};

/** The one place that talks to Node; only entries (and tests and benches) may import it. */
export const NODE_PLATFORM: string = "src/platform/node/";

/** The list of all extensions; only the composition root and the commands may import it. */
export const CATALOGUE: string = "src/extensions/catalogue.ts";
export const CATALOGUE_USERS: readonly string[] = ["server", "cli"];

/** Code that two extension kinds share. */
export const EXTENSIONS_COMMON: string = "src/extensions/common/";

/** Folders narrower than their layer: what they may not (or may only) import, and why. */
export interface PureFolder {
  readonly folder: string;
  readonly never?: readonly string[];
  readonly only?: readonly string[];
  /** Files that count as data, for `import type` only, and why. */
  readonly typesOf?: Readonly<Record<string, string>>;
  readonly because: string;
}

export const PURE_FOLDERS: readonly PureFolder[] = [
  {
    folder: "route",
    never: ["platform", "network"],
    typesOf: { "src/network/stream-info.ts": "facts about a stream are data that matching reads" },
    because: "matching is a function of headers, a given random number and the table",
  },
  {
    folder: "istio",
    only: ["proto", "config", "base"],
    because: "translation is a function from documents to resources",
  },
];

/** The layer of a path under src/, or null for files directly in src/. */
export function layerOf(path: string): Layer | null {
  const folder = /^src\/([^/]+)\//.exec(path)?.[1];
  return LAYERS.find((layer) => layer.folder === folder) ?? null;
}
