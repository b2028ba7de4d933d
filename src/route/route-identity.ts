/** What logs, stats and filters know a route by. */
import type { Metadata } from "../network/stream-info.ts";

export interface RouteIdentity {
  readonly routeName: string;
  readonly virtualHostName: string;
  readonly metadata: Metadata | null;
  readonly virtualHostMetadata: Metadata | null;
}
