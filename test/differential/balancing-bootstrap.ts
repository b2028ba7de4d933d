// Bootstraps for cases about balancing: endpoints in localities, and one route per cluster.
import {
  anyHost,
  bootstrap,
  CATCH_ALL,
  cluster,
  hcmWithHosts,
  listener,
  type Message,
  routeTo,
  socketAddress,
} from "./bootstrap.ts";
import type { DifferentialGroup } from "./case.ts";
import type { DistributionCase } from "./distribution.ts";

/** One endpoint on the scripted upstream of this name. */
export interface Member {
  readonly upstream: string;
  readonly weight?: number;
  readonly health?: string;
  /** Further fields of the LbEndpoint, e.g. metadata. */
  readonly fields?: Message;
}

/** Endpoints of one locality and priority. */
export interface Locality {
  readonly members: readonly Member[];
  readonly priority?: number;
  /** Name of the zone; default none. */
  readonly zone?: string;
  /** Weight of the locality. */
  readonly weight?: number;
}

const endpoint = ({ upstream, weight, health, fields = {} }: Member): Message => ({
  endpoint: { address: socketAddress(`@upstream:${upstream}@`) },
  ...(weight === undefined ? {} : { load_balancing_weight: weight }),
  ...(health === undefined ? {} : { health_status: health }),
  ...fields,
});

const endpoints = ({ members, priority = 0, zone, weight }: Locality): Message => ({
  priority,
  lb_endpoints: members.map(endpoint),
  ...(zone === undefined ? {} : { locality: { region: "r", zone } }),
  ...(weight === undefined ? {} : { load_balancing_weight: weight }),
});

/** A static cluster of these localities; `assignment` adds to its load_assignment. */
export function localities(
  name: string,
  list: readonly Locality[],
  fields: Message = {},
  assignment: Message = {},
): Message {
  const load_assignment = { cluster_name: name, endpoints: list.map(endpoints), ...assignment };
  return { ...cluster(name, []), ...fields, load_assignment };
}

/** A static cluster of one locality; weights by upstream name. */
export function weighted(
  name: string,
  weights: Readonly<Record<string, number>>,
  fields: Message = {},
): Message {
  const members = Object.entries(weights).map(([upstream, weight]) => ({ upstream, weight }));
  return localities(name, [{ members }], fields);
}

/** A group whose listener "main" sends `/NAME` to the cluster of that name. */
export function balancingGroup(
  name: string,
  clusters: readonly Message[],
  distributions: readonly DistributionCase[],
  routes: readonly Message[] = [],
): DifferentialGroup {
  const byName = clusters.map((one) =>
    routeTo({ path: `/${String(one["name"])}` }, String(one["name"])),
  );
  const hosts = [anyHost([...routes, ...byName, CATCH_ALL])];
  const up1 = clusters.some((one) => one["name"] === "up1") ? [] : [weighted("up1", { up1: 1 })];
  const resources = [...clusters, ...up1];
  return {
    name,
    bootstrap: bootstrap([listener("main", [hcmWithHosts(hosts, { access_log: [] })])], resources),
    cases: [],
    distributions,
  };
}
