/**
 * Small pages about the process itself, and those of Envoy that make no sense here: they answer as
 * an Envoy that was built without the feature.
 */
import { withThreads } from "../server-gauges.ts";
import { type AdminEndpoint, command, page, prettyJson, text } from "./endpoint.ts";

/** JavaScript's heap in the words of Envoy's allocator. */
const memory = page("/memory", "print current allocation/heap usage", async (host) => {
  const threads = await host.server.planes?.memory();
  const own = host.processFacts.memory();
  const { heapUsed, heapTotal, residentSet } =
    threads === undefined ? own : withThreads(own, threads);
  return prettyJson({
    allocated: `${heapUsed}`,
    heap_size: `${heapTotal}`,
    pageheap_unmapped: "0",
    pageheap_free: `${Math.max(0, heapTotal - heapUsed)}`,
    total_thread_cache: "0",
    total_physical_bytes: `${residentSet}`,
  });
});

const hotRestartVersion = page(
  "/hot_restart_version",
  "print the hot restart compatibility version",
  () => text("disabled"),
);

const contention = page(
  "/contention",
  "dump current Envoy mutex contention stats (if enabled)",
  () =>
    text(
      "Mutex contention tracing is not enabled. To enable, run Envoy with flag --enable-mutex-tracing.",
    ),
);

/** Nothing encrypts yet, so there are none. */
const certs = page("/certs", "print certs on machine", () => prettyJson({ certificates: [] }));

const quit: AdminEndpoint = {
  path: "/quitquitquit",
  help: "exit the server",
  mutates: true,
  parameters: [],
  handle: (_request, host) => ({ ...text("OK\n"), onSent: () => host.quit() }),
};

const reopenLogs = command("/reopen_logs", "reopen access logs", (host) => host.reopenLogs());

function notBuilt(path: string, help: string, mutates: boolean, what: string): AdminEndpoint {
  const handle = () => text(`The current build does not support ${what}`, 501);
  return { path, help, mutates, parameters: [], handle };
}

export const processPages: readonly AdminEndpoint[] = [
  memory,
  hotRestartVersion,
  contention,
  certs,
  quit,
  reopenLogs,
  notBuilt(
    "/allocprofiler",
    "enable/disable the allocation profiler (if supported)",
    true,
    "allocation profiler",
  ),
  notBuilt("/cpuprofiler", "enable/disable the CPU profiler", true, "CPU profiler"),
  notBuilt("/heapprofiler", "enable/disable the heap profiler", true, "heap profiler"),
  notBuilt("/heap_dump", "dump current Envoy heap (if supported)", false, "heap dump"),
  notBuilt("/memory/tcmalloc", "print TCMalloc stats", false, "TCMalloc stats"),
];
