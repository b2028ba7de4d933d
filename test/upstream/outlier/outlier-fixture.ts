// Clusters with outlier detection on one or more data planes over one shared memory and one time;
// what happens to hosts is told to their monitors directly.
import assert from "node:assert/strict";
import type { RuntimeSnapshot } from "../../../src/config/runtime.ts";
import type {
  Cluster as ClusterMessage,
  OutlierDetection,
} from "../../../src/proto/generated/envoy/config/cluster/v3.ts";
import { HealthFlag, type HostMonitor, type MonitorResult } from "../../../src/upstream/host.ts";
import type { RuntimeCluster } from "../../../src/upstream/runtime-cluster.ts";
import type { UpstreamHost } from "../../../src/upstream/upstream-host.ts";
import {
  createSharedUpstreamState,
  type SharedUpstreamState,
} from "../../../src/upstream/upstream-services.ts";
import { SimulatedTime } from "../../kit/simulated-time.ts";
import { staticMessage, type UpstreamFixture, upstreamFixture } from "../upstream-fixture.ts";

export const seconds = (count: number): { seconds: number; nanos: number } => ({
  seconds: count,
  nanos: 0,
});

export interface OutlierOptions {
  readonly planes?: number;
  readonly hosts?: number;
  readonly cluster?: Partial<ClusterMessage>;
  readonly runtime?: RuntimeSnapshot;
  readonly seed?: number;
}

export class OutlierBench {
  readonly time: SimulatedTime = new SimulatedTime();
  readonly state: SharedUpstreamState;
  readonly planes: UpstreamFixture[];
  /** Lines of the event log. */
  readonly events: Record<string, unknown>[] = [];
  private readonly options: OutlierOptions;
  private readonly detection: OutlierDetection;

  constructor(detection: OutlierDetection, options: OutlierOptions = {}) {
    this.options = options;
    this.detection = detection;
    const { planes = 1 } = options;
    this.state = createSharedUpstreamState(planes);
    this.planes = Array.from({ length: planes }, (_, id) => this.startPlane(id));
  }

  /** A data plane, or the successor of a dead one. */
  startPlane(id: number): UpstreamFixture {
    const plane = upstreamFixture({
      state: this.state,
      dataPlane: id,
      time: this.time,
      seed: (this.options.seed ?? 1) + id,
      outlierEventLogPath: "/events",
      eventLogs: {
        open: () => ({
          append: (text) => this.events.push(JSON.parse(text)),
          flush: (done) => done(),
          reopen: () => undefined,
          droppedBytes: 0,
        }),
      },
      ...(this.options.runtime === undefined ? {} : { runtime: this.options.runtime }),
    });
    plane.add(this.message(this.ports()));
    return plane;
  }

  message(ports: readonly number[]): ClusterMessage {
    return staticMessage(ports, { outlierDetection: this.detection, ...this.options.cluster });
  }

  ports(): number[] {
    return Array.from({ length: this.options.hosts ?? 10 }, (_, index) => index + 1);
  }

  cluster(plane: number = 0): RuntimeCluster {
    return this.planes[plane]!.cluster("c") as RuntimeCluster;
  }

  host(port: number, plane: number = 0): UpstreamHost {
    for (const { hosts } of this.cluster(plane).hostSets) {
      for (const host of hosts) {
        if (host.description.address.port === port) return host as UpstreamHost;
      }
    }
    return assert.fail(`no host ${port}`);
  }

  monitor(port: number, plane: number = 0): HostMonitor {
    const { monitor } = this.host(port, plane);
    assert.ok(monitor !== null);
    return monitor;
  }

  /** `count` answers with this status. */
  answers(port: number, status: number, count: number = 1, plane: number = 0): void {
    const monitor = this.monitor(port, plane);
    for (let answer = 0; answer < count; answer++) monitor.onHttpStatus(status);
  }

  results(port: number, result: MonitorResult, count: number = 1, plane: number = 0): void {
    const monitor = this.monitor(port, plane);
    for (let one = 0; one < count; one++) monitor.onResult(result, 0);
  }

  ejected(port: number, plane: number = 0): boolean {
    return (this.host(port, plane).healthFlags() & HealthFlag.FailedOutlierCheck) !== 0;
  }

  /** Ports of the ejected hosts. */
  out(): number[] {
    return this.ports().filter((port) => this.ejected(port));
  }

  /** Over all data planes. */
  stat(name: string): number {
    const values = this.planes.map((plane) => plane.stat(`cluster.c.outlier_detection.${name}`));
    return values.reduce((sum, value) => sum + value, 0);
  }

  /** The gauge, as a scrape shows it. */
  active(): number {
    this.planes[0]!.manager.showShared();
    return this.planes[0]!.stat("cluster.c.outlier_detection.ejections_active");
  }

  /** Lets simulated time pass. */
  pass(ms: number): void {
    this.time.run(ms);
  }

  close(): void {
    for (const plane of this.planes) plane.manager.close(() => undefined);
  }
}
