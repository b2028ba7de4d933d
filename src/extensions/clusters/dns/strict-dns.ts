/**
 * Every name of `load_assignment` is resolved on its own; each of its addresses is a host. A
 * failure keeps the hosts, an empty answer removes them. Envoy: `StrictDnsClusterImpl`.
 */

import type {
  DiscoveryConfig,
  DiscoveryServices,
  HostDiscovery,
} from "../../../upstream/discovery.ts";
import type { HostDescription } from "../../../upstream/host.ts";
import {
  describe,
  type EndpointConfig,
  type LoadAssignmentConfig,
} from "../../../upstream/load-assignment.ts";
import type { DnsSettings } from "./dns-settings.ts";
import { NameResolution, type NameResolutionListener } from "./name-resolution.ts";

export class StrictDnsConfig implements DiscoveryConfig {
  readonly type = "STRICT_DNS";
  readonly eager = true;
  readonly hostsVary = true;
  readonly fixedMembership = null;
  private readonly assignment: LoadAssignmentConfig;
  private readonly settings: DnsSettings;

  constructor(assignment: LoadAssignmentConfig, settings: DnsSettings) {
    this.assignment = assignment;
    this.settings = settings;
  }

  create(services: DiscoveryServices): HostDiscovery {
    return new StrictDnsDiscovery(this.assignment, this.settings, services);
  }
}

class StrictDnsDiscovery implements HostDiscovery {
  private readonly assignment: LoadAssignmentConfig;
  private readonly services: DiscoveryServices;
  private readonly targets: readonly Target[];

  constructor(
    assignment: LoadAssignmentConfig,
    settings: DnsSettings,
    services: DiscoveryServices,
  ) {
    this.assignment = assignment;
    this.services = services;
    this.targets = assignment.endpoints.map(
      (endpoint, index) => new Target(endpoint, index, settings, services, this),
    );
  }

  start(): void {
    for (const target of this.targets) target.start();
    if (this.targets.length === 0) this.attemptDone();
  }

  close(): void {
    for (const target of this.targets) target.close();
  }

  publish(): void {
    this.services.listener.onMembership({
      hosts: this.targets.flatMap((target) => target.hosts),
      localityWeights: this.assignment.localityWeights,
      overprovisioningFactor: this.assignment.overprovisioningFactor,
      weightedPriorityHealth: this.assignment.weightedPriorityHealth,
    });
  }

  /** As in Envoy, the first name that answers lets the cluster begin. */
  attemptDone(): void {
    this.services.listener.onInitialized();
  }
}

class Target implements NameResolutionListener {
  hosts: readonly HostDescription[] = [];
  private readonly endpoint: EndpointConfig;
  private readonly index: number;
  private readonly owner: StrictDnsDiscovery;
  private readonly resolution: NameResolution;

  constructor(
    endpoint: EndpointConfig,
    index: number,
    settings: DnsSettings,
    services: DiscoveryServices,
    owner: StrictDnsDiscovery,
  ) {
    const name = endpoint.address.ip;
    this.endpoint = endpoint.hostname === "" ? { ...endpoint, hostname: name } : endpoint;
    this.index = index;
    this.owner = owner;
    this.resolution = new NameResolution(name, settings, services, this);
  }

  start(): void {
    this.resolution.resolve();
  }

  close(): void {
    this.resolution.close();
  }

  onAddresses(ips: readonly string[]): void {
    this.hosts = [...new Set(ips)].map((ip) => this.hostAt(ip));
    this.owner.publish();
  }

  onAttemptDone(): void {
    this.owner.attemptDone();
  }

  /** Two names with one address are two hosts. */
  private hostAt(ip: string): HostDescription {
    const host = describe(this.endpoint, { ip, port: this.endpoint.address.port });
    if (this.index === 0) return host;
    return Object.freeze({ ...host, identity: `${host.addressText}#${this.index}` });
  }
}
