/**
 * The members of a cluster whose hosts come with the requests (ORIGINAL_DST, dynamic forward
 * proxy): one more costs no walk over the others. The full picture is made when somebody looks.
 */
import { coarseHealth } from "./host.ts";
import { type PrioritySet, singlePriority } from "./host-set.ts";
import type { UpstreamHost } from "./upstream-host.ts";

export class OnDemandMembers {
  healthy = 0;
  degraded = 0;
  private readonly byIdentity = new Map<string, UpstreamHost>();
  private picture: PrioritySet | null = null;

  get size(): number {
    return this.byIdentity.size;
  }

  get prioritySet(): PrioritySet {
    this.picture ??= singlePriority(new Map(this.byIdentity));
    return this.picture;
  }

  /** Its identity is new. */
  add(host: UpstreamHost): void {
    this.byIdentity.set(host.description.identity, host);
    this.picture = null;
    this.count(host, 1);
  }

  /** False when it was no member. */
  remove(host: UpstreamHost): boolean {
    const { identity } = host.description;
    if (this.byIdentity.get(identity) !== host) return false;
    this.byIdentity.delete(identity);
    this.picture = null;
    this.count(host, -1);
    return true;
  }

  /** The health of some changed. */
  refresh(): void {
    this.picture = null;
    this.healthy = 0;
    this.degraded = 0;
    for (const host of this.byIdentity.values()) this.count(host, 1);
  }

  private count(host: UpstreamHost, by: number): void {
    const health = coarseHealth(host.healthFlags());
    if (health === "healthy") this.healthy += by;
    else if (health === "degraded") this.degraded += by;
  }
}
