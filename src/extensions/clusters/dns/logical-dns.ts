/**
 * One name is one host, whose new connections go to the first address of the latest answer;
 * connections that exist stay. A failure or an empty answer keeps the address. Envoy:
 * `LogicalDnsCluster`.
 */
import type { SocketAddress } from "../../../platform/sockets.ts";
import type {
  DiscoveryConfig,
  DiscoveryServices,
  HostDiscovery,
} from "../../../upstream/discovery.ts";
import {
  describe,
  type EndpointConfig,
  type LoadAssignmentConfig,
} from "../../../upstream/load-assignment.ts";
import type { DnsSettings } from "./dns-settings.ts";
import { NameResolution, type NameResolutionListener } from "./name-resolution.ts";

export class LogicalDnsConfig implements DiscoveryConfig {
  readonly type = "LOGICAL_DNS";
  readonly eager = true;
  readonly hostsVary = false;
  readonly fixedMembership = null;
  private readonly assignment: LoadAssignmentConfig;
  private readonly settings: DnsSettings;

  constructor(assignment: LoadAssignmentConfig, settings: DnsSettings) {
    this.assignment = assignment;
    this.settings = settings;
  }

  create(services: DiscoveryServices): HostDiscovery {
    return new LogicalDnsDiscovery(this.assignment, this.settings, services);
  }
}

class LogicalDnsDiscovery implements HostDiscovery, NameResolutionListener {
  private readonly assignment: LoadAssignmentConfig;
  private readonly settings: DnsSettings;
  private readonly services: DiscoveryServices;
  private readonly endpoint: EndpointConfig;
  private readonly resolution: NameResolution;

  constructor(
    assignment: LoadAssignmentConfig,
    settings: DnsSettings,
    services: DiscoveryServices,
  ) {
    this.assignment = assignment;
    this.settings = settings;
    this.services = services;
    const endpoint = assignment.endpoints[0] as EndpointConfig;
    const name = endpoint.address.ip;
    this.endpoint = endpoint.hostname === "" ? { ...endpoint, hostname: name } : endpoint;
    this.resolution = new NameResolution(name, settings, services, this);
  }

  start(): void {
    this.resolution.resolve();
  }

  close(): void {
    this.resolution.close();
  }

  onAddresses(ips: readonly string[]): void {
    const { port } = this.endpoint.address;
    const [first, ...others] = ips.map((ip): SocketAddress => ({ ip, port }));
    if (first === undefined) return;
    const host = describe(this.endpoint, first);
    this.services.listener.onMembership({
      hosts: [
        Object.freeze({
          ...host,
          identity: `logical:${this.endpoint.address.ip}:${port}`,
          additionalAddresses: this.settings.family === "ALL" ? others : [],
        }),
      ],
      localityWeights: this.assignment.localityWeights,
      overprovisioningFactor: this.assignment.overprovisioningFactor,
      weightedPriorityHealth: this.assignment.weightedPriorityHealth,
    });
  }

  onAttemptDone(): void {
    this.services.listener.onInitialized();
  }
}
