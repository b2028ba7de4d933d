/** Every place where events of health checks can be written, in one list. */
import type { HealthEventSinkFactory } from "../../upstream/health/health-events.ts";
import type { FileSinkServices } from "./file/file.ts";
import { fileEventSink } from "./file/file.ts";

export function healthEventSinks(services: FileSinkServices): readonly HealthEventSinkFactory[] {
  return [fileEventSink(services)];
}
