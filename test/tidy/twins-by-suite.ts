// Source files without a test of their own, and the suite that covers them. A path ending in a
// slash stands for the folder. A suite is a test file or a folder of tests.

export const TWINS_BY_SUITE: Readonly<Record<string, string>> = {
  "src/stats/groups/": "test/stats/groups/",
  "src/platform/node/platform.ts": "test/system/",
  "src/platform/node/worker-threads.ts": "test/system/",
  "src/server/threads/": "test/server/threads/",
};

/** Hot files that only mean something together, and the bench that runs them all. */
export const BENCHES_BY_SCENARIO: Readonly<Record<string, string>> = {
  "src/http/": "bench/micro/server/request.bench.ts",
  "src/extensions/http-filters/": "bench/micro/server/request.bench.ts",
  "src/extensions/formatters/": "bench/micro/server/request.bench.ts",
  "src/extensions/common/": "bench/micro/server/request.bench.ts",
};
