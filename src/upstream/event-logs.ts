/**
 * Files that take one JSON line per event of a host: ejections, changes of health. Envoy:
 * `EventLogger`, `HealthCheckEventLogger`; rotated like access logs.
 */
import type { LogFile } from "../platform/files.ts";
import { timestampText } from "../proto/time-text.ts";

/** Opens log files; several writers of one path share it. */
export interface EventLogs {
  open(path: string): LogFile;
}

/** No event is written anywhere. */
export const NO_EVENT_LOGS: EventLogs = {
  open: (path) => {
    throw new Error(`no log ${path} is opened here`);
  },
};

/** Wall time as protobuf prints it, to the millisecond. */
export function eventTime(wallMs: number): string {
  const seconds = Math.floor(wallMs / 1000);
  return timestampText({ seconds, nanos: Math.floor(wallMs - seconds * 1000) * 1_000_000 });
}
