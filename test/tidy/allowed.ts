// What is forbidden outside its home, what to say instead, and the few exceptions with their
// reasons. The default is forbidden. An exception that is no longer needed fails a test too.

export interface Ban {
  readonly what: string;
  readonly pattern: RegExp;
  /** Folders that the ban covers. */
  readonly in: readonly string[];
  /** Path prefixes where the word is at home. */
  readonly homes: readonly string[];
  readonly instead: string;
  /** Further files, or folders ending in a slash, each with the reason. */
  readonly allowed: Readonly<Record<string, string>>;
  /** Only for files that start with `// hot:`. */
  readonly hotOnly?: boolean;
  /** Look at comments and strings too, not only at code. */
  readonly literals?: boolean;
}

const NODE = "src/platform/node/";
const ENTRY = "src/main.ts";
const EVERYWHERE: readonly string[] = ["src/", "test/", "bench/", "build/"];

export const BANS: readonly Ban[] = [
  {
    what: "reading the clock",
    pattern: /\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\.now\b|\bprocess\.hrtime\b/,
    in: ["src/"],
    homes: [NODE],
    instead: "take a TimeSource",
    allowed: {},
  },
  {
    what: "arming a timer",
    pattern: /(?<![\w$.])(?:setTimeout|setInterval|setImmediate|queueMicrotask)\b/,
    in: ["src/"],
    homes: [NODE, ENTRY],
    instead: "take Timers",
    allowed: {},
  },
  {
    what: "randomness",
    pattern: /\bMath\.random\b|\brandomUUID\b|\bgetRandomValues\b|\brandomBytes\b/,
    in: ["src/"],
    homes: [NODE],
    instead: "take a RandomGenerator",
    allowed: {},
  },
  {
    what: "Node's modules",
    pattern: /["']node:[a-z_/]+["']/,
    in: ["src/"],
    homes: [NODE, ENTRY],
    instead: "add what you need to a platform interface",
    literals: true,
    allowed: {
      "src/base/re2.ts": "compile functions are synchronous: the engine is loaded by require",
    },
  },
  {
    what: "the process",
    pattern: /(?<![\w$.])process\.\w+/,
    in: ["src/"],
    homes: [NODE, ENTRY, "src/cli/"],
    instead: "pass the value in",
    allowed: {},
  },
  {
    what: "the console",
    pattern: /(?<![\w$.])console\.\w+/,
    in: ["src/"],
    homes: [ENTRY, "src/cli/"],
    instead: "take a component logger",
    allowed: {},
  },
  {
    what: "EventEmitter",
    pattern: /\bEventEmitter\b/,
    in: ["src/"],
    homes: [NODE],
    instead: "take a typed callback",
    allowed: {},
  },
  {
    what: "a deep copy",
    pattern: /\bstructuredClone\b|\bJSON\.parse\(JSON\.stringify\b/,
    in: ["src/"],
    homes: [],
    instead: "build a new value",
    allowed: {},
  },
  {
    what: "a backtracking regular expression made at run time",
    pattern: /\bnew RegExp\b|(?<![\w$.])RegExp\(/,
    in: ["src/"],
    homes: [],
    instead: "compile patterns from configuration with the RE2 engine",
    allowed: {
      "src/stats/default-tags.ts": "Envoy's fixed tag patterns, anchored and linear",
    },
  },
  {
    what: "a silenced type error",
    pattern: /\bas any\b|@ts-(?:ignore|nocheck)\b/,
    in: EVERYWHERE,
    homes: ["test/tidy/"],
    instead: "fix the type; in a test, @ts-expect-error with a reason",
    literals: true,
    allowed: {},
  },
  {
    what: "an expected type error",
    pattern: /@ts-expect-error\b/,
    in: ["src/", "bench/", "build/"],
    homes: [],
    instead: "fix the type",
    literals: true,
    allowed: {},
  },
  {
    what: "promises per event",
    pattern: /\basync\b|\bawait\b|\bnew Promise\b/,
    in: ["src/"],
    homes: [NODE, ENTRY, "src/cli/", "src/server/"],
    instead: "callbacks and status words in the data path; promises at the edges listed",
    allowed: {
      "src/proto/": "runs in the configuration child, and loads its libraries when asked",
      "src/config/config-loader.ts": "loading is answered by another process, off the data path",
      "src/config/config-loader-protocol.ts": "the same loading, seen from the wire",
      "src/config/local-config-loader.ts": "runs in the configuration child: reads files",
      "src/stats/prometheus.ts": "a scrape waits for prom-client, off the data path",
    },
  },
  {
    what: "an exception in a hot file",
    pattern: /\bthrow\b/,
    in: ["src/"],
    homes: [],
    hotOnly: true,
    instead: "return a status or a failure value",
    allowed: {},
  },
  {
    what: "hidden allocation in a hot file",
    pattern: /\.bind\(|(?<![\w$])delete\s|\bObject\.(?:assign|entries|keys|values)\b|\.forEach\(/,
    in: ["src/"],
    homes: [],
    hotOnly: true,
    instead: "prebuild it in the constructor, or write the loop",
    allowed: {
      "src/extensions/formatters/": "tables of names, read while formats are compiled",
      "src/extensions/http-filters/health-check/": "a message's entries, read while it is compiled",
    },
  },
  {
    what: "a shipped runtime flag",
    pattern: /--max-semi-space-size/,
    in: EVERYWHERE,
    homes: ["src/cli/runtime-flags.ts", "test/tidy/"],
    instead: "import RUNTIME_FLAGS from src/cli/runtime-flags.ts",
    literals: true,
    allowed: {
      "src/platform/node/child-requests.ts": "a size of its own: it lives for one load, faster",
    },
  },
  {
    what: "sleeping in a test",
    pattern: /timers\/promises|\bsetTimeout\(\s*(?:resolve|done|r|ok)\b|\bsetTimeout\(r(?:es)?,/,
    in: ["test/"],
    homes: ["test/tidy/"],
    instead: "advance simulated time, or wait for the event itself",
    literals: true,
    allowed: {
      "test/kit/proxy-process.ts": "asks another process whether it is ready, again and again",
      "test/kit/scripted-upstream.ts": "a script may say that the upstream answers late",
      "test/examples/play.ts": "file watchers of the system tell nobody when they are done",
      "test/differential/barrier.ts": "a case may say that the client waits; Envoy keeps real time",
    },
  },
];

export interface PackageHome {
  readonly homes: readonly string[];
  readonly because: string;
}

/** Where each run-time package may be imported. The reasons for having it are in src/README.md. */
export const PACKAGE_HOMES: Readonly<Record<string, PackageHome>> = {
  "http2-wrapper": { homes: [NODE], because: "it speaks through Node's own HTTP/2 and sockets" },
  koffi: { homes: [NODE], because: "system calls belong to the Node platform" },
  yaml: { homes: ["src/proto/"], because: "only the child process loads it" },
  "prom-client": { homes: ["src/stats/"], because: "exposition is one file" },
  re2js: { homes: ["src/base/"], because: "one wrapper gives every layer RE2 semantics" },
  "hdr-histogram-js": { homes: ["bench/"], because: "it serves the load harness" },
};
