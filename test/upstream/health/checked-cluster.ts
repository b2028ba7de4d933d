// A cluster whose members the test names, under HTTP checks that services answer by themselves, on
// one data plane or two over the same shared memory.
import type { Cluster as ClusterMessage } from "../../../src/proto/generated/envoy/config/cluster/v3.ts";
import type { HealthCheck } from "../../../src/proto/generated/envoy/config/core/v3.ts";
import type {
  ClusterLoadAssignment,
  Endpoint_HealthCheckConfig,
} from "../../../src/proto/generated/envoy/config/endpoint/v3.ts";
import type { EndpointSubscriptions, EndpointWatcher } from "../../../src/upstream/discovery.ts";
import { EMPTY_CONTEXT } from "../../../src/upstream/load-balancer.ts";
import type { RuntimeCluster } from "../../../src/upstream/runtime-cluster.ts";
import type { UpstreamHost } from "../../../src/upstream/upstream-host.ts";
import {
  createSharedUpstreamState,
  reclaimDataPlane,
  type SharedUpstreamState,
} from "../../../src/upstream/upstream-services.ts";
import { assertNoLeaks } from "../../kit/leaks.ts";
import type { MemoryNetwork } from "../../kit/memory-network.ts";
import { SimulatedTime } from "../../kit/simulated-time.ts";
import { type UpstreamFixture, upstreamFixture } from "../upstream-fixture.ts";

export interface Member {
  readonly ip: string;
  readonly zone?: string;
  readonly priority?: number;
  readonly check?: Endpoint_HealthCheckConfig;
}

const seconds = (count: number): { seconds: number; nanos: number } => ({
  seconds: count,
  nanos: 0,
});

function assignment(members: readonly Member[]): ClusterLoadAssignment {
  return {
    clusterName: "c",
    endpoints: members.map(({ ip, zone, priority, check }) => ({
      ...(zone === undefined ? {} : { locality: { zone } }),
      ...(priority === undefined ? {} : { priority }),
      lbEndpoints: [
        {
          endpoint: {
            address: { socketAddress: { address: ip, portValue: 1000 } },
            ...(check === undefined ? {} : { healthCheckConfig: check }),
          },
        },
      ],
    })),
  };
}

/** Members as the test says, on all data planes. */
class NamedMembers implements EndpointSubscriptions {
  private readonly watchers = new Set<EndpointWatcher>();
  private current: ClusterLoadAssignment | null = null;
  private readonly later: (run: () => void) => void;

  constructor(later: (run: () => void) => void) {
    this.later = later;
  }

  subscribe(
    _source: unknown,
    _name: string,
    _scope: unknown,
    watcher: EndpointWatcher,
  ): () => void {
    this.watchers.add(watcher);
    this.later(() => {
      if (this.current !== null) watcher.onAssignment(this.current);
    });
    return () => void this.watchers.delete(watcher);
  }

  set(members: readonly Member[]): void {
    this.current = assignment(members);
    for (const watcher of this.watchers) watcher.onAssignment(this.current);
  }
}

/** One address that answers every check. */
class CheckedService {
  /** What it answers; null: nothing. */
  response: string | null = response(200);
  asked = 0;
  closeListener: () => void = () => undefined;
}

export function response(status: number, ...headers: readonly string[]): string {
  return [`HTTP/1.1 ${status} X`, ...headers, "content-length: 0", "", ""].join("\r\n");
}

export class CheckedCluster {
  readonly time: SimulatedTime = new SimulatedTime();
  readonly planes: UpstreamFixture[];
  private readonly state: SharedUpstreamState;
  private message: ClusterMessage = {};
  private readonly members = new NamedMembers((run) => void this.time.after(0, run, "endpoints"));
  private readonly services = new Map<string, CheckedService>();

  constructor(planes = 1) {
    this.state = createSharedUpstreamState(planes);
    this.planes = Array.from({ length: planes }, (_, dataPlane) => this.createPlane(dataPlane));
  }

  /** Checks every 2 s. */
  async start(
    members: readonly Member[],
    check: Partial<HealthCheck> = {},
    cluster: Partial<ClusterMessage> = {},
  ): Promise<this> {
    const message: ClusterMessage = {
      name: "c",
      type: "EDS",
      edsClusterConfig: { edsConfig: { pathConfigSource: { path: "/eds.yaml" } } },
      healthChecks: [
        {
          timeout: seconds(1),
          interval: seconds(2),
          noTrafficInterval: seconds(2),
          unhealthyThreshold: 1,
          healthyThreshold: 1,
          httpHealthCheck: { path: "/" },
          ...check,
        },
      ],
      ...cluster,
    };
    this.message = message;
    for (const plane of this.planes) plane.add(message);
    this.members.set(members);
    return this;
  }

  /** The data plane that checks dies; another takes its number, and its network. */
  replaceLeader(): void {
    const [leader] = this.planes;
    leader?.manager.close(() => undefined);
    reclaimDataPlane(this.state, 0);
    const next = this.createPlane(0, leader?.network);
    this.planes[0] = next;
    next.add(this.message);
  }

  /** The same cluster with another configuration. */
  replaceCluster(more: Partial<ClusterMessage>): void {
    for (const plane of this.planes) plane.add({ ...this.message, ...more });
  }

  private createPlane(dataPlane: number, network?: MemoryNetwork): UpstreamFixture {
    const { time, state, members } = this;
    const more = network === undefined ? {} : { network };
    return upstreamFixture({ time, state, dataPlane, endpoints: members, ...more });
  }

  async serve(...ips: readonly string[]): Promise<this> {
    for (const ip of ips) await this.open(ip);
    return this;
  }

  service(ip: string): CheckedService {
    return this.services.get(ip)!;
  }

  name(members: readonly Member[]): void {
    this.members.set(members);
  }

  run(ms: number): Promise<void> {
    return this.time.advance(ms);
  }

  cluster(plane = 0): RuntimeCluster {
    return this.planes[plane]!.cluster("c") as RuntimeCluster;
  }

  host(ip: string, plane = 0): UpstreamHost {
    return this.cluster(plane).members.byIdentity.get(`${ip}:1000`)!;
  }

  ready(plane = 0): boolean {
    return this.planes[plane]!.manager.lookup("c").kind === "now";
  }

  /** Addresses that get traffic, in order. */
  chosen(plane = 0, times = 8): string[] {
    const cluster = this.cluster(plane);
    const ips = new Set<string>();
    for (let count = 0; count < times; count++) {
      const host = cluster.chooseHost(EMPTY_CONTEXT);
      if (host !== null) ips.add(host.description.address.ip);
    }
    return [...ips].sort();
  }

  stat(name: string, plane = 0): number {
    return this.planes[plane]!.stat(`cluster.c.${name}`);
  }

  async close(): Promise<void> {
    for (const { manager } of this.planes) manager.close(() => undefined);
    for (const service of this.services.values()) service.closeListener();
    for (const { network, dispatcher } of this.planes) {
      await assertNoLeaks({ time: this.time, network, dispatchers: [dispatcher] });
    }
  }

  private async open(ip: string): Promise<void> {
    const service = new CheckedService();
    this.services.set(ip, service);
    const listening = await this.planes[0]!.network.listen(
      { address: { ip, port: 1000 } },
      (socket) => {
        socket.events = {
          onConnect: () => undefined,
          onBytes: () => {
            service.asked++;
            if (service.response !== null) socket.writeText(service.response);
          },
          onEnd: () => socket.end(),
          onDrain: () => undefined,
          onClose: () => undefined,
        };
        socket.resume();
      },
    );
    service.closeListener = () => listening.close();
  }
}
