/**
 * Events of health checks as lines of JSON in a file. Envoy: `envoy.health_check.event_sinks.file`
 * (source/extensions/health_check/event_sinks/file/file_sink_impl.cc); `event_log_path` is the same
 * in fewer words.
 */
import type { CompileContext } from "../../../config/compile-context.ts";
import type { LogFile } from "../../../platform/files.ts";
import type { HealthCheckEventFileSink } from "../../../proto/generated/envoy/extensions/health_check/event_sinks/file/v3.ts";
import type {
  HealthEvent,
  HealthEventSink,
  HealthEventSinkConfig,
  HealthEventSinkFactory,
} from "../../../upstream/health/health-events.ts";
import type { LogFiles } from "../../common/access-log/line-logger.ts";
import { healthEventJson } from "./event-json.ts";

export interface FileSinkServices {
  readonly files: LogFiles;
  /** Why a log file cannot be appended to (`EACCES`, …), or null. */
  appendProblem(path: string): string | null;
}

export function fileEventSink(services: FileSinkServices): HealthEventSinkFactory {
  return {
    name: "envoy.health_check.event_sinks.file",
    messageType: "envoy.extensions.health_check.event_sinks.file.v3.HealthCheckEventFileSink",
    compile: (message, context) => {
      const { eventLogPath = "" } = message as HealthCheckEventFileSink;
      return compilePath(eventLogPath, services, context.at("event_log_path"));
    },
    compilePath: (path, context) => compilePath(path, services, context),
  };
}

function compilePath(
  path: string,
  services: FileSinkServices,
  context: CompileContext,
): HealthEventSinkConfig | null {
  const problem = services.appendProblem(path);
  if (problem === null) return { open: () => new FileSink(services.files.open(path)) };
  return context.error(
    `Log file ${path} cannot be written: ${problem}`,
    "give a path in a folder that exists and may be written",
  );
}

class FileSink implements HealthEventSink {
  private readonly file: LogFile;

  constructor(file: LogFile) {
    this.file = file;
  }

  log(event: HealthEvent): void {
    this.file.append(healthEventJson(event));
  }
}
