// One cluster with one host on simulated time, under active checks.
import type { Cluster } from "../../../src/proto/generated/envoy/config/cluster/v3.ts";
import type { HealthCheck } from "../../../src/proto/generated/envoy/config/core/v3.ts";
import type { Endpoint_HealthCheckConfig } from "../../../src/proto/generated/envoy/config/endpoint/v3.ts";
import { assertNoLeaks } from "../../kit/leaks.ts";
import {
  type FixtureOptions,
  staticMessage,
  TestUpstream,
  type UpstreamFixture,
  upstreamFixture,
} from "../../upstream/upstream-fixture.ts";

export const seconds = (count: number): { seconds: number; nanos: number } => ({
  seconds: count,
  nanos: 0,
});

/** Checks every 2 s, each for at most 1 s, of a host at port 1000. */
export class CheckerFixture {
  readonly upstreams: UpstreamFixture;
  readonly upstream: TestUpstream = new TestUpstream();

  constructor(options: FixtureOptions = {}) {
    this.upstreams = upstreamFixture(options);
  }

  async start(
    check: Partial<HealthCheck>,
    endpoint?: Endpoint_HealthCheckConfig,
    port = 1000,
    cluster: Partial<Cluster> = {},
  ): Promise<this> {
    await this.upstream.listen(this.upstreams.network, port);
    const message = staticMessage([1000], {
      healthChecks: [
        {
          timeout: seconds(1),
          interval: seconds(2),
          noTrafficInterval: seconds(2),
          unhealthyThreshold: 2,
          healthyThreshold: 1,
          ...check,
        },
      ],
      ...cluster,
    });
    const only = message.loadAssignment?.endpoints?.[0]?.lbEndpoints?.[0]?.endpoint;
    if (only !== undefined && endpoint !== undefined) only.healthCheckConfig = endpoint;
    this.upstreams.add(message);
    await this.run(10);
    return this;
  }

  run(ms: number): Promise<void> {
    return this.upstreams.time.advance(ms);
  }

  /** To the next check, with some time to arrive. */
  nextCheck(): Promise<void> {
    return this.run(2050);
  }

  stat(name: string): number {
    return this.upstreams.stat(`cluster.c.health_check.${name}`);
  }

  /** `success/failure/network_failure`. */
  results(): string {
    return ["success", "failure", "network_failure"].map((one) => this.stat(one)).join("/");
  }

  get healthy(): boolean {
    return this.stat("healthy") === 1;
  }

  async close(): Promise<void> {
    const { manager, time, network, dispatcher } = this.upstreams;
    manager.close(() => undefined);
    this.upstream.close();
    for (const socket of this.upstream.sockets) socket.destroy();
    await assertNoLeaks({ time, network, dispatchers: [dispatcher] });
  }
}
