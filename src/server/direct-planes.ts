/** Data planes on the server's own thread: one, or in tests several. */
import type { DataPlane } from "./data-plane.ts";
import type { PlaneSource } from "./data-planes.ts";
import { DirectPort } from "./direct-port.ts";

export function directPlanes(planes: readonly DataPlane[]): PlaneSource {
  const ports = planes.map((plane, id) => new DirectPort(id, plane));
  return {
    ports: () => ports,
    committing: () => () => undefined,
    starting: () => undefined,
    stopping: () => undefined,
    close: async () => {
      await Promise.all(ports.map((port) => port.close()));
    },
  };
}
