// A new version of a membership of 10,000 hosts in three zones, of which one has a new weight: per
// host that stays.
import {
  applyMembership,
  EMPTY_MEMBERSHIP,
  EMPTY_PRIORITY_SET,
  type Membership,
} from "../../../src/upstream/host-set.ts";
import type { HostSlot } from "../../../src/upstream/host-slots.ts";
import { describe } from "../../../src/upstream/load-assignment.ts";
import { type PoolOwner, UpstreamHost } from "../../../src/upstream/upstream-host.ts";
import { bench } from "../../kit/micro.ts";

const HOSTS = 10_000;
const ZONES = ["a", "b", "c"].map((zone) => ({ region: "", zone, subZone: "" }));

function version(heavy: number): Membership {
  const hosts = Array.from({ length: HOSTS }, (_, index) => {
    const address = { ip: `10.0.${index >> 8}.${index & 255}`, port: 80 };
    const endpoint = {
      address,
      additionalAddresses: [],
      hostname: "",
      weight: index === heavy ? 7 : 1,
      priority: 0,
      locality: ZONES[index % ZONES.length]!,
      metadata: { "envoy.lb": { version: "v1" } },
      health: "UNKNOWN" as const,
      healthCheck: null,
    };
    return describe(endpoint, address);
  });
  return { ...EMPTY_MEMBERSHIP, hosts };
}

const slot = { flags: () => 0 } as HostSlot;
const versions = [version(1), version(2)];
let current = applyMembership(
  EMPTY_PRIORITY_SET,
  versions[0]!,
  (description) => new UpstreamHost(description, slot, {} as PoolOwner),
).next;
bench(
  "applyMembership, 10,000 hosts, one changed",
  (iteration) => {
    const change = applyMembership(current, versions[iteration & 1]!, () => {
      throw new Error("no host is new");
    });
    current = change.next;
    return current;
  },
  { operationsPerCall: HOSTS },
);
